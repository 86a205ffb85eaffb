//! Whose work is done next: so many threads, clients in turn, and those that mostly send what is rejected last.
//!
//! Invariant: work under way is bounded; no client waits behind more than one piece of work of each other client; while
//! anybody else waits, clients with a poor record get at most one turn in ten and half of the threads; and whoever has a
//! poor record is served, be it in the middle of a request, only as long as it had no more than [`ALLOWANCE`] receipts a
//! second rejected. So a flood of garbage costs an honest client little, from however many addresses it comes once each has shown what it sends.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::oneshot;

/// FairQueue of others for one of a client with a poor record.
const FAVOUR: u32 = 9;
/// Rejections before a record can be poor.
const GRACE: u64 = 64;
/// Receipts that a record is about: beyond these, older ones count for half.
const MEMORY: u64 = 4096;
/// Rejected receipts a second that a client with a poor record may go on to send: a twentieth of a core's work.
const ALLOWANCE: u64 = 1_000;
/// Clients that are remembered.
const CLIENTS: usize = 16_384;

/// Hands out turns. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct FairQueue {
    threads: usize,
    state: Arc<Mutex<State>>,
}

/// A thread's worth of work; the next in line gets it when this is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    queue: FairQueue,
    poor: bool,
}

#[derive(Debug, Default)]
struct State {
    taken: usize,
    taken_by_poor: usize,
    /// FairQueue in a row that clients with a good record got while others waited.
    favoured: u32,
    good: Line,
    poor: Line,
    records: HashMap<IpAddr, Record>,
}

/// Who waits, client by client.
#[derive(Debug, Default)]
struct Line {
    order: VecDeque<IpAddr>,
    waiting: HashMap<IpAddr, VecDeque<oneshot::Sender<Turn>>>,
}

/// What became of a client's receipts.
#[derive(Clone, Copy, Debug)]
struct Record {
    good: u64,
    rejected: u64,
    /// Rejected receipts beyond the allowance, as of `at`.
    debt: u64,
    at: Instant,
}

impl Record {
    const fn new(at: Instant) -> Self {
        Self { good: 0, rejected: 0, debt: 0, at }
    }

    /// What is left of the debt at `now`.
    fn debt_at(self, now: Instant) -> u64 {
        let passed_ms = now.saturating_duration_since(self.at).as_millis();
        let passed_ms = u64::try_from(passed_ms).unwrap_or(u64::MAX);
        self.debt.saturating_sub(passed_ms.saturating_mul(ALLOWANCE) / 1000)
    }

    const fn is_poor(self) -> bool {
        self.rejected >= GRACE && self.rejected > self.good
    }
}

impl FairQueue {
    /// As many turns at a time as there are `threads`.
    pub(super) fn new(threads: usize) -> Self {
        Self { threads: threads.max(1), state: Arc::default() }
    }

    /// Waits for a turn of `client`.
    pub(super) async fn take(&self, client: IpAddr) -> Turn {
        let waiting = {
            let mut state = self.state();
            let poor = state.is_poor(client);
            let (turn, waiting) = oneshot::channel();
            let line = if poor { &mut state.poor } else { &mut state.good };
            line.push(client, turn);
            waiting
        };
        self.hand_out();
        match waiting.await {
            Ok(turn) => turn,
            // The line is never dropped while somebody stands in it; if it were, work would go on.
            Err(_) => Turn { queue: Self::new(1), poor: false },
        }
    }

    /// Whether `client` may send something at `now`: its record is good, or its allowance not used up.
    pub(super) fn may_send(&self, client: IpAddr, now: Instant) -> bool {
        let record = self.state().records.get(&client).copied();
        record.is_none_or(|record| !record.is_poor() || record.debt_at(now) <= ALLOWANCE)
    }

    /// Whether most of what `client` sent lately was rejected.
    pub(super) fn is_poor(&self, client: IpAddr) -> bool {
        self.state().is_poor(client)
    }

