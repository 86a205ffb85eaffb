//! The tracker and its relays against each other.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tatum_primitives::{B256, ReaderId, Role, StreamKey};

use super::*;
use tatum_overlay::frame::Attach;
use tatum_overlay::lease::{Evidence, IDLE_MS, Lease, Lessee, PATIENCE_MS};
use tatum_receipt::SessionKey;

const PAYER: Address = Address::repeat_byte(5);
const EPOCH: Epoch = Epoch(7);
const MIB: u64 = 1 << 20;

fn node(number: u8) -> NodeId {
    NodeId(B256::repeat_byte(number))
}

fn evidence(relay: NodeId) -> Evidence {
    let (client, what) = (node(200), (StreamKey(B256::ZERO), Role::Publisher));
    Evidence {
        client,
        attach: Attach::sign(
            what,
            (PAYER, ReaderId(0)),
            (client, relay),
            1,
            &SessionKey::from_bytes(&[1; 32]).unwrap(),
        ),
    }
}

/// A relay that serves one payer.
struct Relay {
    id: NodeId,
    lessee: Lessee,
    used: u64,
}

impl Relay {
    fn new(number: u8, quota: u64) -> Self {
        let id = node(number);
        let mut lessee = Lessee::default();
        lessee.trackers_changed(true, 0);
        lessee.set_quota(PAYER, EPOCH, quota);
        lessee.serve(evidence(id), EPOCH);
        Self { id, lessee, used: 0 }
    }

    fn due(&mut self, now_ms: u64) -> Vec<Claim> {
        let used = self.used;
        self.lessee.due(|_, _| used, now_ms).0
    }

    fn limit(&self) -> u64 {
        self.lessee.limit(PAYER, EPOCH)
    }

    /// Serves as much as it may, in messages of this size.
    fn serve(&mut self, bytes: u64, message: u64) -> u64 {
        let before = self.used;
        while self.used < self.limit() && self.used - before < bytes {
            self.used += message;
        }
        self.used - before
    }

    /// Asks and is answered at once.
    fn exchange(&mut self, lessor: &mut Lessor, quota: u64, now_ms: u64) {
        for claim in self.due(now_ms) {
            let total = lessor.answer(self.id, &claim, quota).unwrap();
            let Claim { payer, epoch, number, .. } = claim;
            let lease = Lease { payer, epoch, number, total };
            assert!(self.lessee.leased(&lease, self.used, now_ms));
        }
    }
}

fn claim(held: u64, used: u64, wanted: u64) -> Claim {
    Claim { payer: PAYER, epoch: EPOCH, number: 0, held, used, wanted }
}

#[test]
fn four_relays_of_a_publisher_get_a_part_each_and_the_whole_is_the_quota() {
    let quota = 4 * MIB;
    let mut lessor = Lessor::default();
    let mut relays: Vec<Relay> = (1..=4).map(|number| Relay::new(number, quota)).collect();
    for step in 0..1_000 {
        for relay in &mut relays {
            relay.exchange(&mut lessor, quota, step * 25);
            relay.serve(10_000, 1_000);
        }
    }
    let used: u64 = relays.iter().map(|relay| relay.used).sum();
    assert!((quota..quota + 4 * 1_000).contains(&used), "{used}");
    assert!(relays.iter().all(|relay| relay.used >= MIB), "everybody got a part");
    assert!(relays.iter().all(|relay| relay.lessee.settled(PAYER, EPOCH, relay.used)));
}

