//! What waits for one reader.
//!
//! Invariant: no more than [`MOST_ITEMS`] and [`MOST_BYTES`] wait. A reader for which more would have to is cut off: nothing
//! waits for it any more, whether its connection notices or not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tatum_node::client::Item;
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::timeout;

const MOST_ITEMS: usize = 4_096;
const MOST_BYTES: usize = 4 << 20;
/// What an item takes besides its payload, about.
const ITEM_BYTES: usize = 256;

#[derive(Debug, Default)]
struct State {
    items: VecDeque<Arc<Item>>,
    bytes: usize,
    has_ended: bool,
    was_cut_off: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something came, or nothing more will.
    filled: Notify,
    /// Something was taken, or nothing more will be.
    emptied: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where items go in. It holds the reader's place, so a reader that is cut off has none any more.
#[derive(Debug)]
pub(super) struct Sender {
    shared: Arc<Shared>,
    _place: OwnedSemaphorePermit,
}

/// Where the reader takes them out.
#[derive(Debug)]
pub(super) struct Receiver(Arc<Shared>);

/// A queue for the reader that has `place`.
pub(super) fn queue(place: OwnedSemaphorePermit) -> (Sender, Receiver) {
    let shared = Arc::<Shared>::default();
    (Sender { shared: Arc::clone(&shared), _place: place }, Receiver(shared))
}

fn size(item: &Item) -> usize {
    let payload = match item {
        Item::Message(message) => message.payload.len(),
        Item::Gap(_) | Item::Unreadable(_) => 0,
    };
    payload.saturating_add(ITEM_BYTES)
}

impl Sender {
    /// Puts it in if there is room, and otherwise cuts the reader off; whether it still reads.
    pub(super) fn offer(&self, item: Arc<Item>) -> bool {
        match self.put(item) {
            Ok(is_read) => is_read,
            Err(_) => {
                self.cut_off();
                false
            }
        }
    }

    /// Waits for room, but no longer than `patience`, and then cuts the reader off; whether it still reads.
    pub(super) async fn push(&self, mut item: Arc<Item>, patience: Duration) -> bool {
        let put = async {
            loop {
                match self.put(item) {
                    Ok(is_read) => return is_read,
                    Err(back) => item = back,
                }
                self.shared.emptied.notified().await;
            }
        };
        let is_read = timeout(patience, put).await;
        is_read.unwrap_or_else(|_| {
            self.cut_off();
            false
        })
    }

    /// Whether the reader went away or was cut off.
    pub(super) fn is_closed(&self) -> bool {
        self.shared.lock().has_ended
    }

    /// Resolves when the reader has gone away.
    pub(super) async fn closed(&self) {
        while !self.is_closed() {
            self.shared.emptied.notified().await;
        }
    }

    /// Gives the item back if there is no room for it; otherwise whether it will be read.
    fn put(&self, item: Arc<Item>) -> Result<bool, Arc<Item>> {
        let mut state = self.shared.lock();
        if state.has_ended {
            return Ok(false);
        }
        let bytes = state.bytes.saturating_add(size(&item));
        if bytes > MOST_BYTES || state.items.len() >= MOST_ITEMS {
            return Err(item);
        }
        state.bytes = bytes;
        state.items.push_back(item);
        drop(state);
        self.shared.filled.notify_one();
        Ok(true)
    }

    fn cut_off(&self) {
        let mut state = self.shared.lock();
        *state = State { has_ended: true, was_cut_off: true, ..State::default() };
        drop(state);
        self.shared.filled.notify_one();
        tracing::warn!("a reader was cut off: it does not read as fast as messages come");
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.shared.lock().has_ended = true;
        self.shared.filled.notify_one();
    }
}

impl Receiver {
    /// The next item; none after the last. Can be cancelled.
    pub(super) async fn next(&mut self) -> Option<Arc<Item>> {
        loop {
            {
                let mut state = self.0.lock();
                if let Some(item) = state.items.pop_front() {
                    state.bytes = state.bytes.saturating_sub(size(&item));
                    drop(state);
                    self.0.emptied.notify_one();
                    return Some(item);
                }
                if state.has_ended {
                    return None;
                }
            }
            self.0.filled.notified().await;
        }
    }

    /// Resolves once it was too slow. Can be cancelled.
    pub(super) async fn cut_off(&self) {
        while !self.was_cut_off() {
            self.0.filled.notified().await;
        }
    }

    /// Whether it was too slow.
    pub(super) fn was_cut_off(&self) -> bool {
        self.0.lock().was_cut_off
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        *self.0.lock() = State { has_ended: true, ..State::default() };
        self.0.emptied.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use tatum_node::client::Gap;
    use tatum_primitives::Address;
    use tokio::sync::Semaphore;

    use super::*;

    fn gap(first: u64) -> Arc<Item> {
        let (stream, publisher) = (String::new(), Address::ZERO);
        Arc::new(Item::Gap(Gap { stream, publisher, chain: 0, first, last: first }))
    }

    fn one() -> (Arc<Semaphore>, Sender, Receiver) {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let (sender, receiver) = queue(place);
        (places, sender, receiver)
    }

    #[tokio::test]
    async fn items_come_in_order_and_the_last_after_the_sender_has_gone() {
        let (_places, sender, mut receiver) = one();
        assert!(sender.offer(gap(0)) && sender.push(gap(1), Duration::ZERO).await);
        drop(sender);
        assert_eq!(receiver.next().await, Some(gap(0)));
        assert_eq!(receiver.next().await, Some(gap(1)));
        assert_eq!(receiver.next().await, None);
        assert!(!receiver.was_cut_off());
    }

    #[tokio::test]
    async fn who_reads_nothing_is_cut_off_and_keeps_neither_memory_nor_its_place() {
        let (places, sender, mut receiver) = one();
        let taken = (0..).take_while(|number| sender.offer(gap(*number))).count();
        assert_eq!(taken, MOST_ITEMS);
        drop(sender);
        assert_eq!(places.available_permits(), 1);
        assert_eq!(receiver.next().await, None, "what waited is gone");
        assert!(receiver.was_cut_off());
    }

    #[tokio::test]
    async fn who_reads_slowly_is_waited_for_and_who_stands_still_is_not() {
        let (_places, sender, mut receiver) = one();
        for number in 0..MOST_ITEMS as u64 {
            assert!(sender.offer(gap(number)));
        }
        // The first is read only when the second waits already.
        let pushing = sender.push(gap(9), Duration::from_secs(60));
        let (pushed, read) = tokio::join!(biased; pushing, receiver.next());
        assert!(pushed);
        assert_eq!(read, Some(gap(0)));
        assert!(!sender.push(gap(10), Duration::from_millis(10)).await && receiver.was_cut_off());
        sender.closed().await;
    }
}
