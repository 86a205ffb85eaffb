//! A whole network in one process, over real sockets: tracker, relays, publisher, subscribers and a
//! stand-in for the aggregator. Only the chain is fixed facts.

#[path = "network/channels.rs"]
mod channels;
#[path = "network/clocks.rs"]
mod clocks;
#[path = "network/flood.rs"]
mod flood;
#[path = "network/hostile.rs"]
mod hostile;
#[cfg(target_os = "linux")]
#[path = "network/nat.rs"]
mod nat;
#[path = "network/one_key_twice.rs"]
mod one_key_twice;
#[path = "network/permissions.rs"]
mod permissions;
#[path = "network/quota.rs"]
mod quota;
#[path = "network/resume.rs"]
mod resume;
#[path = "network/tls.rs"]
mod tls;
#[path = "network/trackers.rs"]
mod trackers;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use tatum_database::NodeStore;
use tatum_node::client::{Config as ClientConfig, Item, Publisher, Stream, Subscriber};
use tatum_node::relay::{self, SharedFacts};
use tatum_node::tracker::{self, Tracker};
use tatum_node::{Clock, GroupKey, NodeError, NodeKey, SystemClock};
use tatum_overlay::ledger::Cadence;
use tatum_primitives::{
    Address, B256, Domain, Epoch, EpochSchedule, NodeId, OperatorId, ReaderId, Role, StreamId,
};
use tatum_protocol::client::TrackerClient;
use tatum_protocol::receipts::{self, Answer};
use tatum_receipt::checks::StatedFacts;
use tatum_receipt::{DeliveryReceipt, ReceiptKey, SessionKey, SignedReceipt};
use tatum_test_utils::free_port;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(60);

/// Relays 0 to 9 work for operators 0 to 9; keys 1 to 9 pay for themselves.
fn facts() -> StatedFacts {
    let nodes = (0..10).fold(StatedFacts::default(), |facts, number| {
        facts.node(relay_key(number).id(), OperatorId(number.into()))
    });
    (1..10).fold(nodes, |facts, number| facts.quota(session(number).address(), 1 << 30))
}

fn relay_key(number: u8) -> NodeKey {
    NodeKey::from_bytes(&[100 + number; 32])
}

fn session(number: u8) -> SessionKey {
    SessionKey::from_bytes(&[number; 32]).unwrap()
}

fn domain() -> Domain {
    Domain { chain_id: 31337, stake_pool: Address::repeat_byte(1) }
}

fn stream() -> Stream {
    Stream::new(StreamId::new("test/records").unwrap(), 0)
}

fn free_address() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, free_port().unwrap()).into()
}

fn clock() -> Arc<dyn Clock> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    Arc::new(SystemClock::new(EpochSchedule { genesis_s: now - 100, length_s: 3_600 }))
}

type Held = Arc<Mutex<BTreeMap<ReceiptKey, SignedReceipt>>>;

async fn take(State(held): State<Held>, batch: Bytes) -> Json<Vec<Answer>> {
    let mut held = held.lock().unwrap();
    let answers = receipts::decode(&batch, 20_000).unwrap().into_iter().map(|element| {
        let signed = element.unwrap().signed;
        held.insert(signed.receipt.key(), signed);
        Answer::Accepted
    });
    Json(answers.collect())
}

struct Running {
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), NodeError>>,
}

impl Running {
    async fn stop(mut self) {
        let _ = self.stop.take().unwrap().send(());
        timeout(PATIENCE, self.task).await.unwrap().unwrap().unwrap();
    }
}

async fn start_tracker(
    listen: SocketAddr,
    clock: &Arc<dyn Clock>,
    data_dir: &Path,
) -> (Running, String) {
    let mut config =
        tracker::Config::new(NodeKey::from_bytes(&[99; 32]), listen, Arc::clone(clock));
    config.stun = Some(SocketAddr::new(listen.ip(), 0));
    config.facts = Some(SharedFacts::new(facts()));
    config.domain = Some(domain());
    config.data_dir = Some(data_dir.to_owned());
    serve(config).await
}

async fn serve(config: tracker::Config) -> (Running, String) {
    let tracker = Tracker::bind(config).await.unwrap();
    let url = tracker.url();
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(tracker.serve(async {
        let _ = stopped.await;
    }));
    (Running { stop: Some(stop), task }, url)
}

struct Network {
    folder: tempfile::TempDir,
    clock: Arc<dyn Clock>,
    tracker_url: String,
    tracker: Option<Running>,
    aggregator_url: String,
    held: Held,
}

