//! Clients: nodes that decline to relay, and pay.
//!
//! Invariant: a client counts and receipts what it received or what was accepted from it, whether
//! its owner reads along or not; what its owner gets is decrypted and in order.

mod acceptance;
mod input;
mod key_file;
mod progress;
mod publisher;
mod subscriber;

use std::net::{Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tatum_channel::Price;
use tatum_database::NodeStore;
pub use tatum_database::Position;
use tatum_overlay::credit;
use tatum_overlay::ledger::Cadence;
use tatum_overlay::node::{Ceilings, Config as OverlayConfig, PayerConfig};
use tatum_overlay::propagation::Limits;
use tatum_primitives::{Address, Domain, ReaderId, millis};
use tatum_receipt::{SessionKey, Verifier};
use tokio::sync::{mpsc, oneshot};

pub use acceptance::Acceptance;
pub use input::MAX_PAYLOAD_BYTES;
pub use publisher::{PublishStats, Publisher};
pub use subscriber::{Delivered, Gap, Item, SubscribeStats, Subscriber, Unreadable};
pub use tatum_overlay::client::{Keys, Rotation};

use crate::engine::{Closing, Command, Engine, EngineHandle, Notice, Setup};
use crate::relay::{SharedFacts, WHOLE, open_store};
use crate::{Clock, NodeError, NodeKey, Trackers};
pub use tatum_protocol::Stream;

/// What a client is.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its name in the network; a random one will do.
    pub node_key: NodeKey,
    /// The deployment's trackers.
    pub trackers: Trackers,
    /// The UDP address for all links.
    pub bind: SocketAddr,
    /// Addresses told to peers instead of `bind`.
    pub advertise: Vec<SocketAddr>,
    /// Who pays.
    pub payer: Address,
    /// Signs receipts, requests and published messages: the payer's own key or a session key.
    pub key: SessionKey,
    /// The deployment that receipts are signed for.
    pub domain: Domain,
    /// What opens and seals payloads.
    pub keys: Keys,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Chain facts about relays; without them a relay's word for its operator is taken, which can
    /// only cost that relay its pay.
    pub facts: Option<SharedFacts>,
    /// Where receipts are kept; without it they live as long as the process.
    pub data_dir: Option<PathBuf>,
    /// When receipts are due.
    pub cadence: Cadence,
    /// What is paid at most where the payer has a channel with the relay's operator; without a limit its stake pays everywhere.
    pub channel_limit: Option<Price>,
    /// A message is on time up to this age.
    pub latency_bound: Duration,
    /// Whether a subscriber goes on where what it kept in `data_dir` says, instead of asking for older messages.
    pub resume: bool,
    /// Where a subscriber goes on with some chains, whatever was kept.
    pub after: Vec<Position>,
    /// How many older messages a new subscriber asks for.
    pub history: u64,
    /// How long to wait for the first relay.
    pub connect_timeout: Duration,
}

impl Config {
    /// A client with the usual limits, without a store.
    #[must_use]
    pub fn new(
        trackers: impl Into<Trackers>,
        payer: Address,
        key: SessionKey,
        domain: Domain,
        keys: impl Into<Keys>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            node_key: NodeKey::from_bytes(&rand::random()),
            trackers: trackers.into(),
            bind: (Ipv6Addr::UNSPECIFIED, 0).into(),
            advertise: Vec::new(),
            payer,
            key,
            domain,
            keys: keys.into(),
            clock,
            facts: None,
            data_dir: None,
            cadence: Cadence::default(),
            channel_limit: None,
            latency_bound: Duration::from_secs(2),
            resume: true,
            after: Vec::new(),
            history: 16_384,
            connect_timeout: Duration::from_secs(30),
        }
    }

    async fn store(&self) -> Result<Option<NodeStore>, NodeError> {
        match &self.data_dir {
            Some(directory) => Ok(Some(open_store(directory).await?)),
            None => Ok(None),
        }
    }

    async fn start(
        &self,
        store: Option<NodeStore>,
        notices: mpsc::Sender<Notice>,
    ) -> Result<EngineHandle, NodeError> {
        // Without a store this process's counters end with it, and so does the number they are kept under.
        let drawn = ReaderId(rand::random());
        let reader = match &store {
            Some(store) => store.reader(drawn).await?,
            None => drawn,
        };
        let (payer, key, cadence) = (self.payer, self.key.clone(), self.cadence);
        let bound_ms = millis(self.latency_bound);
        let setup = Setup {
            key: self.node_key.clone(),
            trackers: self.trackers.clone(),
            endpoint: tatum_webrtc::Config {
                bind: self.bind,
                advertise: self.advertise.clone(),
                max_links: 64,
                ..tatum_webrtc::Config::default()
            },
            overlay: OverlayConfig {
                id: self.node_key.id(),
                relay: false,
                operator_id: None,
                verifier: Verifier::new(self.domain),
                limits: Limits { history: self.history, ..Limits::default() },
                credit: credit::Limits::default(),
                ceilings: Ceilings::default(),
                latency_bound_ms: bound_ms,
                secret: rand::random(),
                offer: None,
                ask_nano_per_gib: None,
            },
            account: Some(PayerConfig {
                payer,
                reader,
                key,
                cadence,
                channel_limit: self.channel_limit,
            }),
            relay: None,
            region: None,
            clock: Arc::clone(&self.clock),
            facts: self.facts.clone(),
            grace_ms: 0,
            channel_part: WHOLE,
            store,
            #[cfg(feature = "adversary")]
            drops: None,
        };
        Engine::start(setup, notices).await
    }
}

/// Ends an engine in an orderly way.
async fn finish(engine: EngineHandle, patience: Duration) -> Closing {
    let (reply, closed) = oneshot::channel();
    let asked = engine.commands.send(Command::Finish(patience, reply)).await;
    let closing = match asked {
        Ok(()) => closed.await.unwrap_or_default(),
        Err(_) => Closing::default(),
    };
    // The engine ends by itself once it has answered.
    let _ = engine.task.await;
    closing
}