#[test]
fn an_orderly_client_does_not_wait_for_leases() {
    // 64 MiB/s through one relay, whose tracker answers after 200 ms.
    let quota = 100 << 30;
    let mut lessor = Lessor::default();
    let mut relay = Relay::new(1, quota);
    relay.exchange(&mut lessor, quota, 0);
    let mut under_way: Vec<(u64, Claim)> = Vec::new();
    let mut claims = 0;
    for now_ms in (25..60_000).step_by(25) {
        let due = relay.due(now_ms);
        claims += due.len();
        under_way.extend(due.into_iter().map(|claim| (now_ms + 200, claim)));
        while under_way.first().is_some_and(|(at_ms, _)| *at_ms <= now_ms) {
            let (_, claim) = under_way.remove(0);
            let total = lessor.answer(relay.id, &claim, quota).unwrap();
            let Claim { payer, epoch, number, .. } = claim;
            let lease = Lease { payer, epoch, number, total };
            assert!(relay.lessee.leased(&lease, relay.used, now_ms));
        }
        let served = relay.serve(64 * MIB / 40, 1_024);
        let started = now_ms > 1_000;
        assert!(!started || served >= 64 * MIB / 40, "{now_ms} ms: {served}");
    }
    assert!(claims < 100, "{claims} claims for 60 s");
}

#[test]
fn what_is_not_in_use_is_given_back_and_asked_for_again() {
    let quota = 8 * MIB;
    let mut lessor = Lessor::default();
    let mut relay = Relay::new(1, quota);
    relay.exchange(&mut lessor, quota, 0);
    relay.serve(100_000, 1_000);
    assert_eq!(lessor.leased(PAYER, EPOCH), 2 * MIB);
    for now_ms in (0..=IDLE_MS).step_by(1_000) {
        relay.lessee.note_serving(&[].into(), &[EPOCH], now_ms);
        relay.exchange(&mut lessor, quota, now_ms);
    }
    assert_eq!(lessor.leased(PAYER, EPOCH), 100_000);
    assert_eq!(relay.limit(), 100_000);
    assert!(relay.due(IDLE_MS + 20_000).is_empty());
    relay.lessee.serve(evidence(relay.id), EPOCH);
    assert!(!relay.lessee.settled(PAYER, EPOCH, relay.used), "an answer is on its way");
    relay.exchange(&mut lessor, quota, IDLE_MS + 20_000);
    assert!(relay.limit() > 100_000 + MIB);
    relay.lessee.give_back_all();
    relay.exchange(&mut lessor, quota, IDLE_MS + 20_025);
    assert_eq!(lessor.leased(PAYER, EPOCH), relay.used);
}

#[test]
fn without_an_answer_the_whole_quota_counts_until_there_is_one() {
    let quota = 4 * MIB;
    let mut lessor = Lessor::default();
    let mut relay = Relay::new(1, quota);
    assert_eq!(relay.due(0).len(), 1);
    assert!(relay.due(PATIENCE_MS - 1).is_empty());
    assert!(!relay.lessee.settled(PAYER, EPOCH, 0));
    assert_eq!(relay.lessee.due(|_, _| 0, PATIENCE_MS).1, vec![(PAYER, EPOCH)]);
    assert_eq!(relay.limit(), quota);
    relay.serve(2 * MIB, 1_024);
    // Somebody else used most of it meanwhile; what we used counts as far as there is room.
    lessor.answer(node(9), &claim(0, 3 * MIB, 3 * MIB), quota).unwrap();
    for now_ms in (PATIENCE_MS..20_000).step_by(25) {
        relay.exchange(&mut lessor, quota, now_ms);
    }
    assert_eq!(relay.limit(), MIB);
    assert_eq!(lessor.leased(PAYER, EPOCH), quota);
    // Where no tracker has been up for a while nobody waits.
    let mut other = Relay::new(2, quota);
    other.lessee.trackers_changed(false, 0);
    other.due(60_000);
    assert_eq!(other.limit(), quota);
}

