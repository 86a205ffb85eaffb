//! The one UDP socket, with many datagrams to a system call.
//!
//! Invariant: datagrams to one address leave in the order they were given, and what waits for a full socket is bounded.
//! Consecutive datagrams to one address that are equally long, but for the last, are handed to the kernel as one piece
//! (UDP_SEGMENT, UDP_GRO) where it can do that; elsewhere one by one. On the wire there is no difference.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Datagrams that may wait for a full socket; SCTP sends again what is dropped.
const BLOCKED_DATAGRAMS: usize = 1024;
/// The largest piece: a UDP length without its headers, rounded down.
const PIECE_BYTES: usize = 65_000;
/// Pieces that may be read at once, each of any length that UDP can have.
const PIECES_READ: usize = 4;
const READ_BYTES: usize = 65_536;
/// Wanted of the kernel for datagrams that we have not read yet; it may give less.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// From where to where a datagram goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) source: Option<IpAddr>,
    pub(super) destination: SocketAddr,
}

/// Datagrams for one address in one buffer.
#[derive(Debug)]
struct Piece {
    /// The address it leaves from; the system chooses where none is named.
    source: Option<IpAddr>,
    destination: SocketAddr,
    bytes: Vec<u8>,
    /// The length of each datagram but the last, which may be shorter.
    each_bytes: usize,
    datagrams: usize,
}

impl Piece {
    fn takes(&self, path: Path, datagram: &[u8], most: usize) -> bool {
        self.source == path.source
            && self.destination == path.destination
            && self.datagrams < most
            && datagram.len() <= self.each_bytes
            && self.each_bytes.checked_mul(self.datagrams) == Some(self.bytes.len())
            && self.bytes.len().saturating_add(datagram.len()) <= PIECE_BYTES
    }
}

/// What was read: pieces whose datagrams are `stride` bytes long, but for the last.
#[derive(Debug)]
pub(super) struct Inbox {
    buffer: Vec<u8>,
    metas: [RecvMeta; PIECES_READ],
    filled: usize,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            buffer: vec![0; PIECES_READ * READ_BYTES],
            metas: [RecvMeta::default(); PIECES_READ],
            filled: 0,
        }
    }

    /// Each datagram with its source, and the address of ours that it was sent to where the system says so.
    pub(super) fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, Option<IpAddr>, &[u8])> {
        let pieces = self.metas.iter().zip(self.buffer.chunks(READ_BYTES)).take(self.filled);
        pieces.flat_map(|(meta, piece)| {
            let bytes = piece.get(..meta.len).unwrap_or_default();
            // A socket of both families sees IPv4 in IPv6's clothes.
            let source = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let ours = meta.dst_ip.map(|ip| ip.to_canonical());
            bytes.chunks(meta.stride.max(1)).map(move |datagram| (source, ours, datagram))
        })
    }
}

#[derive(Debug)]
pub(crate) struct Socket {
    io: UdpSocket,
    kernel: UdpSocketState,
    /// Whether it takes IPv4 addresses in IPv6's form only.
    maps_ipv4: bool,
    /// Whether datagrams leave from the address that their path names.
    from_named: bool,
    /// What [`Socket::flush`] sends.
    open: Option<Piece>,
    blocked: VecDeque<Piece>,
    /// An emptied buffer, used again.
    spare: Vec<u8>,
}

impl Socket {
    pub(crate) fn new(io: UdpSocket, from_named: bool) -> io::Result<Self> {
        let kernel = UdpSocketState::new((&io).into())?;
        // A smaller buffer only means that more is sent again under load.
        let _ = kernel.set_recv_buffer_size((&io).into(), RECEIVE_BUFFER_BYTES);
        let maps_ipv4 = io.local_addr()?.is_ipv6();
        Ok(Self {
            io,
            kernel,
            maps_ipv4,
            from_named,
            open: None,
            blocked: VecDeque::new(),
            spare: Vec::new(),
        })
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.io.readable().await
    }

    pub(super) async fn writable(&self) -> io::Result<()> {
        self.io.writable().await
    }

    /// Whether something waits for the socket.
    pub(super) fn is_blocked(&self) -> bool {
        !self.blocked.is_empty()
    }

