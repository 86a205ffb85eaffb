//! What owns the socket and all sessions.
//!
//! Invariant: it never waits for its reader while a command waits for it. It sleeps unless there is a command, a datagram, or a session whose deadline has
//! come. Commands and datagrams are taken in runs before sessions are advanced, so small messages
//! share SCTP packets under load.

mod datagrams;
mod mapping;
mod socket;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant as TokioInstant, sleep_until};

use crate::config::Config;
use crate::link::{Command, Event, Offer};
use crate::peer::{Effect, Paths, Peer};
use crate::{CloseReason, Error, Link, LinkId};
use mapping::Mapping;
pub(crate) use socket::Socket;
use socket::{Inbox, Path};
use str0m::net::Transmit;

/// Commands or datagrams taken in one run.
const RUN: usize = 128;

pub(crate) struct Driver {
    config: Config,
    socket: Socket,
    addresses: Vec<SocketAddr>,
    commands: mpsc::UnboundedReceiver<Command>,
    /// For the handles this driver makes. Weak, so that dropping every handle stops the driver.
    handles: mpsc::WeakUnboundedSender<Command>,
    events: mpsc::Sender<Event>,
    next_link: u64,
    peers: BTreeMap<LinkId, Peer>,
    by_fragment: HashMap<String, LinkId>,
    by_address: HashMap<SocketAddr, LinkId>,
    deadlines: BTreeSet<(Instant, LinkId)>,
    dirty: BTreeSet<LinkId>,
    /// Events the reader has no room for. While there are any, sessions and the socket rest: a slow
    /// reader slows the peers through SCTP's window, and memory stays bounded. Commands are taken
    /// all the same, because the reader may be waiting for the answer to one.
    pending: VecDeque<Event>,
    /// Empty between two advances; kept for its memory.
    effects: Vec<Effect>,
    /// Datagrams that belong to no session.
    refused: Arc<AtomicU64>,
    mapping: Option<Mapping>,
    /// Links to be made, which wait until our address is known.
    held: Vec<Command>,
}

impl Driver {
    pub(crate) fn new(
        config: Config,
        socket: Socket,
        addresses: Vec<SocketAddr>,
        commands: mpsc::UnboundedReceiver<Command>,
        handles: mpsc::WeakUnboundedSender<Command>,
        events: mpsc::Sender<Event>,
        refused: Arc<AtomicU64>,
    ) -> Self {
        Self {
            config,
            socket,
            addresses,
            commands,
            handles,
            events,
            next_link: 1,
            peers: BTreeMap::new(),
            by_fragment: HashMap::new(),
            by_address: HashMap::new(),
            deadlines: BTreeSet::new(),
            dirty: BTreeSet::new(),
            pending: VecDeque::new(),
            effects: Vec::new(),
            refused,
            mapping: None,
            held: Vec::new(),
        }
    }

    /// Runs until every handle is dropped.
    pub(crate) async fn run(mut self) {
        let mut inbox = Inbox::new();
        let reader = self.events.clone();
        loop {
            let wake = self.wake().map(TokioInstant::from_std);
            let awake = self.pending.is_empty();
            tokio::select! {
                room = reader.reserve(), if !awake => {
                    let Ok(room) = room else { break };
                    if let Some(event) = self.pending.pop_front() {
                        room.send(event);
                    }
                }
                command = self.commands.recv() => {
                    let Some(command) = command else { break };
                    self.take_commands(command);
                }
                ready = self.socket.readable(), if awake => {
                    if ready.is_ok() {
                        self.take_datagrams(&mut inbox);
                    }
                }
                () = async {
                    match wake {
                        Some(at) => sleep_until(at).await,
                        None => std::future::pending().await,
                    }
                }, if awake => {}
                ready = self.socket.writable(), if self.socket.is_blocked() => {
                    if ready.is_ok() {
                        self.socket.send_blocked();
                    }
                }
            }
            self.mark_due(Instant::now());
            self.ask_address(Instant::now());
            if self.advance_dirty().is_err() {
                break;
            }
        }
        self.close_all();
        // Whoever still reads learns that its links are gone; nobody may be left.
        let _ = self.tell();
    }

    fn take_commands(&mut self, first: Command) {
        self.command(first);
        for _ in 1..RUN {
            let Ok(command) = self.commands.try_recv() else { return };
            self.command(command);
        }
    }