#[test]
fn after_a_trackers_restart_relays_say_what_they_hold() {
    let quota = 8 * MIB;
    let mut lessor = Lessor::default();
    let mut relays: Vec<Relay> = (1..=3).map(|number| Relay::new(number, quota)).collect();
    for relay in &mut relays {
        relay.exchange(&mut lessor, quota, 0);
        relay.serve(500_000, 1_000);
    }
    let before: Vec<u64> = relays.iter().map(Relay::limit).collect();
    let mut lessor = Lessor::default();
    for relay in &mut relays {
        relay.lessee.trackers_changed(false, 1_000);
        relay.lessee.trackers_changed(true, 1_500);
        relay.exchange(&mut lessor, quota, 1_500);
    }
    assert_eq!(relays.iter().map(Relay::limit).collect::<Vec<_>>(), before);
    assert_eq!(lessor.leased(PAYER, EPOCH), before.iter().sum::<u64>());
}

#[test]
fn a_new_run_of_a_relay_gets_the_lease_of_the_one_before() {
    let quota = 8 * MIB;
    let mut lessor = Lessor::default();
    for _ in 0..20 {
        let mut relay = Relay::new(1, quota);
        relay.used = 300_000;
        relay.exchange(&mut lessor, quota, 0);
        assert!(lessor.leased(PAYER, EPOCH) <= 300_000 + 2 * MIB);
    }
}

#[test]
fn what_a_vanished_relay_had_left_goes_back() {
    let mut lessor = Lessor::default();
    lessor.answer(node(1), &claim(0, 0, MIB), 4 * MIB);
    lessor.answer(node(1), &claim(MIB, MIB / 2, 2 * MIB), 4 * MIB);
    let gone = |_: &NodeId| false;
    lessor.reclaim(gone, 0);
    lessor.reclaim(|_| true, 30_000);
    lessor.reclaim(gone, 40_000);
    lessor.reclaim(gone, 99_999);
    assert_eq!(lessor.leased(PAYER, EPOCH), 2 * MIB);
    lessor.reclaim(gone, 100_000);
    assert_eq!(lessor.leased(PAYER, EPOCH), MIB / 2);
}

#[test]
fn the_books_are_bounded_and_forget_old_epochs() {
    let mut lessor = Lessor::with_capacity(10);
    for number in 0..50 {
        let answer = lessor.answer(node(number), &claim(0, 0, MIB), 1 << 40);
        assert_eq!(answer.is_some(), number < 10);
    }
    assert!(lessor.answer(node(3), &claim(0, 0, 2 * MIB), 1 << 40).is_some());
    lessor.forget_before(EPOCH.next());
    assert!(lessor.is_empty());
    assert!(lessor.answer(node(30), &claim(0, 0, MIB), 1 << 40).is_some());
}

#[test]
fn claims_are_made_at_a_bounded_rate_and_shares_are_few() {
    let mut lessee = Lessee::default();
    lessee.trackers_changed(true, 0);
    let (client, relay, what) = (node(200), node(1), (StreamKey(B256::ZERO), Role::Publisher));
    let payer = |number: u32| Address::left_padding_from(&number.to_be_bytes());
    for number in 0_u32..10_000 {
        let payer = payer(number);
        lessee.set_quota(payer, EPOCH, 1 << 40);
        let mut evidence = evidence(relay);
        evidence.attach.payer = payer;
        lessee.serve(evidence, EPOCH);
    }
    let _ = (client, what);
    let known = (0..10_000).filter(|number| lessee.quota(payer(*number), EPOCH).is_some());
    assert_eq!(known.count(), 8_192);
    let mut made = 0;
    for now_ms in (0..1_000).step_by(25) {
        made += lessee.due(|_, _| 0, now_ms).0.len();
    }
    assert!((500..=550).contains(&made), "{made}");
}