    /// Notes what became of receipts of `client` at `now`.
    pub(super) fn note(&self, client: IpAddr, good: usize, rejected: usize, now: Instant) {
        let mut state = self.state();
        if state.records.len() >= CLIENTS && !state.records.contains_key(&client) {
            state.records.retain(|_, record| record.is_poor());
            if state.records.len() >= CLIENTS {
                state.records.clear();
            }
        }
        let record = state.records.entry(client).or_insert(Record::new(now));
        record.good = record.good.saturating_add(u64::try_from(good).unwrap_or(u64::MAX));
        let rejected = u64::try_from(rejected).unwrap_or(u64::MAX);
        record.rejected = record.rejected.saturating_add(rejected);
        (record.debt, record.at) = (record.debt_at(now).saturating_add(rejected), now);
        while record.good.saturating_add(record.rejected) > MEMORY {
            record.good /= 2;
            record.rejected /= 2;
        }
    }

    /// Gives free threads to those who are next.
    fn hand_out(&self) {
        loop {
            let (waiting, poor) = {
                let mut state = self.state();
                let Some(next) = state.next(self.threads) else { return };
                next
            };
            let turn = Turn { queue: self.clone(), poor };
            if let Err(turn) = waiting.send(turn) {
                // It has gone away; its turn is free again, and given to another in the next round.
                turn.give_back();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Frees the thread without handing it on.
    fn give_back(mut self) {
        self.free();
        self.queue = FairQueue::new(1);
    }

    fn free(&self) {
        let mut state = self.queue.state();
        state.taken = state.taken.saturating_sub(1);
        if self.poor {
            state.taken_by_poor = state.taken_by_poor.saturating_sub(1);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.free();
        self.queue.hand_out();
    }
}

impl State {
    fn is_poor(&self, client: IpAddr) -> bool {
        self.records.get(&client).is_some_and(|record| record.is_poor())
    }

    /// Lets those who have shown meanwhile what they send stand where they belong.
    fn move_poor(&mut self) {
        while let Some(client) = self.good.order.front().copied().filter(|c| self.is_poor(*c)) {
            self.good.order.pop_front();
            for turn in self.good.waiting.remove(&client).into_iter().flatten() {
                self.poor.push(client, turn);
            }
        }
    }

    /// Takes the next who waits, if there is a thread for it.
    fn next(&mut self, threads: usize) -> Option<(oneshot::Sender<Turn>, bool)> {
        if self.taken >= threads {
            return None;
        }
        self.move_poor();
        let poor_may = self.taken_by_poor < (threads / 2).max(1) && !self.poor.order.is_empty();
        let poors_turn = poor_may && (self.good.order.is_empty() || self.favoured >= FAVOUR);
        let waiting = if poors_turn { self.poor.pop() } else { self.good.pop() }?;
        self.taken = self.taken.saturating_add(1);
        if poors_turn {
            self.taken_by_poor = self.taken_by_poor.saturating_add(1);
            self.favoured = 0;
        } else if !self.poor.order.is_empty() {
            self.favoured = self.favoured.saturating_add(1);
        }
        Some((waiting, poors_turn))
    }
}

impl Line {
    fn push(&mut self, client: IpAddr, turn: oneshot::Sender<Turn>) {
        let waiting = self.waiting.entry(client).or_default();
        if waiting.is_empty() {
            self.order.push_back(client);
        }
        waiting.push_back(turn);
    }

    /// The first of the client whose turn it is; that client goes to the end of the line.
    fn pop(&mut self) -> Option<oneshot::Sender<Turn>> {
        let client = self.order.pop_front()?;
        let waiting = self.waiting.get_mut(&client)?;
        let first = waiting.pop_front();
        if waiting.is_empty() {
            self.waiting.remove(&client);
        } else {
            self.order.push_back(client);
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::pin::Pin;
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    use super::*;

    fn client(n: u8) -> IpAddr {
        Ipv4Addr::new(127, 0, 0, n).into()
    }

    /// Somebody in line.
    struct Waiting<'a>(Pin<Box<dyn Future<Output = Turn> + 'a>>);

    impl<'a> Waiting<'a> {
        fn new(queue: &'a FairQueue, n: u8) -> Self {
            let mut waiting = Self(Box::pin(queue.take(client(n))));
            assert!(waiting.turn().is_none());
            waiting
        }

        fn turn(&mut self) -> Option<Turn> {
            match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(turn) => Some(turn),
                Poll::Pending => None,
            }
        }
    }

    /// The order in which those in line get the one turn there is.
    fn order(held: Turn, mut waiting: Vec<(u8, Waiting<'_>)>) -> Vec<u8> {
        let (mut order, mut held) = (Vec::new(), Some(held));
        while !waiting.is_empty() {
            drop(held.take());
            let found = waiting.iter_mut().position(|(_, one)| {
                held = one.turn();
                held.is_some()
            });
            order.push(waiting.remove(found.unwrap()).0);
        }
        order
    }

    #[tokio::test]
    async fn clients_take_turns_however_much_one_of_them_asks() {
        let queue = FairQueue::new(1);
        let held = queue.take(client(9)).await;
        let line = [1, 1, 1, 2, 3, 3].map(|n| (n, Waiting::new(&queue, n)));
        assert_eq!(order(held, line.into()), [1, 2, 3, 1, 3, 1]);
        assert_eq!(queue.state().taken, 0);
    }

    #[tokio::test]
    async fn who_sends_garbage_gets_one_turn_in_ten() {
        let queue = FairQueue::new(1);
        queue.note(client(1), 10, 100, Instant::now());
        assert!(queue.is_poor(client(1)) && !queue.is_poor(client(2)));
        let held = queue.take(client(9)).await;
        let line = [1; 3].into_iter().chain([2; 24]).map(|n| (n, Waiting::new(&queue, n)));
        let order = order(held, line.collect());
        let poor: Vec<usize> = (0..order.len()).filter(|at| order[*at] == 1).collect();
        assert_eq!(poor, [9, 19, 26]);
    }

    #[tokio::test]
    async fn who_turns_out_to_send_garbage_loses_its_place() {
        let queue = FairQueue::new(1);
        let held = queue.take(client(9)).await;
        let line = [1, 1, 2, 2, 2].map(|n| (n, Waiting::new(&queue, n)));
        queue.note(client(1), 0, 100, Instant::now());
        assert_eq!(order(held, line.into()), [2, 2, 2, 1, 1]);
    }

    #[tokio::test]
    async fn garbage_never_takes_more_than_half_of_the_threads() {
        let queue = FairQueue::new(4);
        queue.note(client(1), 0, 100, Instant::now());
        let (_one, _other) = (queue.take(client(1)).await, queue.take(client(1)).await);
        let mut third = Waiting::new(&queue, 1);
        let good = (queue.take(client(2)).await, queue.take(client(2)).await);
        drop(good);
        assert!(third.turn().is_none());
    }

    #[tokio::test]
    async fn who_goes_away_leaves_its_turn_to_the_next() {
        let queue = FairQueue::new(1);
        let held = queue.take(client(1)).await;
        drop(Waiting::new(&queue, 2));
        let mut next = Waiting::new(&queue, 3);
        drop(held);
        let turn = next.turn();
        assert!(turn.is_some());
        drop(turn);
        assert_eq!(queue.state().taken, 0);
    }

    #[test]
    fn a_record_can_be_mended() {
        let (queue, now) = (FairQueue::new(1), Instant::now());
        queue.note(client(1), 0, 1_000_000, now);
        assert!(queue.is_poor(client(1)));
        queue.note(client(1), 4_096, 0, now);
        assert!(!queue.is_poor(client(1)));
        queue.note(client(1), 10, 20, now);
        assert!(!queue.is_poor(client(1)), "a few rejections are nobody's fault");
    }

    #[test]
    fn garbage_has_an_allowance_and_good_receipts_have_none_to_keep() {
        let (queue, now) = (FairQueue::new(1), Instant::now());
        queue.note(client(1), 0, 3_000, now);
        queue.note(client(2), 3_000, 2_000, now);
        let may = |n, seconds| queue.may_send(client(n), now + Duration::from_secs(seconds));
        assert_eq!([may(1, 0), may(1, 1), may(1, 2)], [false, false, true]);
        assert!(may(2, 0) && may(3, 0));
    }
}
