//! How an endpoint listens and what it may hold.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

/// How an endpoint listens and what it may hold.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the one UDP socket. `[::]` means all addresses of both families, `0.0.0.0` all of IPv4; peers are told the
    /// machine's own addresses then.
    pub bind: SocketAddr,
    /// Addresses told to peers instead of the bound one, for example the public side of a NAT. Port
    /// 0 means the bound port.
    pub advertise: Vec<SocketAddr>,
    /// Bytes of data that may wait per link above the SCTP buffer.
    pub queue_bytes: usize,
    /// Events that may wait for the reader before the endpoint stops reading the socket.
    pub event_queue: usize,
    /// The most links at one time.
    pub max_links: usize,
    /// How long a link may take to open.
    pub connect_timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
            advertise: Vec::new(),
            queue_bytes: 1024 * 1024,
            event_queue: 1024,
            max_links: 1024,
            connect_timeout: Duration::from_secs(10),
        }
    }
}
