//! The tracker's mind, and the queues by which what it decides leaves.
//!
//! Invariant: what the mind decided is queued before anybody else sees it. A node whose queue is full is disconnected
//! instead of being told half, and comes back for all of it.

use std::collections::BTreeMap;

use rand::RngCore;
use tatum_overlay::Now;
use tatum_protocol::tracker::FromTracker;
use tatum_tracker::{Admission, Connection, Newcomer, Output, Tracker};
use tokio::sync::mpsc;

/// Texts that may wait for a slow node.
const OUTBOX: usize = 1024;

/// All that connections share.
#[derive(Debug)]
pub(super) struct Mind {
    pub(super) tracker: Tracker,
    pub(super) admission: Admission,
    outboxes: BTreeMap<Connection, mpsc::Sender<FromTracker>>,
}

impl Mind {
    pub(super) fn new(config: tatum_tracker::Config, max_nodes: usize) -> Self {
        let mut seed = [0; 32];
        rand::rng().fill_bytes(&mut seed);
        Self {
            tracker: Tracker::new(config, seed),
            admission: Admission::new(max_nodes),
            outboxes: BTreeMap::new(),
        }
    }

    /// A node said a valid hello. Its texts come from the queue; its connection is over when that ends.
    pub(super) fn connect(
        &mut self,
        newcomer: &Newcomer,
        now: &Now,
    ) -> (Connection, mpsc::Receiver<FromTracker>) {
        let connection = self.tracker.connect(newcomer, now);
        let (outbox, inbox) = mpsc::channel(OUTBOX);
        self.outboxes.insert(connection, outbox);
        self.send();
        (connection, inbox)
    }

    pub(super) fn disconnect(&mut self, connection: Connection, now: &Now) {
        self.outboxes.remove(&connection);
        self.tracker.disconnect(connection, now);
        self.send();
    }

    /// Queues what the mind decided.
    pub(super) fn send(&mut self) {
        while let Some(output) = self.tracker.poll() {
            match output {
                Output::Tell { to, text } => {
                    let outbox = self.outboxes.get(&to);
                    if outbox.is_some_and(|outbox| outbox.try_send(text).is_err()) {
                        self.outboxes.remove(&to);
                    }
                }
                Output::PassOn { to, text } => {
                    if let Some(outbox) = self.outboxes.get(&to) {
                        // It may be lost.
                        let _ = outbox.try_send(text);
                    }
                }
                Output::Close { connection } => {
                    self.outboxes.remove(&connection);
                }
            }
        }
    }
}
