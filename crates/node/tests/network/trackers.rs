//! Several trackers: each stream has its place on one of them, and none of them is needed for long.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::{SinkExt, StreamExt};
use tatum_node::{Handover, TrackerAddress, Trackers};
use tatum_primitives::StreamKey;
use tatum_protocol::tracker::{FromTracker, sign_hello};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message as Text;

use super::*;

/// Short, so that nobody waits: a restart takes less than the first.
const HANDOVER: Handover = Handover {
    patience: Duration::from_millis(1_500),
    return_after: Duration::from_millis(1_500),
    linger: Duration::from_secs(3),
};

fn tracker_key(number: u8) -> NodeKey {
    NodeKey::from_bytes(&[80 + number; 32])
}

/// A network with three trackers more than the one that it does not use.
struct Deployment {
    network: Network,
    running: Vec<Option<Running>>,
    trackers: Trackers,
    relays_per_stream: usize,
}

impl Deployment {
    /// With so many relays for each stream.
    async fn start(relays_per_stream: usize) -> Self {
        let network = Network::start().await;
        let (mut running, mut list) = (Vec::new(), Vec::new());
        for number in 0..3 {
            let (tracker, url) =
                launch(&network, (number, relays_per_stream), (Ipv4Addr::LOCALHOST, 0).into())
                    .await;
            let address = format!("{url}#{}", tracker_key(number).id());
            list.push(address.parse::<TrackerAddress>().unwrap());
            running.push(Some(tracker));
        }
        let mut trackers = Trackers::new(list).unwrap();
        trackers.handover = HANDOVER;
        Self { network, running, trackers, relays_per_stream }
    }

    fn relay(&self, number: u8) -> Running {
        self.relay_of(number, self.trackers.clone())
    }

    fn relay_of(&self, number: u8, trackers: Trackers) -> Running {
        let mut config = self.network.relay_config(number);
        config.trackers = trackers;
        run_relay(config)
    }

    fn client(&self, number: u8) -> ClientConfig {
        let mut config = self.network.client(number);
        config.trackers = self.trackers.clone();
        config
    }

    /// The list of somebody who cannot reach one of the trackers.
    fn without(&self, number: usize) -> Trackers {
        let list = self.trackers.list().iter().enumerate().map(|(place, tracker)| {
            let nowhere = format!("http://127.0.0.1:1#{}", tracker.key().unwrap());
            if place == number { nowhere.parse().unwrap() } else { tracker.clone() }
        });
        let mut trackers = Trackers::new(list.collect()).unwrap();
        trackers.handover = HANDOVER;
        trackers
    }

    /// The trackers' numbers, the one that is responsible for the stream first.
    fn ranked(&self, stream: &Stream) -> Vec<usize> {
        let list = self.trackers.list();
        let place = |of: &TrackerAddress| list.iter().position(|tracker| tracker == of).unwrap();
        self.trackers.ranked(stream.key().0).into_iter().map(place).collect()
    }

    async fn kill(&mut self, number: usize) {
        self.running[number].take().unwrap().stop().await;
    }

    async fn restart(&mut self, number: usize) {
        let url = self.trackers.list()[number].http_url();
        let address = url.trim_start_matches("http://").parse().unwrap();
        let config = (u8::try_from(number).unwrap(), self.relays_per_stream);
        self.running[number] = Some(launch(&self.network, config, address).await.0);
    }

    /// Clients and relays that a tracker knows in a stream.
    async fn known(&self, number: usize, stream: StreamKey) -> (usize, usize) {
        let url = self.trackers.list()[number].http_url();
        let graph = TrackerClient::new(&url).unwrap().graph(stream).await.unwrap();
        let relays = graph.nodes.iter().filter(|node| node.relay).count();
        (graph.nodes.len() - relays, relays)
    }

