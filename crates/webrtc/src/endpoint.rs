//! The handle to a UDP socket that carries all links of a process.
//!
//! Invariant: dropping the endpoint and all its links ends the driver and its thread.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::UdpSocket;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, oneshot};

use crate::config::Config;
use crate::driver::{Driver, Socket};
use crate::link::{Command, Event, Offer};
use crate::{Error, LinkId, addresses};

/// Makes links over one UDP socket.
#[derive(Debug, Clone)]
pub struct Endpoint {
    commands: mpsc::UnboundedSender<Command>,
    local: SocketAddr,
    refused: Arc<AtomicU64>,
}

impl Endpoint {
    /// Binds the socket and starts the driver, on a thread of its own: datagrams must not wait while the caller's
    /// threads check signatures, or every acknowledgement is late and the links stand still.
    ///
    /// # Errors
    /// [`Error::Socket`] if the address cannot be bound, [`Error::Description`] if there is no
    /// address to tell peers.
    pub async fn bind(config: Config) -> Result<(Self, mpsc::Receiver<Event>), Error> {
        let socket = addresses::bind(config.bind)?;
        socket.set_nonblocking(true)?;
        let local = socket.local_addr()?;
        let mut told = config.advertise.clone();
        for address in &mut told {
            if address.port() == 0 {
                address.set_port(local.port());
            }
        }
        // Datagrams leave from the address that they name, unless that is one outside of this machine.
        let from_named = told.is_empty() && local.ip().is_unspecified();
        if told.is_empty() {
            told = addresses::reachable(local)?;
        }
        let (commands, command_queue) = mpsc::unbounded_channel();
        let (events, event_queue) = mpsc::channel(config.event_queue);
        let handles = commands.downgrade();
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let socket = {
            let _in_runtime = runtime.enter();
            Socket::new(UdpSocket::from_std(socket)?, from_named)?
        };
        let refused = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&refused);
        let driver = Driver::new(config, socket, told, command_queue, handles, events, counted);
        let thread = std::thread::Builder::new().name("tatum-links".to_owned());
        thread.spawn(move || runtime.block_on(driver.run()))?;
        Ok((Self { commands, local, refused }, event_queue))
    }

    /// The bound address.
    #[must_use]
    pub const fn local_address(&self) -> SocketAddr {
        self.local
    }

    /// Datagrams so far that belonged to no link, or that their link could make nothing of.
    #[must_use]
    pub fn refused_datagrams(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Asks a STUN server, now and then, at which address the world sees us, and tells peers of it. Links wait for the
    /// first answer, a second at most.
    ///
    /// # Errors
    /// If the endpoint has stopped.
    pub fn find_address(&self, server: SocketAddr) -> Result<(), Error> {
        self.ask(Command::FindAddress(server))
    }

    /// Starts a link; its description is the offer.
    ///
    /// # Errors
    /// If the endpoint has stopped or has no room.
    pub async fn offer(&self) -> Result<Offer, Error> {
        let (reply, answer) = oneshot::channel();
        self.ask(Command::Offer(reply))?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Takes a peer's offer; the description of the result is the answer.
    ///
    /// # Errors
    /// [`Error::Description`] if the offer is malformed; otherwise as [`Endpoint::offer`].
    pub async fn answer(&self, offer: String) -> Result<Offer, Error> {
        let (reply, answer) = oneshot::channel();
        self.ask(Command::Answer(offer, reply))?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Takes the peer's answer to our offer of `link`.
    ///
    /// # Errors
    /// [`Error::NoPendingOffer`] if that link waits for no answer; [`Error::Description`] if the
    /// answer is malformed.
    pub async fn accept_answer(&self, link: LinkId, description: String) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.ask(Command::AcceptAnswer(link, description, reply))?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    fn ask(&self, command: Command) -> Result<(), Error> {
        self.commands.send(command).map_err(|_| Error::Stopped)
    }
}
