//! A payer's quota, over real sockets: all relays together serve no more of it, who used it up is
//! told, and others are not touched.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use tatum_node::{TrackerAddress, Trackers};

const MIB: u64 = 1 << 20;
/// Pays with a small quota; everybody else has a large one.
const POOR: u8 = 5;
const RICH: u8 = 3;
const QUOTA: u64 = 4 * MIB;
/// A published line and what sealing adds to it.
const LINE_BYTES: usize = 8_000;
const MESSAGE_BYTES: u64 = 8_100;
const EPOCH_S: u64 = 3_600;

fn quotas() -> StatedFacts {
    facts().quota(session(POOR).address(), QUOTA)
}

/// A clock whose wall can be put forward.
#[derive(Debug)]
struct Ahead {
    clock: SystemClock,
    by_ms: AtomicU64,
}

impl Clock for Ahead {
    fn wall_ms(&self) -> u64 {
        self.clock.wall_ms() + self.by_ms.load(Ordering::Relaxed)
    }

    fn monotonic_ms(&self) -> u64 {
        self.clock.monotonic_ms()
    }

    fn schedule(&self) -> EpochSchedule {
        self.clock.schedule()
    }
}

impl Ahead {
    /// To so many milliseconds before the epoch's end.
    fn to_end(&self, left_ms: u64) {
        let end_ms = self.schedule().end_ms(self.epoch());
        let more_ms = end_ms - self.wall_ms() - left_ms;
        self.by_ms.fetch_add(more_ms, Ordering::Relaxed);
    }
}

struct Quoted {
    network: Network,
    clock: Arc<Ahead>,
    /// Beside the first.
    second: Option<(Running, TrackerAddress)>,
}

impl Quoted {
    async fn start() -> Self {
        let mut network = Network::start().await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let schedule = EpochSchedule { genesis_s: now - 10 * EPOCH_S, length_s: EPOCH_S };
        let clock = SystemClock::new(schedule);
        let clock = Arc::new(Ahead { clock, by_ms: AtomicU64::new(0) });
        network.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        network.tracker.take().unwrap().stop().await;
        let mut quoted = Self { network, clock, second: None };
        quoted.start_tracker((Ipv4Addr::LOCALHOST, 0).into()).await;
        quoted
    }

    async fn start_tracker(&mut self, listen: SocketAddr) {
        let (tracker, address) = self.tracker(listen, 99).await;
        self.network.tracker_url = address.url().to_owned();
        self.network.tracker = Some(tracker);
    }

    async fn tracker(&self, listen: SocketAddr, number: u8) -> (Running, TrackerAddress) {
        let key = NodeKey::from_bytes(&[number; 32]);
        let id = key.id();
        let mut config = tracker::Config::new(key, listen, Arc::clone(&self.network.clock));
        config.facts = Some(SharedFacts::new(quotas()));
        let tracker = Tracker::bind(config).await.unwrap();
        let address = format!("{}#{id}", tracker.url()).parse().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(tracker.serve(async {
            let _ = stopped.await;
        }));
        (Running { stop: Some(stop), task }, address)
    }

    fn trackers(&self) -> Trackers {
        let id = NodeKey::from_bytes(&[99; 32]).id();
        let first = format!("{}#{id}", self.network.tracker_url).parse().unwrap();
        let second = self.second.iter().map(|(_, address)| address.clone());
        Trackers::new(std::iter::once(first).chain(second).collect()).unwrap()
    }

    fn client(&self, number: u8) -> ClientConfig {
        let mut config = self.network.client(number);
        config.trackers = self.trackers();
        config
    }

    async fn restart_tracker(&mut self) {
        let url = self.network.tracker_url.clone();
        let address = url.trim_start_matches("ws://").split('/').next().unwrap();
        self.network.tracker.take().unwrap().stop().await;
        self.start_tracker(address.parse().unwrap()).await;
    }

    fn relay(&self, number: u8) -> Running {
        let mut config = self.network.relay_config(number);
        config.facts = SharedFacts::new(quotas());
        config.trackers = self.trackers();
        run_relay(config)
    }

    async fn leases(&self) -> usize {
        leases_at(&self.trackers().list()[0]).await
    }

    /// Receipted bytes of a payer in an epoch, at all relays.
    fn bytes(&self, payer: u8, epoch: Epoch) -> u64 {
        let payer = session(payer).address();
        let held = self.network.held.lock().unwrap();
        let of = held.iter().filter(|(key, _)| key.payer == payer && key.epoch == epoch);
        of.map(|(_, signed)| signed.receipt.bytes).sum()
    }

