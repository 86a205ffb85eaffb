//! Follows the newest block, and tells listeners what happened.
//!
//! Invariant: an event has a number that only grows, over restarts too, so a listener that comes back is told what it missed, as
//! far as that is kept. Who does not read as fast as things happen is cut off, not waited for.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tatum_chain::{Chain, ChainView};
use tatum_primitives::Epoch;
use tatum_protocol::web::{AsOf, Event};
use tokio::sync::{broadcast, watch};

/// Events that a listener may be behind by, and that are kept for who comes back.
const KEPT: usize = 512;

/// An event with its number.
pub(crate) type Numbered = (u64, Event);

/// The newest block, as far as it is known, and what happened.
#[derive(Clone, Debug)]
pub(crate) struct Heads {
    newest: watch::Receiver<Option<AsOf>>,
    past: Arc<Mutex<VecDeque<Numbered>>>,
    events: broadcast::Sender<Numbered>,
}

impl Heads {
    /// Looks at the chain every `poll` until the task is aborted.
    pub(crate) fn follow(
        chain: Chain,
        view: ChainView,
        poll: Duration,
    ) -> (Self, tokio::task::JoinHandle<()>) {
        let (set, newest) = watch::channel(None);
        let (events, _) = broadcast::channel(KEPT);
        let heads = Self { newest, past: Arc::default(), events };
        let mut teller = Teller {
            heads: heads.clone(),
            chain,
            view,
            number: since_1970().saturating_mul(1_000),
            epoch: None,
            finalized: None,
        };
        let task = tokio::spawn(async move {
            loop {
                match teller.chain.as_of().await {
                    Ok(head) => teller.saw(head, &set).await,
                    Err(error) => tracing::warn!(%error, "the newest block is not known"),
                }
                tokio::time::sleep(poll).await;
            }
        });
        (heads, task)
    }

    /// The newest block.
    pub(crate) fn newest(&self) -> Option<AsOf> {
        *self.newest.borrow()
    }

    /// What happened after the event `last`, as far as it is kept, and what will.
    pub(crate) fn listen(
        &self,
        last: Option<u64>,
    ) -> (Vec<Numbered>, broadcast::Receiver<Numbered>) {
        // Under the lock, so that nothing is told twice or not at all.
        let past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        let missed = match last {
            Some(last) => past.iter().filter(|(number, _)| *number > last).copied().collect(),
            // Who is new begins with how things are.
            None => {
                past.iter().rev().find(|(_, event)| is_head(event)).copied().into_iter().collect()
            }
        };
        (missed, self.events.subscribe())
    }

    /// How many listen.
    pub(crate) fn listeners(&self) -> usize {
        self.events.receiver_count()
    }

    fn tell(&self, numbered: Numbered) {
        let mut past = self.past.lock().unwrap_or_else(PoisonError::into_inner);
        past.push_back(numbered);
        if past.len() > KEPT {
            past.pop_front();
        }
        // Nobody listening is no failure.
        let _ = self.events.send(numbered);
    }
}

struct Teller {
    heads: Heads,
    chain: Chain,
    view: ChainView,
    number: u64,
    epoch: Option<Epoch>,
    finalized: Option<Epoch>,
}

impl Teller {
    async fn saw(&mut self, head: AsOf, set: &watch::Sender<Option<AsOf>>) {
        if set.borrow().is_some_and(|known| known == head) {
            return;
        }
        let is_new = set.borrow().is_none_or(|known| known.hash != head.hash);
        set.send_replace(Some(head));
        if !is_new {
            return;
        }
        let AsOf { block, hash, time_s, .. } = head;
        let epoch = self.view.schedule().epoch_at_ms(time_s.saturating_mul(1_000));
        self.tell(Event::Head { block, hash, time_s, epoch });
        if self.epoch.replace(epoch).is_some_and(|before| before < epoch) {
            self.tell(Event::EpochOpened { epoch });
        }
        if let Ok(Some(finalized)) = self.chain.finalized_epoch().await
            && self.finalized.replace(finalized).is_some_and(|before| before < finalized)
        {
            self.tell(Event::Finalized { epoch: finalized });
        }
    }

    fn tell(&mut self, event: Event) {
        self.number = self.number.saturating_add(1);
        self.heads.tell((self.number, event));
    }
}

const fn is_head(event: &Event) -> bool {
    matches!(event, Event::Head { .. })
}

/// Milliseconds: a later process numbers its events after those of an earlier one.
pub(crate) fn since_1970() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
