//! What the relay sent and is not over yet, so that a request that comes twice is one transaction.
//!
//! Invariant: for one account that is paid for, one transaction is under way at a time. The same request again is told of the same
//! transaction while that is under way and for [`REMEMBERED`] after it was mined; another request of that account waits.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tatum_primitives::B256;

use super::charges::{ChargeId, Payee};

/// For so long after it was mined a transaction is the answer to the same request.
const REMEMBERED: Duration = Duration::from_secs(10);

/// A transaction that was sent: its hash, and its number in the relay's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) hash: B256,
    pub(crate) nonce: u64,
}

/// What is known of an account's requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    /// The same was asked for, and this was sent.
    Same(Taken),
    /// Something else is under way.
    Another,
}

/// The newest transaction of each account.
#[derive(Debug, Default)]
pub(super) struct UnderWay {
    known: HashMap<Payee, Known>,
}

#[derive(Debug)]
struct Known {
    asked: B256,
    taken: Taken,
    charge: ChargeId,
    over: Option<Instant>,
}

impl UnderWay {
    /// What is known of a request.
    pub(super) fn find(&mut self, payee: Payee, asked: B256, now: Instant) -> Found {
        self.known.retain(|_, known| !known.is_forgotten(now));
        match self.known.get(&payee) {
            Some(known) if known.asked == asked => Found::Same(known.taken),
            Some(known) if known.over.is_none() => Found::Another,
            Some(_) | None => Found::Nothing,
        }
    }

    /// A transaction was sent.
    pub(super) fn begin(&mut self, payee: Payee, asked: B256, taken: Taken, charge: ChargeId) {
        self.known.insert(payee, Known { asked, taken, charge, over: None });
    }

    /// It is over, or nobody waits for it any more.
    pub(super) fn end(&mut self, payee: Payee, taken: Taken, now: Instant) {
        if let Some(known) = self.known.get_mut(&payee).filter(|known| known.taken == taken) {
            known.over = Some(now);
        }
    }

    /// The charges of those that are under way.
    pub(super) fn followed(&self) -> Vec<ChargeId> {
        let under_way = self.known.values().filter(|known| known.over.is_none());
        under_way.map(|known| known.charge).collect()
    }
}

impl Known {
    fn is_forgotten(&self, now: Instant) -> bool {
        self.over.is_some_and(|over| now.saturating_duration_since(over) >= REMEMBERED)
    }
}