impl Network {
    async fn start() -> Self {
        Self::start_at(Ipv4Addr::LOCALHOST.into()).await
    }

    async fn start_at(ip: IpAddr) -> Self {
        let clock = clock();
        let folder = tempfile::tempdir().unwrap();
        let (tracker, tracker_url) =
            start_tracker((ip, 0).into(), &clock, &folder.path().join("tracker")).await;
        let held = Held::default();
        let routes = Router::new().route("/v1/receipts", post(take)).with_state(Arc::clone(&held));
        let listener = tokio::net::TcpListener::bind((ip, 0)).await.unwrap();
        let aggregator_url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { folder, clock, tracker_url, tracker: Some(tracker), aggregator_url, held }
    }

    fn relay_dir(&self, number: u8) -> PathBuf {
        self.folder.path().join(format!("relay-{number}"))
    }

    fn relay(&self, number: u8) -> Running {
        self.relay_at(number, None)
    }

    fn relay_config(&self, number: u8) -> relay::Config {
        let (tracker, folder) = (self.tracker_url.clone(), self.relay_dir(number));
        let mut config = relay_config(number, tracker, folder, Arc::clone(&self.clock));
        config.aggregator = Some(self.aggregator_url.clone());
        config
    }

    /// With its status at an address, if given.
    fn relay_at(&self, number: u8, status: Option<SocketAddr>) -> Running {
        let mut config = self.relay_config(number);
        config.http = status;
        run_relay(config)
    }

    fn client(&self, number: u8) -> ClientConfig {
        client_config(number, self.tracker_url.clone(), Arc::clone(&self.clock))
    }

    /// Messages in a payer's receipts that were handed in and a pool pays.
    fn receipted(&self, role: Role, payer: u8) -> u64 {
        self.handed_in(role, payer, |receipt| receipt.channel == B256::ZERO)
    }

    fn handed_in(&self, role: Role, payer: u8, of: impl Fn(&DeliveryReceipt) -> bool) -> u64 {
        let payer = session(payer).address();
        let held = self.held.lock().unwrap();
        let receipts = held.values().map(|signed| &signed.receipt);
        let of_payer = receipts.filter(|r| r.role == role && r.payer == payer && of(r));
        of_payer.map(|receipt| receipt.messages).sum()
    }

    /// How many processes of a payer signed receipts.
    fn readers(&self, payer: u8) -> usize {
        let payer = session(payer).address();
        let held = self.held.lock().unwrap();
        let of = held.keys().filter(|key| key.payer == payer).map(|key| key.reader);
        of.collect::<BTreeSet<ReaderId>>().len()
    }