    fn command(&mut self, command: Command) {
        let now = Instant::now();
        let is_pending = self.mapping.as_ref().is_some_and(Mapping::is_pending);
        match command {
            Command::Offer(_) | Command::Answer(..) if is_pending => self.held.push(command),
            Command::Offer(reply) => {
                let made = self
                    .room()
                    .and_then(|()| Peer::offering(&self.paths(), now, self.config.connect_timeout));
                let _ = reply.send(made.and_then(|(peer, text)| self.add(peer, text)));
            }
            Command::Answer(offer, reply) => {
                let made = self.room().and_then(|()| {
                    Peer::answering(&offer, &self.paths(), now, self.config.connect_timeout)
                });
                let _ = reply.send(made.and_then(|(peer, text)| self.add(peer, text)));
            }
            Command::AcceptAnswer(id, answer, reply) => {
                let taken = match self.peers.get_mut(&id) {
                    Some(peer) => peer.accept_answer(&answer),
                    None => Err(Error::NoPendingOffer),
                };
                self.dirty.insert(id);
                let _ = reply.send(taken);
            }
            Command::Send(id, message) => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.enqueue(message);
                    self.dirty.insert(id);
                }
            }
            Command::Close(id) => self.close(id),
            Command::FindAddress(server) => {
                if self.mapping.as_ref().is_none_or(|mapping| mapping.server() != server) {
                    self.mapping = Some(Mapping::new(server, now));
                }
            }
        }
    }

    /// When there is something to do, if nothing happens before.
    fn wake(&self) -> Option<Instant> {
        let session = self.deadlines.first().map(|(at, _)| *at);
        let address = self.mapping.as_ref().map(|mapping| mapping.due);
        session.into_iter().chain(address).min()
    }

    /// Asks for our address when that is due, and makes the links that waited for it.
    fn ask_address(&mut self, now: Instant) {
        let Some(mapping) = &mut self.mapping else { return };
        if let Some(question) = mapping.question(now) {
            self.socket.send(Path { source: None, destination: mapping.server() }, &question);
            self.socket.flush();
        }
        if !mapping.is_pending() {
            for command in std::mem::take(&mut self.held) {
                self.command(command);
            }
        }
    }

    /// The ways in which a peer may reach us.
    fn paths(&self) -> Paths<'_> {
        let outside = self.mapping.as_ref().and_then(Mapping::address);
        Paths { local: &self.addresses, outside }
    }

    fn room(&self) -> Result<(), Error> {
        let limit = self.config.max_links;
        if self.peers.len() >= limit { Err(Error::TooManyLinks { limit }) } else { Ok(()) }
    }

    fn add(&mut self, mut peer: Peer, description: String) -> Result<Offer, Error> {
        let commands = self.handles.upgrade().ok_or(Error::Stopped)?;
        let id = LinkId(self.next_link);
        self.next_link = self.next_link.saturating_add(1);
        let link = Link { id, gauge: peer.gauge(), commands, queue_bytes: self.config.queue_bytes };
        self.by_fragment.insert(peer.fragment(), id);
        self.peers.insert(id, peer);
        self.dirty.insert(id);
        Ok(Offer { link, description })
    }

    fn mark_due(&mut self, now: Instant) {
        while let Some((at, id)) = self.deadlines.first().copied()
            && at <= now
        {
            self.deadlines.remove(&(at, id));
            self.dirty.insert(id);
        }
    }

    /// Hands events to the reader while it has room.
    fn tell(&mut self) -> Result<(), Error> {
        while let Some(event) = self.pending.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.pending.push_front(event);
                    return Ok(());
                }
                Err(TrySendError::Closed(_)) => return Err(Error::Stopped),
            }
        }
        Ok(())
    }

    /// Advances sessions that have something to do, until the reader has no more room.
    fn advance_dirty(&mut self) -> Result<(), Error> {
        self.tell()?;
        while self.pending.is_empty()
            && let Some(id) = self.dirty.pop_first()
        {
            self.advance(id);
            self.tell()?;
        }
        self.socket.flush();
        Ok(())
    }

    /// Advances one session; its events wait for the reader.
    fn advance(&mut self, id: LinkId) {
        self.dirty.remove(&id);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        self.deadlines.remove(&(peer.deadline, id));
        let mut effects = std::mem::take(&mut self.effects);
        peer.advance(Instant::now(), &mut effects);
        self.deadlines.insert((peer.deadline, id));
        for effect in effects.drain(..) {
            let event = match effect {
                Effect::Transmit(transmit) => {
                    self.socket.send(path(&transmit), &transmit.contents);
                    continue;
                }
                Effect::Opened(remote) => Event::Connected { link: id, remote },
                Effect::Received(data) => Event::Received { link: id, data },
                Effect::Closed(reason) => {
                    forget(&mut self.peers, &mut self.deadlines, id);
                    self.by_fragment.retain(|_, link| *link != id);
                    self.by_address.retain(|_, link| *link != id);
                    Event::Closed { link: id, reason }
                }
            };
            self.pending.push_back(event);
        }
        self.effects = effects;
    }

    fn close(&mut self, id: LinkId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let mut effects = Vec::new();
        peer.close(&mut effects);
        for effect in effects {
            if let Effect::Transmit(transmit) = effect {
                self.socket.send(path(&transmit), &transmit.contents);
            }
        }
        self.socket.flush();
        forget(&mut self.peers, &mut self.deadlines, id);
        self.by_fragment.retain(|_, link| *link != id);
        self.by_address.retain(|_, link| *link != id);
        // It waits its turn behind other news; the reader must hear of every end.
        self.pending.push_back(Event::Closed { link: id, reason: CloseReason::Local });
    }

    fn close_all(&mut self) {
        let ids: Vec<LinkId> = self.peers.keys().copied().collect();
        for id in ids {
            self.close(id);
        }
    }
}

fn path(transmit: &Transmit) -> Path {
    Path { source: Some(transmit.source.ip()), destination: transmit.destination }
}

fn forget(
    peers: &mut BTreeMap<LinkId, Peer>,
    deadlines: &mut BTreeSet<(Instant, LinkId)>,
    id: LinkId,
) {
    if let Some(peer) = peers.remove(&id) {
        deadlines.remove(&(peer.deadline, id));
    }
}
