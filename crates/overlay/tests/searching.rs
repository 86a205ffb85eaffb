//! A client that no relay serves says so and goes on looking.

use bytes::Bytes;
use tatum_overlay::frame::Packer;
use tatum_overlay::ledger::Cadence;
use tatum_overlay::node::{Ceilings, Config, PayerConfig};
use tatum_overlay::propagation::Limits;
use tatum_overlay::{Frame, Link, Now, Output, Overlay, credit};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey,
};
use tatum_receipt::{SessionKey, Verifier};

const STREAM: StreamKey = StreamKey(B256::repeat_byte(7));
const RELAY: NodeId = NodeId(B256::repeat_byte(2));
const LINK: Link = Link(1);

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

fn at(ms: u64) -> Now {
    Now { monotonic_ms: ms, wall_ms: 1_000_000 + ms, epoch: Epoch(3) }
}

fn client() -> Overlay {
    let config = Config {
        id: NodeId(B256::repeat_byte(1)),
        relay: false,
        operator_id: None,
        verifier: verifier(),
        limits: Limits::default(),
        credit: credit::Limits::default(),
        ceilings: Ceilings::default(),
        latency_bound_ms: 2_000,
        secret: [6; 32],
        offer: None,
        ask_nano_per_gib: None,
    };
    let key = SessionKey::from_bytes(&[5; 32]).unwrap();
    let account = PayerConfig {
        payer: key.address(),
        reader: ReaderId(0),
        key,
        cadence: Cadence::default(),
        channel_limit: None,
    };
    let mut client = Overlay::new(config, Some(account));
    client.subscribe(STREAM);
    client.assign(STREAM, [RELAY].into(), &at(0));
    client.link_opened(LINK, RELAY, Some(OperatorId(1)), &at(0));
    client
}

fn packet(frame: &Frame) -> Bytes {
    let mut packer = Packer::default();
    packer.push(&frame.encode());
    packer.finish().unwrap()
}

fn admit(client: &mut Overlay, now: &Now) {
    let (stream, role) = (STREAM, Role::Subscriber);
    client.packet(LINK, &packet(&Frame::Admitted { stream, role, newest: Vec::new() }), now);
}

/// When it said that nobody serves it, in whole seconds.
fn said(client: &mut Overlay, seconds: std::ops::Range<u64>) -> Vec<u64> {
    let mut said = Vec::new();
    for tick in seconds.start * 40..seconds.end * 40 {
        client.tick(&at(tick * 25));
        while let Some(output) = client.poll() {
            if let Output::Unserved { stream, role, .. } = output {
                assert_eq!((stream, role), (STREAM, Role::Subscriber));
                said.push(tick / 40);
            }
        }
    }
    said
}

#[test]
fn who_is_never_served_says_so_within_ten_seconds_and_again() {
    let said = said(&mut client(), 0..60);
    assert!(said[0] <= 10, "{said:?}");
    assert!(said.windows(2).all(|pair| pair[1] - pair[0] <= 11), "{said:?}");
    assert!(said.len() >= 5, "{said:?}");
}

#[test]
fn who_is_served_says_nothing_until_its_last_relay_is_gone() {
    let mut client = client();
    admit(&mut client, &at(0));
    assert_eq!(said(&mut client, 0..30), [] as [u64; 0]);
    client.link_closed(LINK);
    let gone = said(&mut client, 30..60);
    assert!(gone[0] <= 40, "{gone:?}");
    client.link_opened(LINK, RELAY, Some(OperatorId(1)), &at(60_000));
    admit(&mut client, &at(60_000));
    assert_eq!(said(&mut client, 60..90), [] as [u64; 0]);
}

#[test]
fn a_client_that_sent_its_only_relay_away_goes_on_asking_for_another() {
    let mut client = client();
    admit(&mut client, &at(0));
    let mut distrusted = false;
    for round in 0..200 {
        client.packet(LINK, &Bytes::from_static(b"\x01\xff\xff rubbish"), &at(round * 10));
        client.tick(&at(round * 10));
        distrusted |= std::iter::from_fn(|| client.poll())
            .any(|output| matches!(output, Output::Distrusted { node: RELAY }));
    }
    assert!(distrusted);
    let said = said(&mut client, 2..40);
    assert!(said.first().is_some_and(|second| *second <= 12), "{said:?}");
}
