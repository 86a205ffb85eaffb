//! Publishes and subscribes: a tracker, a relay and two clients over real sockets, in one process. Only the chain is made up.
//!
//! `cargo run --release -p tatum-examples --example publish_and_subscribe`

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use tatum_node::client::{Config, Item, Publisher, Stream, Subscriber};
use tatum_node::relay::{self, SharedFacts};
use tatum_node::tracker::{self, Tracker};
use tatum_node::{Clock, GroupKey, NodeKey, SystemClock};
use tatum_primitives::{Address, Domain, Epoch, EpochSchedule, NodeId, OperatorId, StreamId};
use tatum_receipt::SessionKey;
use tatum_receipt::checks::ChainFacts;

const PATIENCE: Duration = Duration::from_secs(20);

/// A chain on which every node works for operator 0, and everybody has a stake.
struct Chain;

impl ChainFacts for Chain {
    fn operator_of_node(&self, _: NodeId, _: Epoch) -> Option<OperatorId> {
        Some(OperatorId(0))
    }

    fn is_bonded(&self, _: OperatorId, _: Epoch) -> bool {
        true
    }

    fn quota_bytes(&self, _: Address, _: Epoch) -> Option<u64> {
        Some(1 << 30)
    }

    fn is_session_key(&self, _: Address, _: Address, _: Epoch) -> bool {
        false
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let schedule = EpochSchedule { genesis_s: now - 100, length_s: 3_600 };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new(schedule));
    let domain = Domain { chain_id: 31_337, stake_pool: Address::repeat_byte(1) };

    // A tracker introduces nodes to each other, a relay carries messages and stores receipts.
    let listen = ([127, 0, 0, 1], 0).into();
    let tracker = tracker::Config::new(NodeKey::from_bytes(&[3; 32]), listen, Arc::clone(&clock));
    let tracker = Tracker::bind(tracker).await?;
    let url = tracker.url();
    tokio::spawn(tracker.serve(std::future::pending()));
    let folder = tempfile::tempdir()?;
    let relay = relay::Config::new(
        NodeKey::from_bytes(&[4; 32]),
        url.clone(),
        folder.path().to_owned(),
        domain,
        SharedFacts::new(Chain),
        Arc::clone(&clock),
    );
    tokio::spawn(relay::run(relay, std::future::pending()));

    // Each client signs with its own key; a group key opens the payloads, and the relay has none.
    let stream = Stream::new(StreamId::new("example/greetings")?, 0);
    let group = GroupKey::new([42; 32]);
    let client = |key: SessionKey| {
        Config::new(url.clone(), key.address(), key, domain, group.clone(), Arc::clone(&clock))
    };
    let reader = client(SessionKey::from_bytes(&[1; 32])?);
    let writer = client(SessionKey::from_bytes(&[2; 32])?);
    let mut subscriber = Subscriber::connect(reader, std::slice::from_ref(&stream)).await?;
    let mut publisher = Publisher::connect(writer, &stream).await?;
    for number in 1..=3 {
        publisher.publish(format!("greeting {number}").as_bytes()).await?;
    }
    for _ in 1..=3 {
        match tokio::time::timeout(PATIENCE, subscriber.next()).await? {
            Some(Item::Message(message)) => println!("{}", String::from_utf8(message.payload)?),
            other => bail!("instead of a message came {other:?}"),
        }
    }

    // At the end both have signed for what was delivered, and the relay has acknowledged that.
    let published = publisher.finish(PATIENCE).await;
    let read = subscriber.finish(PATIENCE).await;
    let receipts = published.receipts_acknowledged.checked_add(read.receipts_acknowledged);
    println!("{} receipts acknowledged", receipts.context("too many receipts")?);
    Ok(())
}