    async fn until_known(
        &self,
        number: usize,
        stream: StreamKey,
        enough: impl Fn((usize, usize)) -> bool,
    ) {
        let waiting = async {
            while !enough(self.known(number, stream).await) {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let known = timeout(PATIENCE, waiting).await;
        let at_end = self.known(number, stream).await;
        known.unwrap_or_else(|_| panic!("tracker {number} knows {at_end:?}"));
    }
}

async fn launch(
    network: &Network,
    (number, relays_per_stream): (u8, usize),
    listen: SocketAddr,
) -> (Running, String) {
    let mut config = tracker::Config::new(tracker_key(number), listen, Arc::clone(&network.clock));
    config.facts = Some(SharedFacts::new(facts()));
    config.linger = Duration::from_secs(3);
    config.relays_per_stream = relays_per_stream;
    serve(config).await
}

fn numbered(number: usize) -> Stream {
    Stream::new(StreamId::new(format!("test/stream-{number}")).unwrap(), 0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_are_spread_over_the_trackers() {
    let deployment = Deployment::start(4).await;
    let relays = [0, 1].map(|number| deployment.relay(number));
    let streams: Vec<Stream> = (0..9).map(numbered).collect();
    let subscriber = Subscriber::connect(deployment.client(1), &streams).await.unwrap();
    let mut used = [0; 3];
    for stream in &streams {
        let ranking = deployment.ranked(stream);
        used[ranking[0]] += 1;
        deployment.until_known(ranking[0], stream.key(), |known| known == (1, 2)).await;
        for other in &ranking[1..] {
            assert_eq!(deployment.known(*other, stream.key()).await, (0, 0));
        }
    }
    assert!(used.iter().all(|streams| *streams > 0), "{used:?}");
    subscriber.finish(PATIENCE).await;
    for relay in relays {
        relay.stop().await;
    }
}

/// Publishes until told to stop; gives how many.
fn publish_on(
    mut publisher: Publisher,
    stop: Arc<AtomicBool>,
) -> JoinHandle<(Publisher, Vec<String>)> {
    tokio::spawn(async move {
        let mut sent = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let line = lines(sent.len(), sent.len() + 1).remove(0);
            publisher.publish(line.as_bytes()).await.unwrap();
            sent.push(line);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        (publisher, sent)
    })
}

/// Reads until the last line came; gives all of them.
fn read_on(
    mut subscriber: Subscriber,
    last: oneshot::Receiver<String>,
) -> JoinHandle<(Subscriber, Vec<String>)> {
    tokio::spawn(async move {
        let (mut got, mut last, mut end) = (Vec::new(), last, None);
        while end.is_none() || end.as_ref() != got.last() {
            tokio::select! {
                line = &mut last, if end.is_none() => end = Some(line.unwrap()),
                item = timeout(PATIENCE, subscriber.next()) => match item.expect("no message in time") {
                    Some(Item::Message(message)) => got.push(String::from_utf8(message.payload).unwrap()),
                    other => panic!("unexpected {other:?}"),
                },
            }
        }
        (subscriber, got)
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_when_a_streams_tracker_dies_and_when_it_is_back() {
    let mut deployment = Deployment::start(4).await;
    let relays = [0, 1, 2, 3, 4, 5].map(|number| deployment.relay(number));
    let key = stream().key();
    let ranking = deployment.ranked(&stream());
    let (home, next) = (ranking[0], ranking[1]);
    let subscriber = Subscriber::connect(deployment.client(1), &[stream()]).await.unwrap();
    let publisher = Publisher::connect(deployment.client(3), &stream()).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let publishing = publish_on(publisher, Arc::clone(&stop));
    let (tell, told) = oneshot::channel();
    let reading = read_on(subscriber, told);
    deployment.until_known(home, key, |(clients, _)| clients == 2).await;
    assert_eq!(deployment.known(next, key).await, (0, 0));

    deployment.kill(home).await;
    let newcomer = Subscriber::connect(deployment.client(2), &[stream()]).await.unwrap();
    let (tell_newcomer, told) = oneshot::channel();
    let newcomer = read_on(newcomer, told);
    deployment.until_known(next, key, |(clients, relays)| clients == 3 && relays >= 4).await;
    // Longer than neighbours are kept of a tracker that is gone.
    tokio::time::sleep(HANDOVER.linger * 2).await;

    deployment.restart(home).await;
    deployment.until_known(home, key, |(clients, relays)| clients == 3 && relays >= 4).await;
    deployment.until_known(next, key, |known| known == (0, 0)).await;
    tokio::time::sleep(HANDOVER.linger).await;
    assert!(deployment.known(home, key).await.0 == 3);

    stop.store(true, Ordering::Relaxed);
    let (publisher, sent) = publishing.await.unwrap();
    for tell in [tell, tell_newcomer] {
        tell.send(sent.last().unwrap().clone()).unwrap();
    }
    let (subscriber, got) = reading.await.unwrap();
    assert_eq!(got, sent);
    let (newcomer, got) = newcomer.await.unwrap();
    assert!(sent.ends_with(&got) && got.len() > 100, "{} of {}", got.len(), sent.len());
    // A relay that a handover takes away may be gone before it has answered the last receipt.
    assert!(subscriber.finish(PATIENCE).await.receipts_open <= 2);
    assert!(newcomer.finish(PATIENCE).await.receipts_open <= 2);
    let stats = publisher.finish(PATIENCE).await;
    assert_eq!(stats.accepted, sent.len() as u64);
    assert!(stats.receipts_open <= 2, "{} receipts are open", stats.receipts_open);
    for relay in relays {
        relay.stop().await;
    }
}

/// How many neighbours a client is told of while its tracker stops, each time it is told.
async fn told_at_the_end(
    network: &Network,
    ready: oneshot::Sender<()>,
    stopping: &AtomicBool,
) -> Vec<usize> {
    let key = NodeKey::from_bytes(&rand::random());
    let (mut socket, _) = connect_async(&network.tracker_url).await.unwrap();
    let (mut told, mut ready, mut tracker_id) = (Vec::new(), Some(ready), NodeId::default());
    while let Some(Ok(text)) = timeout(PATIENCE, socket.next()).await.unwrap() {
        let Text::Text(text) = text else { continue };
        let reply = match serde_json::from_str(text.as_str()).unwrap() {
            FromTracker::Challenge { nonce, tracker, .. } => {
                tracker_id = tracker;
                sign_hello(&key, tracker, nonce, None, 1)
            }
            FromTracker::Welcome { .. } => {
                hostile::join(&stream(), (key.id(), tracker_id), 1, network.clock.wall_ms())
            }
            FromTracker::Assign(assignment) => {
                if stopping.load(Ordering::Relaxed) {
                    told.push(assignment.neighbours.len());
                } else if let Some(ready) = ready.take_if(|_| !assignment.neighbours.is_empty()) {
                    ready.send(()).unwrap();
                }
                continue;
            }
            _ => continue,
        };
        socket.send(Text::text(serde_json::to_string(&reply).unwrap())).await.unwrap();
    }
    told
}

/// Else whose socket ends last would do without the relays whose sockets ended before, until another tracker assigned them anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_that_stops_takes_no_relay_from_anybody() {
    let mut network = Network::start().await;
    let relays: Vec<Running> = (0..4).map(|number| network.relay(number)).collect();
    let (tracker, stopping) = (network.tracker.take().unwrap(), AtomicBool::new(false));
    let (tell, hear): (Vec<_>, Vec<_>) = (0..12).map(|_| oneshot::channel()).unzip();
    let clients = tell.into_iter().map(|ready| told_at_the_end(&network, ready, &stopping));
    let stop = async {
        for ready in hear {
            timeout(PATIENCE, ready).await.expect("relays are assigned").unwrap();
        }
        // Assignments change as long as somebody comes.
        tokio::time::sleep(Duration::from_secs(2)).await;
        stopping.store(true, Ordering::Relaxed);
        tracker.stop().await;
    };
    let (told, ()) = tokio::join!(futures_util::future::join_all(clients), stop);
    assert!(told.iter().all(Vec::is_empty), "{told:?}");
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_reach_a_streams_tracker_gets_its_messages_all_the_same() {
    let deployment = Deployment::start(1).await;
    let ranking = deployment.ranked(&stream());
    // One relay cannot be recruited by the next tracker, the other was not recruited by the first.
    let relay = deployment.relay_of(0, deployment.without(ranking[1]));
    let mut publisher = Publisher::connect(deployment.client(3), &stream()).await.unwrap();
    let mut config = deployment.client(1);
    config.trackers = deployment.without(ranking[0]);
    let connecting =
        tokio::spawn(async move { Subscriber::connect(config, &[stream()]).await.unwrap() });
    let bridge = deployment.relay(1);
    let subscriber = connecting.await.unwrap();
    deployment.until_known(ranking[0], stream().key(), |known| known == (1, 2)).await;
    assert_eq!(deployment.known(ranking[1], stream().key()).await, (1, 1));
    let reading = read(subscriber, 200);
    for line in lines(0, 200) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    let (subscriber, got) = reading.await.unwrap();
    assert_eq!(got, lines(0, 200));
    assert_eq!(subscriber.finish(PATIENCE).await.receipts_open, 0);
    assert_eq!(publisher.finish(PATIENCE).await.receipts_open, 0);
    for relay in [relay, bridge] {
        relay.stop().await;
    }
}