    /// Reads what is there, up to the inbox's size.
    pub(super) fn receive(&self, inbox: &mut Inbox) -> io::Result<()> {
        let Inbox { buffer, metas, filled } = inbox;
        *filled = 0;
        let mut pieces = buffer.chunks_mut(READ_BYTES).map(IoSliceMut::new);
        let mut pieces: [IoSliceMut<'_>; PIECES_READ] =
            std::array::from_fn(|_| pieces.next().unwrap_or_else(|| IoSliceMut::new(&mut [])));
        *filled = self.io.try_io(Interest::READABLE, || {
            self.kernel.recv((&self.io).into(), &mut pieces, metas)
        })?;
        Ok(())
    }

    /// Takes a datagram to be sent; it leaves with [`Socket::flush`] at the latest.
    pub(super) fn send(&mut self, path: Path, datagram: &[u8]) {
        let most = self.kernel.max_gso_segments();
        if let Some(piece) = &mut self.open
            && piece.takes(path, datagram, most)
        {
            piece.bytes.extend_from_slice(datagram);
            piece.datagrams = piece.datagrams.saturating_add(1);
            return;
        }
        self.flush();
        let mut bytes = std::mem::take(&mut self.spare);
        bytes.extend_from_slice(datagram);
        let each_bytes = datagram.len();
        let Path { source, destination } = path;
        self.open = Some(Piece { source, destination, bytes, each_bytes, datagrams: 1 });
    }

    /// Sends what was taken.
    pub(super) fn flush(&mut self) {
        let Some(piece) = self.open.take() else { return };
        if self.blocked.is_empty() && !self.would_block(&piece) {
            self.spare = piece.bytes;
            self.spare.clear();
            return;
        }
        let waiting: usize = self.blocked.iter().map(|piece| piece.datagrams).sum();
        if waiting < BLOCKED_DATAGRAMS {
            self.blocked.push_back(piece);
        }
    }

    /// Sends what waited, as far as the socket takes it.
    pub(super) fn send_blocked(&mut self) {
        while let Some(piece) = self.blocked.pop_front() {
            if self.would_block(&piece) {
                self.blocked.push_front(piece);
                return;
            }
        }
    }

    /// The address in the form that the socket takes.
    fn as_taken(&self, destination: SocketAddr) -> SocketAddr {
        match destination.ip() {
            IpAddr::V4(ip) if self.maps_ipv4 => (ip.to_ipv6_mapped(), destination.port()).into(),
            _ => destination,
        }
    }

    /// Hands a piece to the kernel; false once it is gone.
    fn would_block(&self, piece: &Piece) -> bool {
        let transmit = Transmit {
            destination: self.as_taken(piece.destination),
            ecn: None,
            contents: &piece.bytes,
            segment_size: (piece.datagrams > 1).then_some(piece.each_bytes),
            src_ip: piece.source.filter(|_| self.from_named),
        };
        let sent = self
            .io
            .try_io(Interest::WRITABLE, || self.kernel.try_send((&self.io).into(), &transmit));
        // Other errors (unreachable, refused) are the network's loss; ICE notices a dead path.
        matches!(sent, Err(error) if error.kind() == ErrorKind::WouldBlock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn pair() -> (Socket, Socket, SocketAddr) {
        let [one, two] = ["127.0.0.1:0"; 2].map(UdpSocket::bind);
        let (one, two) = (one.await.unwrap(), two.await.unwrap());
        let to = two.local_addr().unwrap();
        one.writable().await.unwrap();
        (Socket::new(one, false).unwrap(), Socket::new(two, false).unwrap(), to)
    }

    #[tokio::test]
    async fn datagrams_arrive_as_they_were_sent() {
        let (mut one, two, to) = pair().await;
        let sizes = [1200, 1200, 1200, 700, 1200, 30, 40, 1200, 1200];
        let sent: Vec<Vec<u8>> =
            sizes.iter().zip(0..).map(|(size, number)| vec![number; *size]).collect();
        for datagram in &sent {
            one.send(Path { source: None, destination: to }, datagram);
        }
        one.flush();
        let (mut inbox, mut got) = (Inbox::new(), Vec::new());
        while got.len() < sent.len() {
            two.readable().await.unwrap();
            if two.receive(&mut inbox).is_ok() {
                got.extend(inbox.datagrams().map(|(_, _, datagram)| datagram.to_vec()));
            }
        }
        assert_eq!(got, sent);
    }

    #[tokio::test]
    async fn what_waits_for_a_full_socket_is_bounded() {
        let (mut one, _two, to) = pair().await;
        one.blocked.extend((0..BLOCKED_DATAGRAMS).map(|_| Piece {
            source: None,
            destination: to,
            bytes: vec![1],
            each_bytes: 1,
            datagrams: 1,
        }));
        one.send(Path { source: None, destination: to }, &[2]);
        one.flush();
        assert_eq!(one.blocked.len(), BLOCKED_DATAGRAMS);
        one.io.writable().await.unwrap();
        one.send_blocked();
        assert!(!one.is_blocked());
    }
}
