//! A subscriber that is started again with the same folder goes on where it left off.

use super::*;
use tatum_node::client::Position;

/// The next messages, and how far they bring whoever deals with them.
async fn messages(subscriber: &mut Subscriber, count: usize) -> (Vec<String>, Vec<Position>) {
    let (mut lines, mut positions) = (Vec::new(), Vec::new());
    while lines.len() < count {
        let item = timeout(PATIENCE, subscriber.next()).await.unwrap().unwrap();
        let Item::Message(message) = item else { panic!("{item:?}") };
        positions.push(message.position());
        lines.push(String::from_utf8(message.payload).unwrap());
    }
    (lines, positions)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_comes_back_gets_what_it_has_not_dealt_with_and_nothing_twice() {
    let network = Network::start().await;
    let relay = network.relay(0);
    let folder = tempfile::tempdir().unwrap();
    let config = || ClientConfig { data_dir: Some(folder.path().to_owned()), ..network.client(1) };
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    let mut first = Subscriber::connect(config(), &[stream()]).await.unwrap();
    for line in lines(0, 10) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    let (got, positions) = messages(&mut first, 10).await;
    assert_eq!(got, lines(0, 10));
    first.keep(&positions[..6]).await.unwrap();
    first.finish(PATIENCE).await;

    for line in lines(10, 12) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    let mut second = Subscriber::connect(config(), &[stream()]).await.unwrap();
    let (got, positions) = messages(&mut second, 6).await;
    assert_eq!(got, lines(6, 12));
    second.keep(&positions).await.unwrap();
    second.finish(PATIENCE).await;

    // Nothing is left but what comes.
    let mut third = Subscriber::connect(config(), &[stream()]).await.unwrap();
    for line in lines(12, 13) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    assert_eq!(messages(&mut third, 1).await.0, lines(12, 13));
    third.finish(PATIENCE).await;
    // Who asks for the past gets it again.
    let again = ClientConfig { resume: false, ..config() };
    let mut fourth = Subscriber::connect(again, &[stream()]).await.unwrap();
    assert_eq!(messages(&mut fourth, 13).await.0, lines(0, 13));
    fourth.finish(PATIENCE).await;
    publisher.finish(PATIENCE).await;
    relay.stop().await;
}

/// All that a publisher may have on its way waits for a relay; much of it does not fit into a link's queue at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_published_while_no_relay_was_there_arrives_when_they_are_back() {
    let network = Network::start().await;
    let relays = [network.relay(0), network.relay(1), network.relay(2)];
    let mut subscriber = Subscriber::connect(network.client(1), &[stream()]).await.unwrap();
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    let line = vec![b'x'; 8_000];
    let mut published = 0;
    publisher.publish(&line).await.unwrap();
    assert!(matches!(timeout(PATIENCE, subscriber.next()).await, Ok(Some(Item::Message(_)))));
    for relay in relays {
        relay.stop().await;
    }
    while timeout(Duration::from_secs(2), publisher.publish(&line)).await.is_ok() {
        published += 1;
    }
    assert!(published > 500, "{published} messages may wait");
    let relays = [network.relay(0), network.relay(1), network.relay(2)];
    for number in 0..published {
        let item = timeout(PATIENCE, subscriber.next()).await.expect("no message in time");
        assert!(matches!(item, Some(Item::Message(_))), "{number}: {item:?}");
    }
    let stats = publisher.finish(PATIENCE).await;
    assert_eq!((stats.accepted, stats.receipts_open), (1 + published, 0));
    assert_eq!(subscriber.finish(PATIENCE).await.missing, 0);
    for relay in relays {
        relay.stop().await;
    }
}
