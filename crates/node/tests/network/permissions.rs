//! A stream with an owner, over real sockets: who may publish, subscribe and read, and what happens
//! when that changes.

use futures_util::{SinkExt, StreamExt};
use rand::RngCore;
use tatum_node::client::{Keys, Rotation};
use tatum_overlay::exchange::{AskSecret, KeyAnswer, KeyName, KeyRequest};
use tatum_overlay::permissions::{Audience, PermissionList, SignedPermissions};
use tatum_protocol::tracker::{FromTracker, ToTracker, sign_hello};
use tatum_protocol::{Problem, ProblemKind, Published};
use tatum_receipt::Verifier;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message as Text;

use super::*;

const OWNER: u8 = 5;
const PUBLISHER: u8 = 3;

fn owned() -> Stream {
    let name = format!("{}/records", session(OWNER).address());
    Stream::new(StreamId::new(name).unwrap(), 0)
}

fn list(version: u64, publishers: &[u8], subscribers: &[u8]) -> SignedPermissions {
    let some = |keys: &[u8]| -> Audience { keys.iter().map(|k| session(*k).address()).collect() };
    let list = PermissionList {
        stream: owned().id,
        version,
        publishers: some(publishers),
        subscribers: some(subscribers),
    };
    list.signed(&session(OWNER), &Verifier::new(domain()))
}

impl Network {
    fn exchanging(&self, number: u8) -> ClientConfig {
        let mut config = self.client(number);
        config.keys = Keys::Exchanged(Rotation { messages: 50, ..Rotation::default() });
        config.connect_timeout = Duration::from_secs(20);
        config
    }

    fn tracker_client(&self) -> TrackerClient {
        let base = self.tracker_url.replace("ws://", "http://");
        TrackerClient::new(base.trim_end_matches("/v1/tracker")).unwrap()
    }

    async fn permit(&self, signed: &SignedPermissions) -> Result<Published, Problem> {
        let published = self.tracker_client().publish(signed).await;
        published.map_err(|error| error.problem().unwrap().clone())
    }

    async fn kept_version(&self) -> Option<u64> {
        let kept = self.tracker_client().permissions(&owned().id).await.unwrap();
        kept.map(|signed| signed.list.version)
    }
}

/// Publishes until the subscriber's next messages came, for a key may have to be asked for first.
async fn publish(publisher: &mut Publisher, from: usize, to: usize) {
    for line in lines(from, to) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
}