    async fn until(&self, what: impl Fn(&Self) -> bool) {
        let waiting = async {
            while !what(self) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(PATIENCE, waiting).await.expect("it did not happen in time");
    }
}

fn run_relay(config: relay::Config) -> Running {
    let (stop, stopped) = oneshot::channel::<()>();
    let task = tokio::spawn(async move {
        let stopped = async {
            let _ = stopped.await;
        };
        relay::run(config, stopped).await
    });
    Running { stop: Some(stop), task }
}

fn relay_config(
    number: u8,
    tracker: String,
    folder: PathBuf,
    clock: Arc<dyn Clock>,
) -> relay::Config {
    let facts = SharedFacts::new(facts());
    let mut config = relay::Config::new(relay_key(number), tracker, folder, domain(), facts, clock);
    config.hand_in_every = Duration::from_millis(200);
    config
}

fn client_config(number: u8, tracker: String, clock: Arc<dyn Clock>) -> ClientConfig {
    let (key, group) = (session(number), GroupKey::new([42; 32]));
    let mut config = ClientConfig::new(tracker, key.address(), key, domain(), group, clock);
    config.cadence = Cadence { messages: 500, interval_ms: 500, resend_ms: 1_000 };
    config
}

fn read(mut subscriber: Subscriber, count: usize) -> JoinHandle<(Subscriber, Vec<String>)> {
    tokio::spawn(async move {
        let mut lines = Vec::new();
        while lines.len() < count {
            match timeout(PATIENCE, subscriber.next()).await.expect("no message in time") {
                Some(Item::Message(message)) => {
                    lines.push(String::from_utf8(message.payload).unwrap());
                }
                other => panic!("unexpected {other:?}"),
            }
        }
        (subscriber, lines)
    })
}

fn lines(from: usize, to: usize) -> Vec<String> {
    (from..to).map(|number| format!("{{\"record\":{number},\"text\":\"some words\"}}")).collect()
}

#[expect(clippy::unnecessary_wraps, reason = "as lines are read")]
fn text(line: &[u8]) -> Result<Vec<u8>, String> {
    Ok(line.to_vec())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_that_no_message_holds_takes_none_of_the_others_away() {
    let network = Network::start().await;
    let relay = network.relay(0);
    let subscriber = Subscriber::connect(network.client(1), &[stream()]).await.unwrap();
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    let mut input = lines(0, 100);
    input.insert(50, "x".repeat(40_000));
    input.insert(70, "x".repeat(400_000));
    let input = input.join("\n");
    publisher.publish_lines(input.as_bytes(), text, None, std::future::pending()).await.unwrap();
    let stats = publisher.finish(PATIENCE).await;
    assert_eq!((stats.published, stats.accepted, stats.skipped), (100, 100, 2));
    let (subscriber, got) = read(subscriber, 100).await.unwrap();
    assert_eq!(got, lines(0, 100));
    subscriber.finish(PATIENCE).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_gets_no_more_of_the_past_than_it_asks_for() {
    let network = Network::start().await;
    let relay = network.relay(0);
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    for line in lines(0, 10) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    while publisher.accepted() < 10 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut subscribers = Vec::new();
    for (number, history) in [(1, 0), (2, 3)] {
        let config = ClientConfig { history, ..network.client(number) };
        subscribers.push(Subscriber::connect(config, &[stream()]).await.unwrap());
    }
    // What a relay has is said after it admitted somebody; a message that came first would begin the chain.
    tokio::time::sleep(Duration::from_secs(2)).await;
    for line in lines(10, 20) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    for (subscriber, first) in subscribers.into_iter().zip([10, 7]) {
        let (subscriber, got) = read(subscriber, 20 - first).await.unwrap();
        assert_eq!(got, lines(first, 20));
        assert_eq!(subscriber.finish(PATIENCE).await.missing, 0);
    }
    publisher.finish(PATIENCE).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_arrive_once_in_order_and_every_delivery_is_receipted() {
    let network = Network::start().await;
    let relays = [network.relay(0), network.relay(1), network.relay(2)];
    let one = Subscriber::connect(network.client(1), &[stream()]).await.unwrap();
    let two = Subscriber::connect(network.client(2), &[stream()]).await.unwrap();
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    let (one, two) = (read(one, 2_000), read(two, 2_000));
    let input = lines(0, 2_000).join("\n");
    publisher.publish_lines(input.as_bytes(), text, None, std::future::pending()).await.unwrap();
    let stats = publisher.finish(PATIENCE).await;
    assert_eq!((stats.published, stats.accepted, stats.receipts_open), (2_000, 2_000, 0));
    for subscriber in [one, two] {
        let (subscriber, got) = subscriber.await.unwrap();
        assert_eq!(got, lines(0, 2_000));
        let stats = subscriber.finish(PATIENCE).await;
        assert_eq!((stats.messages, stats.missing, stats.receipts_open), (2_000, 0, 0));
        assert!(stats.receipts_acknowledged > 0);
    }
    for relay in relays {
        relay.stop().await;
    }
    assert_eq!(network.receipted(Role::Subscriber, 1), 2_000);
    assert_eq!(network.receipted(Role::Subscriber, 2), 2_000);
    // The publisher has all three relays. The first accepts everything; the others all that the
    // first did not pass on to them before they were linked.
    let accepted = network.receipted(Role::Publisher, 3);
    assert!((2_000..=6_000).contains(&accepted), "{accepted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted_relays_keep_their_receipts_and_clients_go_on() {
    let network = Network::start().await;
    let relay = network.relay(0);
    let subscriber = Subscriber::connect(network.client(1), &[stream()]).await.unwrap();
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    let reading = read(subscriber, 1_000);
    for line in lines(0, 500) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    network.until(|network| network.receipted(Role::Subscriber, 1) == 500).await;
    // As by kill -9: no farewell.
    relay.task.abort();
    let _ = relay.task.await;
    let store = NodeStore::open_file(&network.relay_dir(0).join("node.db")).await.unwrap();
    let kept = store.since(Epoch(0)).await.unwrap();
    let of_subscriber = kept.iter().find(|kept| kept.stored.receipt().role == Role::Subscriber);
    assert_eq!(of_subscriber.unwrap().stored.receipt().messages, 500);
    store.close().await;
    for line in lines(500, 1_000) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    let relay = network.relay(0);
    let (subscriber, got) = reading.await.unwrap();
    assert_eq!(got, lines(0, 1_000));
    assert_eq!(subscriber.finish(PATIENCE).await.receipts_open, 0);
    let stats = publisher.finish(PATIENCE).await;
    assert_eq!((stats.accepted, stats.receipts_open), (1_000, 0));
    relay.stop().await;
    assert_eq!(network.receipted(Role::Subscriber, 1), 1_000);
    assert_eq!(network.receipted(Role::Publisher, 3), 1_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_with_a_store_continues_its_receipts_and_one_without_begins_anew() {
    let network = Network::start().await;
    let relay = network.relay(0);
    for (payer, data_dir, expected) in
        [(3, Some(network.folder.path().join("publisher")), 1), (4, None, 2)]
    {
        for round in [0, 1] {
            let config = ClientConfig { data_dir: data_dir.clone(), ..network.client(payer) };
            let mut publisher = Publisher::connect(config, &stream()).await.unwrap();
            for line in lines(round * 100, round * 100 + 100) {
                publisher.publish(line.as_bytes()).await.unwrap();
            }
            assert_eq!(publisher.finish(PATIENCE).await.receipts_open, 0);
            let so_far = round as u64 * 100 + 100;
            network.until(|network| network.receipted(Role::Publisher, payer) == so_far).await;
        }
        assert_eq!(network.readers(payer), expected);
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_subscribers_on_one_account_do_not_disturb_each_other() {
    let network = Network::start().await;
    let relays = [network.relay(0), network.relay(1)];
    let mut reading = Vec::new();
    for _ in 0..6 {
        let subscriber = Subscriber::connect(network.client(1), &[stream()]).await.unwrap();
        reading.push(read(subscriber, 600));
    }
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    for line in lines(0, 600) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    for reading in reading {
        let (subscriber, got) = reading.await.unwrap();
        assert_eq!(got, lines(0, 600));
        let stats = subscriber.finish(PATIENCE).await;
        assert_eq!((stats.messages, stats.missing, stats.receipts_open), (600, 0, 0));
    }
    publisher.finish(PATIENCE).await;
    for relay in relays {
        relay.stop().await;
    }
    assert_eq!(network.receipted(Role::Subscriber, 1), 6 * 600);
    assert_eq!(network.readers(1), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_not_pay_is_told_why() {
    let network = Network::start().await;
    let relay = network.relay(0);
    let mut stranger = network.client(1);
    stranger.key = session(2);
    stranger.connect_timeout = Duration::from_secs(3);
    let error = Publisher::connect(stranger, &stream()).await.unwrap_err();
    assert!(error.to_string().contains("not authorised"), "{error}");
    let mut unstaked = network.client(20);
    unstaked.connect_timeout = Duration::from_secs(3);
    let error = Subscriber::connect(unstaked, &[stream()]).await.unwrap_err();
    assert!(error.to_string().contains("no stake"), "{error}");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_flow_on_while_the_tracker_is_gone_and_newcomers_wait_for_it() {
    let mut network = Network::start().await;
    let relays = [network.relay(0), network.relay(1)];
    let subscriber = Subscriber::connect(network.client(1), &[stream()]).await.unwrap();
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    let reading = read(subscriber, 400);
    for line in lines(0, 200) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    network.tracker.take().unwrap().stop().await;
    for line in lines(200, 400) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    let (subscriber, got) = reading.await.unwrap();
    assert_eq!(got, lines(0, 400));
    let newcomer = network.client(2);
    let connecting =
        tokio::spawn(async move { Subscriber::connect(newcomer, &[stream()]).await.unwrap() });
    let address = network.tracker_url.trim_start_matches("ws://").split('/').next().unwrap();
    let folder = network.folder.path().join("tracker");
    let (tracker, _) = start_tracker(address.parse().unwrap(), &network.clock, &folder).await;
    network.tracker = Some(tracker);
    let newcomer = timeout(PATIENCE, connecting).await.unwrap().unwrap();
    let reading = read(newcomer, 50);
    for line in lines(400, 450) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    let (newcomer, _) = reading.await.unwrap();
    assert_eq!(subscriber.finish(PATIENCE).await.receipts_open, 0);
    assert_eq!(newcomer.finish(PATIENCE).await.receipts_open, 0);
    let stats = publisher.finish(PATIENCE).await;
    assert_eq!((stats.published, stats.accepted, stats.receipts_open), (450, 450, 0));
    for relay in relays {
        relay.stop().await;
    }
}
