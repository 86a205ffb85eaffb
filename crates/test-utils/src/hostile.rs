//! Peers that mean harm, over real sockets: what strangers, and one with a stake, can do to trackers, aggregators and relays.
//!
//! Invariant: each attack comes from an address of its own (127.66.6.6), so that what an address block is denied is denied to them alone,
//! and ends by itself.

mod link;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, RngCore};
use tatum_primitives::{StreamId, StreamIdError};
use tatum_protocol::Stream;
use tatum_receipt::SessionKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::time::{sleep, timeout};

const FROM: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 66, 6, 6));
const CONNECTIONS: usize = 300;
const DATAGRAMS: usize = 20_000;
const REQUESTS: usize = 40;
const PATIENCE: Duration = Duration::from_secs(10);

/// What is done to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Connections to a tracker that say nothing, drip their headers, or shake hands and fall silent.
    Places,
    /// Bodies that are no receipts, forged receipts, bodies that are too large.
    Garbage,
    /// Numbers and paths that nobody asks for.
    Paths,
    /// Datagrams of noise, and some that look like STUN and DTLS.
    Datagrams,
    /// Links to relays, made as the protocol wants it by somebody with a stake: forged receipts, packets that are too large, and rubbish.
    Links,
}

impl Attack {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Places, Self::Garbage, Self::Paths, Self::Datagrams, Self::Links];
}

/// Who can be attacked.
#[derive(Clone, Debug)]
pub struct Targets {
    /// The trackers.
    pub trackers: Vec<String>,
    /// The aggregators.
    pub aggregators: Vec<String>,
    /// The UDP ports of relays.
    pub relay_ports: Vec<u16>,
    /// On whose account links are made.
    pub account: Account,
}

/// Somebody with a stake, and a stream that is open to everybody.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose stake it is.
    pub key: Arc<SessionKey>,
    /// The stream.
    pub stream: Stream,
}

impl Account {
    /// Somebody with a stake, on a stream that belongs to nobody.
    pub fn open(key: Arc<SessionKey>) -> Result<Self, StreamIdError> {
        Ok(Self { key, stream: Stream::new(StreamId::new("harbour/noise")?, 0) })
    }
}

/// Attacks, with what the seed makes of it. Whatever becomes of it, nobody honest may notice.
pub async fn attack(attack: Attack, targets: &Targets, mut rng: StdRng) {
    match attack {
        Attack::Places => take_places(pick(&targets.trackers, &mut rng)).await,
        Attack::Garbage => hand_in_garbage(pick(&targets.aggregators, &mut rng), rng).await,
        Attack::Paths => ask_for_nonsense(targets).await,
        Attack::Datagrams => make_noise(&targets.relay_ports, rng).await,
        Attack::Links => {
            let tracker = pick(&targets.trackers, &mut rng).to_owned();
            link::misuse_links(&tracker, &targets.account, rng).await;
        }
    }
}

fn pick<'a>(among: &'a [String], rng: &mut StdRng) -> &'a str {
    among.get(rng.random_range(0..among.len().max(1))).map_or("", String::as_str)
}

async fn connect(url: &str) -> Option<TcpStream> {
    let to: SocketAddr = url.trim_start_matches("http://").parse().ok()?;
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::new(FROM, 0)).ok()?;
    timeout(PATIENCE, socket.connect(to)).await.ok()?.ok()
}

async fn take_places(tracker: &str) {
    let mut held = Vec::new();
    for number in 0..CONNECTIONS {
        let Some(mut stream) = connect(tracker).await else { break };
        let said = match number % 3 {
            0 => "",
            1 => "GET /status HTTP/1.1\r\nhost: x\r\nx-drip: ",
            _ => {
                "GET /v1/tracker HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            }
        };
        // Who is thrown out has been noticed, which is no failure here.
        let _ = stream.write_all(said.as_bytes()).await;
        held.push(stream);
    }
    for _ in 0..5 {
        sleep(Duration::from_secs(1)).await;
        for stream in held.iter_mut().skip(1).step_by(3) {
            let _ = stream.write_all(b"a").await;
        }
    }
}

async fn hand_in_garbage(aggregator: &str, mut rng: StdRng) {
    let client = reqwest::Client::builder().local_address(FROM).timeout(PATIENCE).build();
    let Ok(client) = client else { return };
    for number in 0..REQUESTS {
        let size = [0, 1, 277, 279, 278 * 500 + 1, 40 << 20][number % 6];
        let mut body = vec![0; size];
        rng.fill_bytes(&mut body);
        if let Some(version) = body.first_mut() {
            *version = 1;
        }
        let request = client.post(format!("{aggregator}/v1/receipts"));
        let request = request.header("content-type", "application/vnd.tatum.receipts");
        let _ = request.body(body).send().await;
    }
}

async fn ask_for_nonsense(targets: &Targets) {
    const PATHS: [&str; 8] = [
        "/v1/epochs/18446744073709551615/manifest",
        "/v1/epochs/-1",
        "/v1/epochs/0/files/..%2f..%2fidentity.key",
        "/v1/epochs?limit=4294967295&before=18446744073709551615",
        "/v1/epochs/0/receipts?offset=18446744073709551615&limit=4294967295",
        "/v1/epochs/0/operators/4294967295",
        "/v1/streams/0x00",
        "/v1/permissions?stream=%00%1b%5b31m",
    ];
    let client = reqwest::Client::builder().local_address(FROM).timeout(PATIENCE).build();
    let Ok(client) = client else { return };
    for base in targets.aggregators.iter().chain(&targets.trackers) {
        for path in PATHS {
            let _ = client.get(format!("{base}{path}")).send().await;
        }
        let _ =
            client.post(format!("{base}/v1/permissions")).body("{\"version\":1e99}").send().await;
        // A request that is never finished, while others are asked.
        if let Some(mut stream) = connect(base).await {
            let _ =
                stream.write_all(b"POST /v1/receipts HTTP/1.1\r\ncontent-length: 9\r\n\r\n").await;
            let _ = timeout(Duration::from_secs(2), stream.read(&mut [0; 64])).await;
        }
    }
}

async fn make_noise(ports: &[u16], mut rng: StdRng) {
    let Ok(socket) = UdpSocket::bind(SocketAddr::new(FROM, 0)).await else { return };
    for number in 0..DATAGRAMS {
        let Some(port) = ports.get(number % ports.len().max(1)) else { return };
        let mut datagram = [0; 512];
        rng.fill_bytes(&mut datagram);
        // A STUN request, a DTLS hello, or nothing that anybody knows.
        match number % 3 {
            0 => datagram[..8].copy_from_slice(&[0, 1, 1, 236, 0x21, 0x12, 0xa4, 0x42]),
            1 => datagram[..3].copy_from_slice(&[22, 254, 253]),
            _ => {}
        }
        let length = rng.random_range(1..=datagram.len());
        let _ = socket.send_to(&datagram[..length], (Ipv4Addr::LOCALHOST, *port)).await;
        if number % 500 == 0 {
            sleep(Duration::from_millis(50)).await;
        }
    }
}