/// Messages that arrive within a while.
async fn count_for(subscriber: &mut Subscriber, time: Duration) -> usize {
    let mut count = 0;
    let deadline = tokio::time::Instant::now() + time;
    while let Ok(Some(item)) = tokio::time::timeout_at(deadline, subscriber.next()).await {
        count += usize::from(matches!(item, Item::Message(_)));
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revoked_subscriber_gets_nothing_new_and_the_others_lose_nothing() {
    let network = Network::start().await;
    let relays = [network.relay(0), network.relay(1)];
    assert!(network.permit(&list(7, &[PUBLISHER], &[1, 2])).await.is_ok());
    let one = Subscriber::connect(network.exchanging(1), &[owned()]).await.unwrap();
    let two = Subscriber::connect(network.exchanging(2), &[owned()]).await.unwrap();
    // Neither a subscriber nor a stranger may publish, nor a publisher subscribe.
    for (stranger, subscribes) in [(1, false), (4, true), (PUBLISHER, true)] {
        let mut config = network.exchanging(stranger);
        config.connect_timeout = Duration::from_secs(4);
        let refused = if subscribes {
            Subscriber::connect(config, &[owned()]).await.err()
        } else {
            Publisher::connect(config, &owned()).await.err()
        };
        let reason = refused.expect("it was admitted").to_string();
        assert!(reason.contains("owner does not permit"), "{reason}");
    }
    let mut publisher = Publisher::connect(network.exchanging(PUBLISHER), &owned()).await.unwrap();
    let (one, two) = (read(one, 200), read(two, 200));
    // Four keys: three rotations.
    publish(&mut publisher, 0, 200).await;
    let (one, got) = one.await.unwrap();
    assert_eq!(got, lines(0, 200));
    let (mut two, got) = two.await.unwrap();
    assert_eq!(got, lines(0, 200));
    let published = network.permit(&list(8, &[PUBLISHER], &[1])).await.unwrap();
    assert_eq!((published.version, published.told), (8, 5), "two relays and three clients");
    // The publisher and the relays were told before; what is under way is theirs.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let reading = read(one, 300);
    publish(&mut publisher, 200, 500).await;
    let (one, got) = reading.await.unwrap();
    assert_eq!(got, lines(200, 500));
    assert_eq!(count_for(&mut two, Duration::from_secs(2)).await, 0);
    assert_eq!(one.stats().unreadable, 0);
    let stats = publisher.finish(PATIENCE).await;
    assert_eq!((stats.published, stats.accepted, stats.receipts_open), (500, 500, 0));
    assert_eq!(one.finish(PATIENCE).await.receipts_open, 0);
    assert_eq!(two.finish(PATIENCE).await.messages, 200);
    for relay in relays {
        relay.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_list_only_the_owner_takes_part() {
    let network = Network::start().await;
    let relay = network.relay(0);
    let owner = Subscriber::connect(network.exchanging(OWNER), &[owned()]).await.unwrap();
    let mut stranger = network.exchanging(PUBLISHER);
    stranger.connect_timeout = Duration::from_secs(3);
    let error = Publisher::connect(stranger, &owned()).await.unwrap_err();
    assert!(error.to_string().contains("owner does not permit"), "{error}");
    let mut publisher = Publisher::connect(network.exchanging(OWNER), &owned()).await.unwrap();
    let reading = read(owner, 20);
    publish(&mut publisher, 0, 20).await;
    assert_eq!(reading.await.unwrap().1, lines(0, 20));
    // The owner lets somebody else publish, and takes it back.
    assert!(network.permit(&list(1, &[PUBLISHER], &[])).await.is_ok());
    let mut other = Publisher::connect(network.exchanging(PUBLISHER), &owned()).await.unwrap();
    publish(&mut other, 0, 1).await;
    assert!(network.permit(&list(2, &[], &[])).await.is_ok());
    let refused = async {
        loop {
            if let Err(error) = other.publish(b"more").await {
                break error;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let error = timeout(PATIENCE, refused).await.unwrap();
    assert!(matches!(error, NodeError::NotPermitted { .. }), "{error}");
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tracker_keeps_the_newest_list_over_a_restart_and_takes_no_other() {
    let mut network = Network::start().await;
    let relay = network.relay(0);
    assert!(network.permit(&list(7, &[PUBLISHER], &[1])).await.is_ok());
    let address = network.tracker_url.trim_start_matches("ws://").split('/').next().unwrap();
    let address: SocketAddr = address.parse().unwrap();
    network.tracker.take().unwrap().stop().await;
    let folder = network.folder.path().join("tracker");
    let (tracker, _) = start_tracker(address, &network.clock, &folder).await;
    network.tracker = Some(tracker);
    assert_eq!(network.kept_version().await, Some(7));
    let problem = network.permit(&list(6, &[], &[4])).await.unwrap_err();
    assert_eq!(problem.kind, ProblemKind::Outdated);
    assert!(problem.detail.contains("not newer than 7"), "{problem}");
    assert!(network.permit(&list(7, &[PUBLISHER], &[1])).await.is_ok(), "the same one again");
    let mut forged = list(9, &[4], &[4]);
    forged.list.version = 10;
    assert_eq!(network.permit(&forged).await.unwrap_err().kind, ProblemKind::BadRequest);
    assert_eq!(network.kept_version().await, Some(7));
    let one = Subscriber::connect(network.exchanging(1), &[owned()]).await.unwrap();
    let mut publisher = Publisher::connect(network.exchanging(PUBLISHER), &owned()).await.unwrap();
    let reading = read(one, 20);
    publish(&mut publisher, 0, 20).await;
    assert_eq!(reading.await.unwrap().1, lines(0, 20));
    relay.stop().await;
}

/// A client that asks the tracker for a key without being served by any relay.
async fn ask_for_a_key(network: &Network, who: u8, name: KeyName) -> KeyAnswer {
    let key = NodeKey::from_bytes(&rand::random());
    let (mut socket, _) = connect_async(&network.tracker_url).await.unwrap();
    let mut random = [0; 32];
    rand::rng().fill_bytes(&mut random);
    let secret = AskSecret::new(random);
    let mut tracker_id = NodeId::default();
    loop {
        let text = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        let Text::Text(text) = text else { continue };
        let mut replies = Vec::new();
        match serde_json::from_str(text.as_str()).unwrap() {
            FromTracker::Challenge { nonce, tracker, .. } => {
                tracker_id = tracker;
                replies.push(sign_hello(&key, tracker, nonce, None, 1));
            }
            FromTracker::Welcome { .. } => {
                let at_ms = network.clock.wall_ms();
                replies.push(hostile::join(&owned(), (key.id(), tracker_id), who, at_ms));
                let payer = session(who).address();
                let (node, signer) = (key.id(), session(who));
                let request = KeyRequest::sign(name, payer, node, &secret, at_ms, &signer);
                replies.push(ToTracker::AskKey(Box::new(request)));
            }
            FromTracker::KeyGiven { answer } => {
                if let KeyAnswer::Granted(grant) = &*answer {
                    assert_eq!(grant.open(&secret).unwrap().id(), name.key_id);
                }
                return *answer;
            }
            _ => {}
        }
        for reply in replies {
            socket.send(Text::text(serde_json::to_string(&reply).unwrap())).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_gives_its_key_to_permitted_subscribers_only() {
    let network = Network::start().await;
    let relay = network.relay(0);
    assert!(network.permit(&list(1, &[PUBLISHER], &[1])).await.is_ok());
    let folder = network.folder.path().join("publisher");
    let mut config = network.exchanging(PUBLISHER);
    config.data_dir = Some(folder.clone());
    let mut publisher = Publisher::connect(config, &owned()).await.unwrap();
    publish(&mut publisher, 0, 1).await;
    // The key's name is public: it is in every message.
    let file = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "json"))
        .unwrap();
    let kept: serde_json::Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let key: tatum_primitives::B256 = kept["keys"][0].as_str().unwrap().parse().unwrap();
    let name = KeyName {
        stream: owned().key(),
        publisher: session(PUBLISHER).address(),
        key_id: GroupKey::new(key.0).id(),
    };
    assert!(matches!(ask_for_a_key(&network, 1, name).await, KeyAnswer::Granted(_)));
    match ask_for_a_key(&network, 4, name).await {
        KeyAnswer::Refused { reason, .. } => assert!(reason.contains("permit"), "{reason}"),
        KeyAnswer::Granted(_) => panic!("a stranger was given the key"),
    }
    publisher.finish(PATIENCE).await;
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_publisher_said_before_it_ended_at_once_is_readable() {
    let network = Network::start().await;
    let relay = network.relay(0);
    let mut subscribers = Vec::new();
    for number in [1, 2] {
        let config = network.exchanging(number);
        let subscriber = Subscriber::connect(config, &[stream()]).await.unwrap();
        // Who does not read asks for no keys.
        subscribers.push(read(subscriber, 6));
    }
    for number in 0..6 {
        let config = network.exchanging(PUBLISHER);
        let mut publisher = Publisher::connect(config, &stream()).await.unwrap();
        publisher.publish(format!("word {number}").as_bytes()).await.unwrap();
        let stats = publisher.finish(PATIENCE).await;
        assert!(stats.accepted == 1 && stats.keys_given >= 2, "{stats:?}");
    }
    let words: BTreeSet<String> = (0..6).map(|number| format!("word {number}")).collect();
    for reading in subscribers {
        let (subscriber, got) = reading.await.unwrap();
        assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), words);
        let stats = subscriber.finish(PATIENCE).await;
        assert_eq!(stats.unreadable, 0);
    }
    relay.stop().await;
}
