//! What one connection reads.
//!
//! Invariant: of a topic there is one subscription; one that reads too slowly ends, whether its connection notices or not.

use std::collections::HashMap;
use std::sync::Arc;

use mqute_codec::protocol::QoS;
use tatum_node::client::Item;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinSet};

use crate::bridge::queue::Receiver;

/// What came of a topic.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) topic: Arc<str>,
    pub(super) qos: QoS,
    pub(super) item: Arc<Item>,
}

/// A subscription that ended by itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) was_cut_off: bool,
}

/// A connection's subscriptions.
#[derive(Debug)]
pub(super) struct Subscriptions {
    open: HashMap<String, AbortHandle>,
    tasks: JoinSet<Ended>,
    out: mpsc::Sender<Delivery>,
    deliveries: mpsc::Receiver<Delivery>,
}

/// What happened to them.
#[derive(Debug)]
pub(super) enum Read {
    Delivered(Delivery),
    Ended(Ended),
}

impl Subscriptions {
    pub(super) fn new() -> Self {
        let (out, deliveries) = mpsc::channel(1);
        Self { open: HashMap::new(), tasks: JoinSet::new(), out, deliveries }
    }

    /// Hands on what comes of a topic, in place of an earlier subscription to it.
    pub(super) fn begin(&mut self, topic: String, qos: QoS, items: Receiver) {
        let (named, out) = (Arc::from(topic.as_str()), self.out.clone());
        let task = self.tasks.spawn(hand_on(named, qos, items, out));
        if let Some(earlier) = self.open.insert(topic, task) {
            earlier.abort();
        }
    }

    /// Ends one; whether there was one.
    pub(super) fn end(&mut self, topic: &str) -> bool {
        self.open.remove(topic).is_some_and(|task| {
            task.abort();
            true
        })
    }

    /// What comes next; messages only if they `may_come`. Can be cancelled.
    pub(super) async fn next(&mut self, may_come: bool) -> Read {
        loop {
            tokio::select! {
                // It has a sender of its own, so it never ends.
                Some(delivery) = self.deliveries.recv(), if may_come => return Read::Delivered(delivery),
                Some(ended) = self.tasks.join_next(), if !self.tasks.is_empty() => {
                    // One that was ended by us says nothing.
                    if let Ok(ended) = ended {
                        return Read::Ended(ended);
                    }
                }
                else => std::future::pending().await,
            }
        }
    }
}

async fn hand_on(
    topic: Arc<str>,
    qos: QoS,
    mut items: Receiver,
    out: mpsc::Sender<Delivery>,
) -> Ended {
    while let Some(item) = items.next().await {
        let delivery = Delivery { topic: Arc::clone(&topic), qos, item };
        tokio::select! {
            sent = out.send(delivery) => if sent.is_err() { break },
            () = items.cut_off() => break,
        }
    }
    Ended { was_cut_off: items.was_cut_off() }
}

#[cfg(test)]
mod tests {
    use tatum_node::client::Gap;
    use tatum_primitives::Address;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::bridge::queue::{Sender, queue};

    fn gap(first: u64) -> Arc<Item> {
        let (stream, publisher) = (String::new(), Address::ZERO);
        Arc::new(Item::Gap(Gap { stream, publisher, chain: 0, first, last: first }))
    }

    fn one() -> (Sender, Receiver) {
        queue(Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap())
    }

    #[tokio::test]
    async fn who_lets_messages_wait_for_ever_is_cut_off() {
        let mut all = Subscriptions::new();
        let (sender, receiver) = one();
        all.begin("a".to_owned(), QoS::AtLeastOnce, receiver);
        // Nothing is taken from it: two wait in between, the rest in the queue.
        while sender.offer(gap(0)) {
            tokio::task::yield_now().await;
        }
        let Read::Ended(ended) = all.next(false).await else { panic!("a message came") };
        assert_eq!(ended, Ended { was_cut_off: true });
    }

    #[tokio::test]
    async fn a_topic_has_one_subscription_and_none_after_its_end() {
        let mut all = Subscriptions::new();
        let ((first, receiver), (second, again)) = (one(), one());
        all.begin("a".to_owned(), QoS::AtLeastOnce, receiver);
        all.begin("a".to_owned(), QoS::AtMostOnce, again);
        first.closed().await;
        assert!(second.offer(gap(4)));
        let Read::Delivered(delivery) = all.next(true).await else { panic!("it ended") };
        assert_eq!((&*delivery.topic, delivery.qos), ("a", QoS::AtMostOnce));
        assert!(all.end("a") && !all.end("a") && !all.end("b"));
        second.closed().await;
    }
}
