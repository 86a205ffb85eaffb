//! Batches of receipts against the same receipts one by one.

use proptest::prelude::*;
use tatum_primitives::{B256, Domain, Epoch, NodeId, OperatorId};

use super::*;
use crate::checks::{EpochWindow, StatedFacts, check, check_all};
use crate::{DeliveryReceipt, SessionKey, Signature};

const NODE: NodeId = NodeId(B256::repeat_byte(9));
const QUOTA: u64 = 1_000_000;
const PAYERS: u8 = 5;
/// n, the order of the group (SEC 2 §2.4.1).
const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

fn key(number: u8) -> SessionKey {
    SessionKey::from_bytes(&[number; 32]).unwrap()
}

fn signers() -> Signers {
    Signers::new(Verifier::new(Domain { chain_id: 31337, stake_pool: Address::ZERO }), [1; 32])
}

/// Payers 1 to 5 sign themselves or with key 100 + n; operator 7 has one node.
fn facts() -> StatedFacts {
    (1..=PAYERS).fold(StatedFacts::default().node(NODE, OperatorId(7)), |facts, n| {
        let payer = key(n).address();
        facts.quota(payer, QUOTA).session_key(payer, key(100 + n).address())
    })
}

/// The receipt of number `nth` by key `by`, for payer `payer`.
fn receipt(signers: &Signers, nth: u64, payer: u8, by: u8) -> SignedReceipt {
    let receipt = DeliveryReceipt {
        payer: key(payer).address(),
        operator_id: OperatorId(7),
        node: NODE,
        reader: ReaderId(u32::from(payer)),
        epoch: Epoch(4),
        sequence: nth,
        messages: 4,
        bytes: 100,
        ..Default::default()
    };
    SignedReceipt::sign(receipt, &key(by), signers.verifier())
}

/// Receipts of all payers in turn, each by its session key.
fn honest(signers: &Signers, count: u64) -> Vec<SignedReceipt> {
    let payer = |nth: u64| 1 + u8::try_from(nth % u64::from(PAYERS)).unwrap();
    (0..count).map(|nth| receipt(signers, nth, payer(nth), 100 + payer(nth))).collect()
}

fn agree(signers: &Signers, receipts: &[SignedReceipt]) {
    let (facts, window) = (facts(), EpochWindow::only(Epoch(4)));
    let all: Vec<_> = receipts.iter().collect();
    let together = check_all(&all, signers, window, &facts);
    let alone: Vec<_> =
        all.iter().map(|signed| check(signed, signers.verifier(), window, &facts)).collect();
    assert_eq!(together, alone);
}

/// Steady or not, of the only process that is known.
fn steady(signers: &Signers) -> bool {
    signers.known.lock().unwrap().young.values().next().unwrap().steady
}

#[test]
fn nobody_and_one_are_batches_too() {
    let signers = signers();
    agree(&signers, &[]);
    for _ in 0..3 {
        agree(&signers, &honest(&signers, 1));
    }
}

#[test]
fn checked_receipts_name_their_signers_and_stay_in_order() {
    let signers = signers();
    let receipts = honest(&signers, 40);
    let all: Vec<_> = receipts.iter().collect();
    for _ in 0..2 {
        let checked = check_all(&all, &signers, EpochWindow::only(Epoch(4)), &facts());
        for (nth, (signed, checked)) in (0u8..).zip(receipts.iter().zip(checked)) {
            let checked = checked.unwrap();
            assert_eq!(checked.signed(), signed);
            assert_eq!(checked.signer(), key(101 + nth % 5).address());
        }
    }
    assert_eq!(signers.known.lock().unwrap().young.len(), 5);
}

#[test]
fn what_strangers_sign_is_not_guessed_from() {
    let signers = signers();
    let strangers: Vec<_> = (0..9).map(|nth| receipt(&signers, nth, 1, 77)).collect();
    agree(&signers, &strangers);
    assert!(signers.known.lock().unwrap().young.is_empty());
    // Nor do they spoil what is known.
    agree(&signers, &honest(&signers, 5));
    agree(&signers, &strangers);
    let known = signers.known(&[&strangers[0]]);
    assert_eq!(known[&process(&strangers[0])].address, key(101).address());
    assert!(known[&process(&strangers[0])].steady);
}

#[test]
fn a_process_that_changes_its_key_is_guessed_from_the_second_on() {
    let signers = signers();
    let expected = [(1, true), (101, false), (101, true), (1, false), (101, false), (101, true)];
    for (by, expected) in expected {
        agree(&signers, &[receipt(&signers, 1, 1, by)]);
        assert_eq!(steady(&signers), expected);
    }
}

#[test]
fn keys_that_take_turns_within_a_batch_are_found() {
    let signers = signers();
    for _ in 0..2 {
        let turns: Vec<_> = (0..30)
            .map(|nth| receipt(&signers, nth, 1, if nth % 2 == 0 { 1 } else { 101 }))
            .collect();
        agree(&signers, &turns);
    }
}

#[test]
fn known_keys_are_bounded() {
    let mut known = Known::default();
    let secret = key(1);
    let guess = Guess {
        key: secret.secret().public_key(secp256k1::SECP256K1),
        address: secret.address(),
        steady: true,
    };
    for nth in 0..u32::try_from(2 * KEPT).unwrap() {
        known.keep((secret.address(), ReaderId(nth)), guess);
        assert!(known.young.len() + known.old.len() <= KEPT);
    }
    let last = ReaderId(u32::try_from(2 * KEPT - 1).unwrap());
    assert!(known.find(&(secret.address(), last)).is_some());
    assert!(known.find(&(secret.address(), ReaderId(0))).is_none());
}

/// Something that may be wrong with a receipt.
fn spoil(signers: &Signers, signed: &mut SignedReceipt, flaw: usize, nth: usize) {
    let signature = &mut signed.signature.0;
    match flaw {
        0 => signed.receipt.bytes += 1,
        1 => signature[64] = [0, 1, 26, 29, 255][nth % 5],
        2 => signature[64] ^= 27 ^ 28,
        3 => signature[..32].fill(0xff),
        4 => signature[32..64].fill(0),
        5 => signature[nth % 64] ^= 1 << (nth % 8),
        6 => {
            let order: alloy_primitives::U256 = ORDER.parse().unwrap();
            let s = alloy_primitives::U256::from_be_slice(&signature[32..64]);
            signature[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
            signature[64] ^= 27 ^ 28;
        }
        7 => {
            signed.signature =
                Signature::sign(&key(66), signers.verifier().digest(&signed.receipt));
        }
        8 => signed.receipt.payer = key(3).address(),
        9 => signed.receipt.payer = Address::ZERO,
        10 => signed.receipt.epoch = Epoch(9),
        11 => signed.receipt.bytes_on_time = QUOTA + 1,
        _ => signature[..32].fill(0),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn receipts_pass_together_as_they_pass_one_by_one(
        count in 1_u64..80,
        flaws in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..13), 0..10),
    ) {
        let signers = signers();
        let mut receipts = honest(&signers, count);
        for (nth, (index, flaw)) in flaws.into_iter().enumerate() {
            let len = receipts.len();
            spoil(&signers, &mut receipts[index.index(len)], flaw, nth);
        }
        // Once with nothing known, once with what that taught.
        agree(&signers, &receipts);
        agree(&signers, &receipts);
    }
}
