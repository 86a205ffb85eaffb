//! A node's attendance, from what trackers say to what is said to them.

use tatum_primitives::B256;

use super::*;

const TIMES: Times = Times { patience_ms: 10_000, return_ms: 30_000, linger_ms: 60_000 };
const FIRST: TrackerNo = TrackerNo(0);
const SECOND: TrackerNo = TrackerNo(1);

fn stream(number: u16) -> StreamKey {
    let mut key = [0; 32];
    key[..2].copy_from_slice(&number.to_be_bytes());
    StreamKey(B256::from(key))
}

fn node(byte: u8) -> NodeId {
    NodeId(B256::repeat_byte(byte))
}

fn ranking() -> Vec<TrackerNo> {
    vec![FIRST, SECOND]
}

fn steps(attendance: &mut Attendance) -> Vec<Step> {
    std::iter::from_fn(|| attendance.poll()).collect()
}

fn join(to: TrackerNo, number: u16) -> Step {
    Step::Join { to, stream: stream(number), publishes: false }
}

#[test]
fn a_client_asks_the_responsible_tracker_once_it_is_up() {
    let mut client = Attendance::new(2, TIMES, false, 0);
    client.take_part(stream(1), ranking(), false, 0);
    assert_eq!(steps(&mut client), []);
    client.rose(FIRST, 100);
    assert_eq!(steps(&mut client), [join(FIRST, 1)]);
    assert!(!client.assigned(SECOND, stream(1), BTreeSet::from([node(9)])), "nobody asked it");
    let nodes = BTreeSet::from([node(1)]);
    assert!(client.assigned(FIRST, stream(1), nodes.clone()));
    assert_eq!(steps(&mut client), [Step::Neighbours { stream: stream(1), nodes }]);
    assert_eq!(client.routes(), BTreeMap::from([(node(1), FIRST)]));
    client.avoid(node(1));
    client.avoid(node(2));
    assert_eq!(steps(&mut client), [Step::Avoid { to: FIRST, node: node(1) }]);
}

#[test]
fn who_begins_to_publish_asks_anew() {
    let mut client = Attendance::new(1, TIMES, false, 0);
    client.rose(FIRST, 0);
    client.take_part(stream(1), vec![FIRST], false, 0);
    client.take_part(stream(1), vec![FIRST], true, 0);
    let publishes = Step::Join { to: FIRST, stream: stream(1), publishes: true };
    assert_eq!(steps(&mut client), [join(FIRST, 1), publishes]);
}

#[test]
fn whom_nobody_serves_asks_its_tracker_anew() {
    let mut client = Attendance::new(1, TIMES, false, 0);
    client.rose(FIRST, 0);
    client.take_part(stream(1), vec![FIRST], false, 0);
    client.assigned(FIRST, stream(1), BTreeSet::from([node(1)]));
    steps(&mut client);
    client.unserved(stream(1), 10_000);
    client.unserved(stream(2), 10_000);
    assert_eq!(steps(&mut client), [join(FIRST, 1)]);
}

#[test]
fn a_refused_request_is_made_again_until_somebody_is_assigned() {
    let mut client = Attendance::new(1, TIMES, false, 0);
    client.rose(FIRST, 0);
    client.take_part(stream(1), vec![FIRST], false, 0);
    client.refused(0);
    steps(&mut client);
    client.tick([], REJOIN_MS - 1);
    assert_eq!(steps(&mut client), []);
    client.tick([], REJOIN_MS);
    assert_eq!(steps(&mut client), [join(FIRST, 1)]);
    client.assigned(FIRST, stream(1), BTreeSet::from([node(1)]));
    client.refused(REJOIN_MS);
    steps(&mut client);
    client.tick([], 3 * REJOIN_MS);
    assert_eq!(steps(&mut client), []);
}

#[test]
fn a_tracker_that_rises_is_not_flooded_with_streams() {
    let mut relay = Attendance::new(1, TIMES, true, 0);
    for number in 0..2_000 {
        relay.take_part(stream(number), vec![FIRST], false, 0);
    }
    relay.rose(FIRST, 0);
    assert_eq!(steps(&mut relay).len(), 500);
    let mut asked = 500;
    for second in 1..=40 {
        relay.tick([], second * 1_000);
        let more = steps(&mut relay).len();
        assert!(more <= 50);
        asked += more;
    }
    assert_eq!(asked, 2_000, "all are asked for in the end");
}

#[test]
fn a_recruit_reports_its_load_and_goes_when_it_is_released() {
    let mut relay = Attendance::new(2, TIMES, true, 0);
    relay.rose(FIRST, 0);
    assert!(relay.recruited(FIRST, stream(1), ranking(), 0));
    assert!(!relay.recruited(FIRST, stream(1), ranking(), 0));
    assert_eq!(steps(&mut relay), []);
    relay.tick([(stream(1), 50_000)], 5_000);
    let load = Step::Load { to: FIRST, stream: stream(1), bytes_per_second: 10_000 };
    assert_eq!(steps(&mut relay), [load]);
    relay.rose(SECOND, 6_000);
    assert_eq!(steps(&mut relay), [], "nobody before its own tracker needs it");
    relay.released(FIRST, stream(1), 7_000);
    assert_eq!(steps(&mut relay), [Step::Drop { stream: stream(1) }]);
    relay.released(FIRST, stream(1), 7_000);
    assert_eq!(steps(&mut relay), []);
}
