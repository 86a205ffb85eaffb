//! Places under trackers that come and go.

use proptest::prelude::*;
use tatum_primitives::B256;

use super::*;

const TIMES: Times = Times { patience_ms: 10_000, return_ms: 30_000, linger_ms: 60_000 };
const FIRST: TrackerNo = TrackerNo(2);
const SECOND: TrackerNo = TrackerNo(0);
const THIRD: TrackerNo = TrackerNo(1);
const RANKING: [TrackerNo; 3] = [FIRST, SECOND, THIRD];

fn nodes(numbers: &[u8]) -> BTreeSet<NodeId> {
    numbers.iter().map(|number| NodeId(B256::repeat_byte(*number))).collect()
}

/// A node's view of three trackers.
struct Node {
    place: Place,
    relay: bool,
    /// Whether each is up, and since when.
    trackers: [(bool, u64); 3],
    now_ms: u64,
}

impl Node {
    /// All trackers are up for long.
    fn new(relay: bool) -> Self {
        let place = Place { own: !relay, ..Place::new(RANKING.to_vec()) };
        Self { place, relay, trackers: [(true, 0); 3], now_ms: 100_000 }
    }

    fn review(&mut self) -> Changes {
        let (trackers, now_ms) = (self.trackers, self.now_ms);
        let standing = |no: TrackerNo| {
            let (up, since_ms) = trackers[no.0];
            if up { Standing::Up(now_ms - since_ms) } else { Standing::Down(now_ms - since_ms) }
        };
        self.place.review(&View { standing: &standing, times: TIMES, relay: self.relay, now_ms })
    }

    fn after(&mut self, ms: u64) -> Changes {
        self.now_ms += ms;
        self.review()
    }

    fn set(&mut self, no: TrackerNo, up: bool) -> Changes {
        self.trackers[no.0] = (up, self.now_ms);
        if !up {
            self.place.lost(no);
        }
        self.review()
    }
}

fn joins(trackers: &[TrackerNo]) -> Changes {
    Changes { join: trackers.to_vec(), ..Changes::default() }
}

#[test]
fn a_plain_restart_moves_nobody_and_keeps_its_neighbours() {
    let mut node = Node::new(false);
    assert_eq!(node.review(), joins(&[FIRST]));
    assert!(node.place.assign(FIRST, nodes(&[1, 2])));
    assert!(!node.place.assign(SECOND, nodes(&[9])), "nobody asked it");
    assert_eq!(node.set(FIRST, false), Changes::default());
    assert_eq!(node.after(9_999), Changes::default());
    assert_eq!(node.set(FIRST, true), joins(&[FIRST]));
    // It knows nobody yet.
    assert!(node.place.assign(FIRST, nodes(&[])));
    assert_eq!(node.after(100_000), Changes::default());
    assert_eq!(node.place.neighbours(), nodes(&[1, 2]));
    assert!(node.place.assign(FIRST, nodes(&[2, 3])));
    assert_eq!(node.review(), Changes::default());
    assert_eq!(node.after(59_999), Changes::default());
    assert_eq!(node.place.neighbours(), nodes(&[1, 2, 3]));
    assert!(node.after(1).neighbours);
    assert_eq!(node.place.neighbours(), nodes(&[2, 3]));
}

#[test]
fn a_stream_goes_to_the_next_tracker_and_comes_back() {
    let mut node = Node::new(false);
    node.review();
    node.place.assign(FIRST, nodes(&[1]));
    node.set(FIRST, false);
    assert_eq!(node.after(10_000), joins(&[SECOND]));
    node.place.assign(SECOND, nodes(&[2]));
    node.review();
    assert_eq!(node.place.neighbours(), nodes(&[1, 2]));
    assert!(node.after(60_000).neighbours);
    assert_eq!(node.place.neighbours(), nodes(&[2]));
    assert_eq!(node.set(FIRST, true), Changes::default());
    assert_eq!(node.after(29_999), Changes::default());
    assert_eq!(node.after(1), joins(&[FIRST]));
    assert_eq!(node.after(100_000), Changes::default(), "nobody has been assigned");
    node.place.assign(FIRST, nodes(&[1]));
    node.review();
    assert_eq!(node.place.neighbours(), nodes(&[1, 2]));
    let left = node.after(60_000);
    assert_eq!((left.leave, left.neighbours), (vec![SECOND], true));
    assert_eq!(node.place.neighbours(), nodes(&[1]));
    assert!(!node.place.assign(SECOND, nodes(&[3])), "a late word changes nothing");
}

