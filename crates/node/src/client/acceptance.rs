//! What a publisher's owner waits for: a relay's word about one message.
//!
//! Invariant: a message counts as accepted when a relay named that message, whatever it said about others, which it need not
//! name in order. What waits is bounded by the publisher's window.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tatum_primitives::Address;
use tokio::sync::{oneshot, watch};

use super::progress::Progress;
use crate::NodeError;

/// Who is to be told about which message.
#[derive(Debug, Clone, Default)]
pub(super) struct Awaited(Arc<Mutex<BTreeMap<u64, oneshot::Sender<()>>>>);

impl Awaited {
    /// From now on the word about `sequence` is waited for.
    pub(super) fn wait(&self, sequence: u64) -> oneshot::Receiver<()> {
        let (tell, told) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(sequence, tell);
        told
    }

    /// A relay accepted it.
    pub(super) fn accepted(&self, sequence: u64) {
        let tell = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&sequence);
        if let Some(tell) = tell {
            // Whoever waited may have lost patience.
            let _ = tell.send(());
        }
    }

    /// Nobody will say anything any more.
    pub(super) fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// A message that was published, and the word about it that is yet to come.
#[derive(Debug)]
pub struct Acceptance {
    /// Who published.
    pub publisher: Address,
    /// The publisher's chain.
    pub chain: u64,
    /// The message's number in it.
    pub sequence: u64,
    pub(super) told: oneshot::Receiver<()>,
    pub(super) progress: watch::Receiver<Progress>,
}

impl Acceptance {
    /// Waits until a relay has accepted the message. Can be cancelled and waited for again, until it was told.
    ///
    /// # Errors
    /// [`NodeError::Stopped`] if the publisher ended before.
    pub async fn told(&mut self) -> Result<(), NodeError> {
        (&mut self.told).await.map_err(|_| NodeError::Stopped)
    }

    /// Why a relay did not accept from us, if any said so since one last admitted us.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.progress.borrow().refusal.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_message_is_waited_for_by_its_number_and_none_for_ever() {
        let awaited = Awaited::default();
        let (first, mut second) = (awaited.wait(0), awaited.wait(1));
        // A relay accepted the later one, and one that nobody waits for.
        awaited.accepted(1);
        awaited.accepted(7);
        assert_eq!(second.try_recv(), Ok(()));
        awaited.end();
        assert!(first.await.is_err(), "it was not accepted");
    }
}