/// One step of the world.
#[derive(Debug, Clone)]
enum Step {
    Serve(u8, u64),
    Ask(u8),
    /// The oldest claim arrives, and its answer: not at all, once, or twice.
    Deliver(u8),
    /// A relay's connection breaks with everything on it.
    Reconnect(u8),
    Idle(u8),
    Restart(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let relay = 0_u8..4;
    prop_oneof![
        4 => (relay.clone(), 0_u64..2 * MIB).prop_map(|(relay, bytes)| Step::Serve(relay, bytes)),
        4 => relay.clone().prop_map(Step::Ask),
        4 => (0_u8..3).prop_map(Step::Deliver),
        1 => relay.clone().prop_map(Step::Reconnect),
        1 => relay.clone().prop_map(Step::Idle),
        1 => relay.prop_map(Step::Restart),
    ]
}

proptest! {
    #[test]
    fn no_claims_make_a_tracker_lease_more_than_the_quota(
        quota in 0_u64..1 << 30,
        claims in prop::collection::vec((0_u8..6, any::<u64>(), any::<u64>(), any::<u64>()), 1..80),
        small in any::<bool>(),
    ) {
        let mut lessor = Lessor::default();
        for (number, held, used, wanted) in claims {
            let scale = |bytes: u64| if small { bytes >> 35 } else { bytes };
            let claim = claim(scale(held), scale(used), scale(wanted));
            let before = lessor.leased(PAYER, EPOCH);
            let total = lessor.answer(node(number), &claim, quota).unwrap();
            prop_assert!(total <= claim.wanted.max(claim.used));
            let leased = lessor.leased(PAYER, EPOCH);
            prop_assert!(leased <= quota, "{leased} of {quota}");
            let _ = before;
        }
    }

    #[test]
    fn relays_never_hold_more_than_the_tracker_leased(
        quota in 0_u64..16 * MIB,
        steps in prop::collection::vec(step(), 1..200),
    ) {
        let message = 1_000;
        let mut lessor = Lessor::default();
        let mut relays: Vec<Relay> = (0..4).map(|number| Relay::new(number, quota)).collect();
        // What is under way from each relay, in order.
        let mut texts: BTreeMap<u8, Vec<Claim>> = BTreeMap::new();
        let mut now_ms = 0;
        for step in steps {
            now_ms += 1;
            match step {
                Step::Serve(number, bytes) => {
                    relays[usize::from(number)].serve(bytes, message);
                }
                Step::Ask(number) => {
                    let due = relays[usize::from(number)].due(now_ms);
                    texts.entry(number).or_default().extend(due);
                }
                Step::Deliver(copies) => {
                    let Some((number, queue)) = texts.iter_mut().find(|(_, of)| !of.is_empty()) else {
                        continue;
                    };
                    let relay = &mut relays[usize::from(*number)];
                    let claim = queue.remove(0);
                    let total = lessor.answer(relay.id, &claim, quota).unwrap();
                    let Claim { payer, epoch, number, .. } = claim;
                    let lease = Lease { payer, epoch, number, total };
                    for _ in 0..copies {
                        relay.lessee.leased(&lease, relay.used, now_ms);
                    }
                }
                Step::Reconnect(number) => {
                    texts.remove(&number);
                    relays[usize::from(number)].lessee.trackers_changed(true, now_ms);
                }
                Step::Idle(number) => {
                    let lessee = &mut relays[usize::from(number)].lessee;
                    lessee.give_back_all();
                    let relay = &mut relays[usize::from(number)];
                    let due = relay.due(now_ms);
                    texts.entry(number).or_default().extend(due);
                    relay.lessee.serve(evidence(relay.id), EPOCH);
                }
                Step::Restart(number) => {
                    texts.remove(&number);
                    let used = relays[usize::from(number)].used;
                    relays[usize::from(number)] = Relay { used, ..Relay::new(number, quota) };
                }
            }
            let leased = lessor.leased(PAYER, EPOCH);
            prop_assert!(leased <= quota);
            let held: u64 = relays.iter().map(Relay::limit).sum();
            prop_assert!(held <= leased, "{held} held, {leased} leased");
            let used: u64 = relays.iter().map(|relay| relay.used).sum();
            prop_assert!(used <= quota + 4 * message, "{used} used of {quota}");
        }
    }
}