#[test]
fn a_newcomer_waits_for_the_responsible_tracker_as_others_do() {
    let mut node = Node::new(false);
    node.trackers[FIRST.0] = (false, node.now_ms);
    assert_eq!(node.after(9_999), Changes::default());
    assert_eq!(node.after(1), joins(&[SECOND]));
    let mut node = Node::new(false);
    for no in [FIRST, SECOND] {
        node.trackers[no.0] = (false, 0);
    }
    assert_eq!(node.review(), joins(&[THIRD]));
}

#[test]
fn with_nobody_up_the_first_to_come_is_taken() {
    let mut node = Node::new(false);
    node.trackers = [(false, 0); 3];
    assert_eq!(node.review(), Changes::default());
    assert_eq!(node.set(THIRD, true), joins(&[THIRD]));
    assert_eq!(node.set(FIRST, true), Changes::default());
    // Of two that may take over, it is the one that will keep the stream.
    node.set(THIRD, false);
    assert_eq!(node.after(10_000), joins(&[FIRST]));
}

#[test]
fn who_got_nobody_asks_again() {
    let mut node = Node::new(false);
    node.review();
    node.place.assign(FIRST, nodes(&[]));
    node.place.ask_again();
    assert_eq!(node.review(), joins(&[FIRST]));
    node.place.assign(FIRST, nodes(&[1]));
    node.place.ask_again();
    assert_eq!(node.review(), Changes::default());
    node.place.ask_anew();
    assert_eq!(node.review(), joins(&[FIRST]));
    node.place.put_off(FIRST);
    assert_eq!(node.review(), joins(&[FIRST]));
    assert_eq!(node.place.neighbours(), nodes(&[1]));
}

#[test]
fn a_relay_takes_part_wherever_its_clients_may_be() {
    let mut relay = Node::new(true);
    relay.trackers[FIRST.0] = (false, 0);
    assert!(relay.place.recruited(THIRD));
    // Somebody who does not see the second one has recruited us at the third.
    assert_eq!(relay.review(), joins(&[SECOND]));
    relay.place.assign(THIRD, nodes(&[3]));
    relay.place.assign(SECOND, nodes(&[2]));
    assert!(!relay.place.recruited(SECOND));
    // It does not wait before it offers itself to one that is back.
    assert_eq!(relay.set(FIRST, true), joins(&[FIRST]));
    assert_eq!(relay.place.neighbours(), nodes(&[2, 3]));
    assert_eq!(relay.after(200_000), Changes::default());
    // The first has not taken us: it is asked again, those that did are not.
    relay.place.offer_again();
    assert_eq!(relay.review(), joins(&[FIRST]));
    relay.place.recruited(FIRST);
    assert!(relay.place.released(THIRD, |_| false));
    assert!(relay.place.released(SECOND, |_| false));
    assert_eq!(relay.place.neighbours(), nodes(&[]));
    assert!(!relay.place.released(FIRST, |_| false));
}

#[test]
fn a_recruit_of_a_tracker_that_never_comes_back_is_released_by_the_next() {
    let mut relay = Node::new(true);
    relay.place.recruited(FIRST);
    relay.review();
    relay.set(FIRST, false);
    assert_eq!(relay.after(10_000), joins(&[SECOND]));
    relay.place.recruited(SECOND);
    assert!(!relay.place.released(SECOND, |no| no == FIRST));
}

proptest! {
    /// Trackers always assign somebody when asked; then a node that had neighbours never has none.
    #[test]
    fn neighbours_go_only_after_others_have_come(
        relay in any::<bool>(),
        steps in prop::collection::vec((0_usize..3, any::<bool>(), 0_u64..40_000), 1..60),
    ) {
        let mut node = Node::new(relay);
        if relay {
            node.place.recruited(FIRST);
        }
        let mut asked: Vec<TrackerNo> = node.review().join;
        node.place.assign(FIRST, nodes(&[1]));
        for (no, up, ms) in steps {
            for no in asked.drain(..) {
                let number = u8::try_from(no.0).unwrap();
                node.place.assign(no, nodes(&[1 + number]));
            }
            asked = node.after(ms).join;
            if node.trackers[no].0 != up {
                asked.retain(|asked| asked.0 != no);
                asked.extend(node.set(TrackerNo(no), up).join);
            }
            prop_assert!(!node.place.neighbours().is_empty());
            prop_assert!(node.place.neighbours().len() <= 3);
        }
    }
}
