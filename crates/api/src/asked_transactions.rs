//! Whose transactions are, as far as they were asked for.
//!
//! Invariant: of the newest ones it is remembered, so that one that another replaced is told apart from one that nobody knows.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use tatum_primitives::{Address, B256};

/// Transactions remembered.
const REMEMBERED: usize = 8_192;

/// Whose the newest transactions that were asked for are, and their number there.
#[derive(Debug, Default)]
pub(crate) struct AskedTransactions {
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    senders: HashMap<B256, (Address, u64)>,
    /// Oldest first.
    order: VecDeque<B256>,
}

impl AskedTransactions {
    pub(crate) fn of(&self, hash: B256) -> Option<(Address, u64)> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).senders.get(&hash).copied()
    }

    pub(crate) fn keep(&self, hash: B256, sender: (Address, u64)) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { senders, order } = &mut *held;
        if senders.insert(hash, sender).is_none() {
            order.push_back(hash);
        }
        if order.len() > REMEMBERED
            && let Some(oldest) = order.pop_front()
        {
            senders.remove(&oldest);
        }
    }
}
