//! The front door of every HTTP service: connections are taken, bounded, answered and ended in order.
//!
//! Invariant: a connection costs a place until it ends, so no address block has more than its part of them, and nobody keeps one without asking:
//! a request's head has [`Limits::head`] to arrive, on a new connection and after each answer. What a request may cost once its head is here is
//! for the routes to bound.

mod doors;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::connect_info::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::Service;

use doors::Doors;

/// How long the door stays shut when the system has no place left for a connection.
const OUT_OF_PLACES: Duration = Duration::from_secs(1);

/// What a service grants to strangers.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Of these, from one address block (an IPv4 /24, an IPv6 /48).
    pub per_block: usize,
    /// How long a request's head may take.
    pub head: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 4_096, per_block: 1_024, head: Duration::from_secs(10) }
    }
}

/// Answers by `routes` until `shutdown`; then requests under way are still answered, as far as their routes end by themselves.
///
/// # Errors
/// What the system says of the listener's address.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let at = listener.local_addr()?;
    let (doors, (stop, stopped)) = (Doors::new(limits), watch::channel(()));
    let mut open = JoinSet::new();
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
            Some(_) = open.join_next(), if !open.is_empty() => continue,
        };
        match accepted {
            // Who is not let in is told so by the end of the connection: an answer would cost us more than it.
            Ok((stream, from)) => {
                if let Some(place) = doors.enter(from.ip()) {
                    let (routes, stopped) = (routes.clone(), stopped.clone());
                    open.spawn(async move {
                        answer((stream, from), routes, limits.head, stopped).await;
                        drop(place);
                    });
                }
            }
            Err(error) if is_of_the_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%at, %error, "no connection can be taken; trying again");
                tokio::time::sleep(OUT_OF_PLACES).await;
            }
        }
    }
    drop((listener, stop));
    while open.join_next().await.is_some() {}
    Ok(())
}

/// Whether only the connection that was to be taken failed.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers the requests of one connection until it ends, or until all do.
async fn answer(
    (stream, from): (TcpStream, SocketAddr),
    routes: Router,
    head: Duration,
    mut stopped: watch::Receiver<()>,
) {
    // Answers are small and wait for nothing.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(ConnectInfo(from));
        let mut routes = routes.clone();
        // A router is always ready.
        routes.call(request)
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(head);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    // A connection that breaks has told its client so.
    tokio::select! {
        _ = connection.as_mut() => {}
        // Nothing is ever sent: the sender's end is the word.
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}
