//! Stray datagrams for the relay's socket, at a bounded rate.
//!
//! Invariant: they come from loopback and go to loopback, and end with the measurement.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context;

/// Datagrams in a burst, and the pause after it: at most 20 000 a second.
const BURST: u8 = 100;
const PAUSE: Duration = Duration::from_millis(5);

/// A flood under way.
#[derive(Debug)]
pub(super) struct Flood {
    over: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Flood {
    pub(super) fn start(to: SocketAddr) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").context("a socket for stray datagrams")?;
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let thread = std::thread::spawn(move || pour(&socket, to, &seen));
        Ok(Self { over, thread })
    }

    /// Ends it; gives how many datagrams were sent.
    pub(super) fn stop(self) -> u64 {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

/// Noise, and what looks like STUN, DTLS and SRTP but is none.
fn pour(socket: &UdpSocket, to: SocketAddr, over: &AtomicBool) -> u64 {
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        for number in 0..BURST {
            let mut datagram = vec![number; 20 + usize::from(number) * 10];
            if let (Some(first), Some(kind)) =
                (datagram.first_mut(), [0, 1, 22, 23, 128, 255].get(usize::from(number % 6)))
            {
                *first = *kind;
            }
            // What the system drops was not sent.
            sent += u64::from(socket.send_to(&datagram, to).is_ok());
        }
        std::thread::sleep(PAUSE);
    }
    sent
}
