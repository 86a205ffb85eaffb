//! A service that strangers knock at, over real sockets.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::routing::get;
use tatum_serve::{Limits, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const HEAD: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(10);
const ASKED: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

async fn start(
    limits: Limits,
) -> (SocketAddr, oneshot::Sender<()>, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let whoami = |ConnectInfo(from): ConnectInfo<SocketAddr>| async move { from.to_string() };
    let slowly = || async {
        tokio::time::sleep(HEAD).await;
        "done"
    };
    let routes = Router::new().route("/", get(whoami)).route("/slowly", get(slowly));
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(serve(listener, routes, limits, async {
        let _ = stopped.await;
    }));
    (at, stop, serving)
}

/// What comes until the connection ends.
async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A connection may be reset instead of closed; what came before counts.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("it was never ended");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn who_drips_a_head_or_says_nothing_is_ended_and_others_are_answered() {
    let (at, _stop, _serving) = start(Limits { head: HEAD, ..Limits::default() }).await;
    let mut silent = TcpStream::connect(at).await.unwrap();
    let mut dripping = TcpStream::connect(at).await.unwrap();
    let mut lazy = TcpStream::connect(at).await.unwrap();
    lazy.write_all(ASKED).await.unwrap();
    let (mut reading, mut writing) = dripping.split();
    let drip = async {
        writing.write_all(b"GET / HTTP/1.1\r\nx: ").await.unwrap();
        while writing.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let mut bytes = Vec::new();
    let ended = async { timeout(PATIENCE, reading.read_to_end(&mut bytes)).await.is_ok() };
    tokio::select! {
        ended = ended => assert!(ended, "it may drip for ever"),
        () = drip => {}
    }
    assert_eq!(rest(&mut silent).await, "");
    let answered = rest(&mut lazy).await;
    assert!(answered.starts_with("HTTP/1.1 200") && answered.contains("127.0.0.1:"), "{answered}");
}

#[tokio::test]
async fn one_address_block_takes_no_more_than_its_places_and_gives_them_back() {
    let (at, _stop, _serving) = start(Limits { per_block: 2, ..Limits::default() }).await;
    let held = [TcpStream::connect(at).await.unwrap(), TcpStream::connect(at).await.unwrap()];
    let asked = async || {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
        rest(&mut stream).await
    };
    assert_eq!(asked().await, "");
    drop(held);
    let again = async {
        while !asked().await.starts_with("HTTP/1.1 200") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, again).await.expect("places were not given back");
}

#[tokio::test]
async fn what_is_under_way_at_the_end_is_answered_and_nobody_waiting_holds_it_up() {
    let (at, stop, serving) = start(Limits::default()).await;
    let _waiting = TcpStream::connect(at).await.unwrap();
    let mut asking = TcpStream::connect(at).await.unwrap();
    asking.write_all(b"GET /slowly HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.send(()).unwrap();
    assert!(rest(&mut asking).await.ends_with("done"));
    timeout(PATIENCE, serving).await.expect("it waits for who asks nothing").unwrap().unwrap();
}