    /// Waits until the payer's receipts stand still at so many bytes or more, and gives how many.
    async fn used_up(&self, payer: u8, epoch: Epoch, least: u64) -> u64 {
        let start = std::time::Instant::now();
        let (mut last, mut still) = (0, 0);
        while still < 30 && start.elapsed() < PATIENCE {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let bytes = self.bytes(payer, epoch);
            still = if bytes == last && bytes >= least { still + 1 } else { 0 };
            last = bytes;
        }
        last
    }
}

async fn leases_at(tracker: &TrackerAddress) -> usize {
    let tracker = TrackerClient::new(&tracker.http_url()).unwrap();
    tracker.status().await.unwrap().summary.leases
}

/// Publishes until it is stopped; no more than a message a millisecond.
fn flow(mut publisher: Publisher) -> (oneshot::Sender<()>, JoinHandle<Publisher>) {
    let (stop, mut stopped) = oneshot::channel::<()>();
    let line = vec![b'x'; LINE_BYTES];
    let task = tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = &mut stopped => return publisher,
                published = publisher.publish(&line) => published.unwrap(),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    (stop, task)
}

/// Publishes so fast that receipts keep up.
async fn publish(publisher: &mut Publisher, count: u64) {
    let line = vec![b'x'; LINE_BYTES];
    for _ in 0..count {
        publisher.publish(&line).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_relays_together_serve_a_payer_no_more_than_its_quota() {
    let quoted = Quoted::start().await;
    let relays: Vec<Running> = (0..4).map(|number| quoted.relay(number)).collect();
    let subscriber = Subscriber::connect(quoted.client(1), &[stream()]).await.unwrap();
    let mut rich = Publisher::connect(quoted.client(RICH), &stream()).await.unwrap();
    let poor = Publisher::connect(quoted.client(POOR), &stream()).await.unwrap();
    let reading = tokio::spawn(async move {
        let (mut subscriber, mut count) = (subscriber, 0_u64);
        while let Ok(Some(item)) = timeout(Duration::from_secs(20), subscriber.next()).await {
            count += u64::from(matches!(item, Item::Message(_)));
        }
        count
    });
    let epoch = quoted.clock.epoch();
    let (stop, flowing) = flow(poor);
    let used = quoted.used_up(POOR, epoch, QUOTA).await;
    assert!((QUOTA..=QUOTA + 4 * MESSAGE_BYTES).contains(&used), "{used} of {QUOTA}");
    // Somebody else is served as ever: about twice the quota of the other one.
    let started = std::time::Instant::now();
    publish(&mut rich, 250).await;
    quoted.network.until(|_| rich.accepted() >= 250).await;
    println!("250 messages of another payer took {:?}", started.elapsed());
    // The publisher knows why it waits, and goes on by itself in the next epoch.
    drop(stop);
    let poor = flowing.await.unwrap();
    let reason = poor.refusal().unwrap_or_default();
    assert!(reason.contains("quota is used up"), "{reason}");
    let accepted = poor.accepted();
    quoted.clock.to_end(5_000);
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(poor.accepted(), accepted, "the epoch is not over");
    quoted.clock.to_end(0);
    quoted.network.until(|_| poor.accepted() > accepted).await;
    let (stop, flowing) = flow(poor);
    let used = quoted.used_up(POOR, epoch.next(), QUOTA).await;
    assert!((QUOTA..=QUOTA + 4 * MESSAGE_BYTES).contains(&used), "{used} of {QUOTA}");
    drop(stop);
    drop(flowing.await.unwrap());
    drop(rich);
    for relay in relays {
        relay.stop().await;
    }
    assert!(reading.await.unwrap() > 250);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarts_and_flapping_clients_neither_widen_a_quota_nor_lose_it() {
    const FLAPS: u64 = 4;
    const BEFORE: u64 = 40;
    let mut quoted = Quoted::start().await;
    let mut relays: Vec<Running> = (0..4).map(|number| quoted.relay(number)).collect();
    let epoch = quoted.clock.epoch();
    // Clients that come and go.
    for _ in 0..FLAPS {
        let mut poor = Publisher::connect(quoted.client(POOR), &stream()).await.unwrap();
        publish(&mut poor, FLAPS).await;
        assert_eq!(poor.finish(PATIENCE).await.receipts_open, 0);
    }
    assert!(quoted.leases().await <= 4);
    let mut poor = Publisher::connect(quoted.client(POOR), &stream()).await.unwrap();
    publish(&mut poor, BEFORE).await;
    quoted.network.until(|_| poor.accepted() >= BEFORE).await;
    // Receipts are there before a relay is killed; what it served without is not known afterwards.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let killed = relays.remove(0);
    killed.task.abort();
    let _ = killed.task.await;
    relays.insert(0, quoted.relay(0));
    let before = quoted.leases().await;
    quoted.restart_tracker().await;
    let waiting = async {
        while quoted.leases().await < before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("the relays said what they hold");
    let (stop, flowing) = flow(poor);
    // A relay that was killed may accept again what the publisher still keeps, and has receipted already.
    let least = QUOTA - BEFORE * MESSAGE_BYTES;
    let used = quoted.used_up(POOR, epoch, least).await;
    // A tracker that was restarted does not know what a relay had used that no client has come back to yet.
    let most = QUOTA + (4 + FLAPS * FLAPS + BEFORE) * MESSAGE_BYTES;
    assert!((least..=most).contains(&used), "{used} of {QUOTA}");
    drop(stop);
    drop(flowing.await.unwrap());
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_tracker_goes_on_with_the_leases_of_one_that_is_gone() {
    let mut quoted = Quoted::start().await;
    quoted.second = Some(quoted.tracker((Ipv4Addr::LOCALHOST, 0).into(), 98).await);
    let relays: Vec<Running> = (0..4).map(|number| quoted.relay(number)).collect();
    let epoch = quoted.clock.epoch();
    let mut poor = Publisher::connect(quoted.client(POOR), &stream()).await.unwrap();
    publish(&mut poor, 40).await;
    quoted.network.until(|_| poor.accepted() >= 40).await;
    let (first, second) =
        (quoted.trackers().list()[0].clone(), quoted.trackers().list()[1].clone());
    let (at_first, at_second) = (leases_at(&first).await, leases_at(&second).await);
    assert!((at_first == 0) != (at_second == 0), "one tracker leases: {at_first}, {at_second}");
    let left = if at_first > 0 {
        quoted.network.tracker.take().unwrap().stop().await;
        second
    } else {
        let (tracker, _) = quoted.second.take().unwrap();
        tracker.stop().await;
        first
    };
    let waiting = async {
        while leases_at(&left).await < at_first.max(at_second) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("the relays said what they hold");
    let (stop, flowing) = flow(poor);
    let used = quoted.used_up(POOR, epoch, QUOTA).await;
    assert!((QUOTA..=QUOTA + 4 * MESSAGE_BYTES).contains(&used), "{used} of {QUOTA}");
    drop(stop);
    drop(flowing.await.unwrap());
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_is_told_that_its_quota_is_used_up() {
    let quoted = Quoted::start().await;
    let relays: Vec<Running> = (0..2).map(|number| quoted.relay(number)).collect();
    let mut poor = Subscriber::connect(quoted.client(POOR), &[stream()]).await.unwrap();
    let mut other = Subscriber::connect(quoted.client(1), &[stream()]).await.unwrap();
    let mut rich = Publisher::connect(quoted.client(RICH), &stream()).await.unwrap();
    let count = 3 * QUOTA / LINE_BYTES as u64;
    let reading = tokio::spawn(async move {
        for number in 0..count {
            let item = timeout(PATIENCE, other.next()).await.expect("no message in time");
            assert!(matches!(item, Some(Item::Message(_))), "{number}: {item:?}");
        }
        other
    });
    publish(&mut rich, count).await;
    let mut got = 0;
    while let Ok(Some(_)) = timeout(Duration::from_secs(3), poor.next()).await {
        got += 1;
    }
    let reason = poor.refusal().unwrap_or_default().to_owned();
    assert!(reason.contains("quota is used up"), "{reason}");
    assert!(got < count, "{got} of {count}");
    let other = reading.await.unwrap();
    // A newcomer of the same payer hears of it at once.
    drop(poor);
    let mut late = quoted.client(POOR);
    late.connect_timeout = Duration::from_secs(4);
    let error = Subscriber::connect(late, &[stream()]).await.unwrap_err();
    assert!(error.to_string().contains("quota is used up"), "{error}");
    other.finish(PATIENCE).await;
    rich.finish(PATIENCE).await;
    for relay in relays {
        relay.stop().await;
    }
}
