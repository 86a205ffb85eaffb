//! Each rule refuses what it is there for, and nothing else does it first.

use tatum_primitives::{B256, Domain, EpochSchedule, Role, StreamKey};

use super::*;
use crate::SessionKey;

const NODE: NodeId = NodeId(B256::repeat_byte(9));
const QUOTA: u64 = 1_000_000;

struct Scene {
    chain: StatedFacts,
    payer: SessionKey,
    session: SessionKey,
    verifier: Verifier,
}

fn scene() -> Scene {
    let payer = SessionKey::from_bytes(&[1; 32]).unwrap();
    let session = SessionKey::from_bytes(&[2; 32]).unwrap();
    // One operator with one node, one payer with one session key.
    let chain = StatedFacts::default()
        .node(NODE, OperatorId(7))
        .quota(payer.address(), QUOTA)
        .session_key(payer.address(), session.address());
    let verifier = Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO });
    Scene { chain, payer, session, verifier }
}

impl Scene {
    fn receipt(&self) -> DeliveryReceipt {
        DeliveryReceipt {
            payer: self.payer.address(),
            operator_id: OperatorId(7),
            node: NODE,
            stream_key: StreamKey(B256::repeat_byte(2)),
            role: Role::Subscriber,
            epoch: Epoch(4),
            sequence: 1,
            messages: 10,
            bytes: 1000,
            bytes_on_time: 900,
            ..Default::default()
        }
    }

    fn check(&self, receipt: DeliveryReceipt) -> Result<Address, Rejection> {
        self.check_signed(&SignedReceipt::sign(receipt, &self.session, &self.verifier))
    }

    fn check_signed(&self, signed: &SignedReceipt) -> Result<Address, Rejection> {
        let window = EpochWindow { earliest_open: Epoch(3), running: Epoch(4) };
        check(signed, &self.verifier, window, &self.chain).map(|checked| checked.signer())
    }

    fn code(&self, change: impl FnOnce(&mut DeliveryReceipt)) -> &'static str {
        let mut receipt = self.receipt();
        change(&mut receipt);
        self.check(receipt).unwrap_err().code()
    }
}

#[test]
fn an_honest_receipt_passes_signed_by_session_key_or_payer() {
    let scene = scene();
    assert_eq!(scene.check(scene.receipt()), Ok(scene.session.address()));
    let by_payer = SignedReceipt::sign(scene.receipt(), &scene.payer, &scene.verifier);
    assert_eq!(scene.check_signed(&by_payer), Ok(scene.payer.address()));
}

#[test]
fn counters_out_of_bounds_are_refused() {
    let scene = scene();
    assert_eq!(scene.code(|r| r.messages = 0), "out_of_bounds");
    assert_eq!(scene.code(|r| r.messages = 1 << 63), "out_of_bounds");
    assert_eq!(scene.code(|r| r.bytes_on_time = r.bytes + 1), "out_of_bounds");
    assert_eq!(scene.code(|r| r.bytes = MAX_RECEIPT_BYTES + 1), "out_of_bounds");
    assert_eq!(scene.code(|r| r.sequence = u64::MAX), "out_of_bounds");
}

#[test]
fn epochs_outside_the_window_are_refused() {
    let scene = scene();
    assert!(scene.check(DeliveryReceipt { epoch: Epoch(3), ..scene.receipt() }).is_ok());
    assert_eq!(scene.code(|r| r.epoch = Epoch(2)), "past_epoch");
    assert_eq!(scene.code(|r| r.epoch = Epoch(5)), "future_epoch");
}

#[test]
fn strangers_are_refused() {
    let scene = scene();
    assert_eq!(scene.code(|r| r.operator_id = OperatorId(8)), "unknown_operator");
    assert_eq!(scene.code(|r| r.node = NodeId(B256::ZERO)), "unknown_node");
    assert_eq!(scene.code(|r| r.payer = Address::ZERO), "no_stake");
    let over = with_tolerance(QUOTA) + 1;
    assert_eq!(scene.code(|r| (r.bytes, r.bytes_on_time) = (over, over)), "over_quota");
    assert_eq!(scene.code(|r| r.channel = B256::repeat_byte(1)), "channel");
    assert_eq!(scene.code(|r| r.owed = 1), "channel");
}

#[test]
fn a_quota_that_was_not_read_yet_is_no_missing_stake() {
    let mut scene = scene();
    let payer = Address::repeat_byte(3);
    scene.chain = scene.chain.clone().unread_quota(payer);
    let rejection = scene.check(DeliveryReceipt { payer, ..scene.receipt() }).unwrap_err();
    assert_eq!(rejection, Rejection::QuotaUnknown { payer, epoch: Epoch(4) });
    assert!(rejection.may_pass() && !rejection.is_judgement());
    assert_eq!(scene.code(|r| r.payer = Address::ZERO), "no_stake");
}

