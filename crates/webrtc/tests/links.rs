//! Links between real sockets: order, bounds, ends, and a peer that comes back on the same port.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tatum_webrtc::{CloseReason, Config, Endpoint, Error, Event, Link, Priority, SendError};
use tokio::sync::mpsc::Receiver;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

async fn event(events: &mut Receiver<Event>) -> Event {
    timeout(PATIENCE, events.recv()).await.expect("no event in time").expect("endpoint stopped")
}

async fn connected(events: &mut Receiver<Event>, link: &Link) {
    loop {
        if let Event::Connected { link: id, .. } = event(events).await
            && id == link.id()
        {
            return;
        }
    }
}

async fn joined(from: &Endpoint, to: &Endpoint) -> (Link, Link) {
    let offer = from.offer().await.unwrap();
    let answer = to.answer(offer.description).await.unwrap();
    from.accept_answer(offer.link.id(), answer.description).await.unwrap();
    (offer.link, answer.link)
}

#[tokio::test]
async fn messages_arrive_complete_and_in_order() {
    let (a, mut a_events) = Endpoint::bind(Config::default()).await.unwrap();
    let (b, mut b_events) = Endpoint::bind(Config::default()).await.unwrap();
    let (to_b, _to_a) = joined(&a, &b).await;
    // Sent before the link is open: it waits.
    to_b.send(Bytes::from_static(&[0; 4]), Priority::Data).unwrap();
    connected(&mut a_events, &to_b).await;
    let sender = tokio::spawn(async move {
        for number in 1..5_000_u32 {
            let mut message = number.to_be_bytes().to_vec();
            message.resize(700, 1);
            while to_b.send(Bytes::from(message.clone()), Priority::Data) == Err(SendError::Full) {
                tokio::task::yield_now().await;
            }
        }
        to_b
    });
    let mut next = 0_u32;
    while next < 5_000 {
        if let Event::Received { data, .. } = event(&mut b_events).await {
            assert_eq!(data[..4], next.to_be_bytes());
            next += 1;
        }
    }
    let to_b = sender.await.unwrap();
    to_b.close();
    loop {
        if let Event::Closed { reason, .. } = event(&mut b_events).await {
            assert_eq!(reason, CloseReason::Remote);
            break;
        }
    }
    assert_eq!(to_b.send(Bytes::new(), Priority::Control), Err(SendError::Closed));
}

#[tokio::test]
async fn a_queue_is_bounded_and_control_has_headroom() {
    let config = Config { queue_bytes: 10_000, ..Config::default() };
    let (a, _events) = Endpoint::bind(config).await.unwrap();
    let link = a.offer().await.unwrap().link;
    let message = Bytes::from(vec![1; 2_500]);
    for _ in 0..4 {
        link.send(message.clone(), Priority::Data).unwrap();
    }
    assert_eq!(link.send(message.clone(), Priority::Data), Err(SendError::Full));
    link.send(message.clone(), Priority::Control).unwrap();
    assert_eq!(link.send(message, Priority::Control), Err(SendError::Full));
    let huge = Bytes::from(vec![0; 1 << 20]);
    assert!(matches!(link.send(huge, Priority::Control), Err(SendError::TooLarge { .. })));
}

#[tokio::test]
async fn an_unanswered_offer_ends_and_bad_descriptions_are_refused() {
    let config = Config { connect_timeout: Duration::from_millis(200), ..Config::default() };
    let (a, mut events) = Endpoint::bind(config).await.unwrap();
    let link = a.offer().await.unwrap().link;
    assert!(matches!(a.answer("v=0\r\nnonsense".to_owned()).await, Err(Error::Description(_))));
    assert!(a.accept_answer(link.id(), "nonsense".to_owned()).await.is_err());
    match event(&mut events).await {
        Event::Closed { link: id, reason } => {
            assert_eq!((id, reason), (link.id(), CloseReason::ConnectTimeout));
        }
        other => panic!("unexpected {other:?}"),
    }
}

#[tokio::test]
async fn a_peer_restarted_on_its_port_is_reached_at_once() {
    let (a, mut a_events) = Endpoint::bind(Config::default()).await.unwrap();
    let (b, mut b_events) = Endpoint::bind(Config::default()).await.unwrap();
    let address: SocketAddr = b.local_address();
    let (first, back) = joined(&a, &b).await;
    connected(&mut a_events, &first).await;
    // The old process vanishes without a word: keep its link silent by dropping everything of it.
    drop((b, back));
    while b_events.recv().await.is_some() {}
    let config = Config { bind: address, ..Config::default() };
    let (b, mut b_events) = Endpoint::bind(config).await.unwrap();
    let (second, _back) = joined(&a, &b).await;
    connected(&mut a_events, &second).await;
    second.send(Bytes::from_static(b"again"), Priority::Data).unwrap();
    loop {
        if let Event::Received { data, .. } = event(&mut b_events).await {
            assert_eq!(&data[..], b"again");
            break;
        }
    }
}

#[tokio::test]
async fn many_peers_share_one_socket() {
    let (hub, mut hub_events) = Endpoint::bind(Config::default()).await.unwrap();
    let mut spokes = Vec::new();
    for number in 0..12_u8 {
        let (spoke, events) = Endpoint::bind(Config::default()).await.unwrap();
        let (link, _back) = joined(&spoke, &hub).await;
        link.send(Bytes::from(vec![number]), Priority::Data).unwrap();
        spokes.push((spoke, events, link));
    }
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 12 {
        if let Event::Received { data, .. } = event(&mut hub_events).await {
            seen.insert(data[0]);
        }
    }
}

#[tokio::test]
async fn a_reader_that_asks_while_events_pile_up_is_answered_and_hears_of_the_end() {
    let (a, mut a_events) = Endpoint::bind(Config::default()).await.unwrap();
    let config = Config { event_queue: 4, ..Config::default() };
    let (b, mut b_events) = Endpoint::bind(config).await.unwrap();
    let (to_b, to_a) = joined(&a, &b).await;
    connected(&mut a_events, &to_b).await;
    connected(&mut b_events, &to_a).await;
    for _ in 0..500 {
        to_b.send(Bytes::from_static(&[1; 100]), Priority::Data).unwrap();
    }
    let full = async {
        while b_events.len() < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, full).await.unwrap();
    timeout(PATIENCE, b.offer()).await.expect("the endpoint froze").unwrap();
    to_a.close();
    loop {
        if let Event::Closed { link, reason } = event(&mut b_events).await
            && link == to_a.id()
        {
            assert_eq!(reason, CloseReason::Local);
            break;
        }
    }
}