#[test]
fn what_held_before_an_epoch_does_not_hold_in_it() {
    let mut scene = scene();
    scene.chain = scene.chain.clone().until(Epoch(3));
    assert_eq!(scene.code(|_| ()), "unknown_operator");
    assert!(scene.check(DeliveryReceipt { epoch: Epoch(3), ..scene.receipt() }).is_ok());
}

#[test]
fn wrong_signatures_are_refused() {
    let scene = scene();
    let stranger = SessionKey::from_bytes(&[3; 32]).unwrap();
    let by_stranger = SignedReceipt::sign(scene.receipt(), &stranger, &scene.verifier);
    assert_eq!(scene.check_signed(&by_stranger).unwrap_err().code(), "unauthorized_signer");

    let elsewhere = Verifier::new(Domain { chain_id: 2, stake_pool: Address::ZERO });
    let other_domain = SignedReceipt::sign(scene.receipt(), &scene.session, &elsewhere);
    assert_eq!(scene.check_signed(&other_domain).unwrap_err().code(), "unauthorized_signer");

    let mut wrong_v = SignedReceipt::sign(scene.receipt(), &scene.session, &scene.verifier);
    wrong_v.signature.0[64] = 0;
    assert_eq!(scene.check_signed(&wrong_v).unwrap_err().code(), "signature");
}

#[test]
fn a_quota_has_a_tolerance_and_binds_what_is_paid() {
    assert_eq!(with_tolerance(1_000_000), 1_100_000);
    assert_eq!(with_tolerance(19), 19);
    assert_eq!(with_tolerance(1 << 40), (1 << 40) + (1 << 40) / 20 + (64 << 20));
    assert_eq!(with_tolerance(u64::MAX), u64::MAX);
    let scene = scene();
    let stating = |bytes, bytes_on_time| {
        scene.check(DeliveryReceipt { bytes, bytes_on_time, ..scene.receipt() })
    };
    assert!(stating(1_100_000, 1_100_000).is_ok());
    assert!(stating(1_100_001, 1_100_001).is_err());
    assert!(stating(MAX_RECEIPT_BYTES, 1_100_000).is_ok());
}

#[test]
fn the_epoch_before_is_open_until_its_grace_is_over() {
    let schedule = EpochSchedule { genesis_s: 0, length_s: 10 };
    let at = |now_ms| EpochWindow::at(schedule, now_ms, 4000);
    assert_eq!(at(13_999), EpochWindow { earliest_open: Epoch(0), running: Epoch(1) });
    assert_eq!(at(14_000), EpochWindow { earliest_open: Epoch(1), running: Epoch(1) });
}

#[test]
fn a_receipt_of_a_channel_needs_the_channel_and_no_stake() {
    let mut scene = scene();
    let open = OpenChannel {
        id: B256::repeat_byte(3),
        deposited_wei: 100,
        paid_wei: 0,
        is_exiting: false,
    };
    scene.chain = StatedFacts::default()
        .node(NODE, OperatorId(7))
        .session_key(scene.payer.address(), scene.session.address())
        .channel(scene.payer.address(), OperatorId(7), open);
    let window = EpochWindow { earliest_open: Epoch(3), running: Epoch(4) };
    let in_channel = |change: fn(&mut DeliveryReceipt)| {
        let mut receipt =
            DeliveryReceipt { channel: B256::repeat_byte(3), owed: 5, ..scene.receipt() };
        change(&mut receipt);
        let signed = SignedReceipt::sign(receipt, &scene.session, &scene.verifier);
        let checked = check_in_channel(&signed, &scene.verifier, window, &scene.chain);
        checked.map_or_else(|rejection| rejection.code(), |_| "taken")
    };
    assert_eq!(in_channel(|_| {}), "taken");
    assert_eq!(in_channel(|r| r.channel = B256::repeat_byte(4)), "other_channel");
    assert_eq!(in_channel(|r| r.channel = B256::ZERO), "other_channel");
    assert_eq!(in_channel(|r| r.operator_id = OperatorId(8)), "other_channel");
    assert_eq!(in_channel(|r| r.epoch = Epoch(2)), "past_epoch");
    assert_eq!(in_channel(|r| r.messages = 0), "out_of_bounds");
    // And none of it counts in a distribution.
    let receipt = DeliveryReceipt { channel: B256::repeat_byte(3), owed: 5, ..scene.receipt() };
    assert_eq!(scene.check(receipt).unwrap_err().code(), "channel");
}
