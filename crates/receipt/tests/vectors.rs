//! The shared receipt vectors: struct hash, digest, bytes, signature, signer and leaf, ranks and admissibility, for Rust and
//! Solidity.
//!
//! Invariant: `tests/vectors/receipts.json` is exactly what this code makes. After an intended change run
//! `UPDATE_VECTORS=1 cargo test --release -p tatum-receipt --test vectors` and look at the difference.
#![allow(missing_docs)]

use std::path::PathBuf;

use alloy_primitives::{Bytes, U256, address, hex};
use serde::{Deserialize, Serialize};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, ReaderId, Role, StreamId,
};
use tatum_receipt::checks::{
    EpochWindow, MAX_COUNTER, MAX_RECEIPT_BYTES, StatedFacts, check, with_tolerance,
};
use tatum_receipt::{DeliveryReceipt, Rejection, SessionKey, Signature, SignedReceipt, Verifier};

const DOMAINS: [Domain; 2] = [
    Domain { chain_id: 31_337, stake_pool: address!("0x5fbdb2315678afecb367f032d93f642f64180aa3") },
    Domain { chain_id: 1, stake_pool: address!("0xe7f1725e7734ce288f8367e1bb143e90bb3f0512") },
];
/// n, the order of the secp256k1 group (SEC 2 §2.4.1).
const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct File {
    receipts: Vec<Case>,
    ranks: Vec<RankCase>,
    admissibility: Vec<AdmissibilityCase>,
    invalid_signatures: Vec<InvalidSignature>,
    invalid_encodings: Vec<InvalidEncoding>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Case {
    name: String,
    chain_id: u64,
    stake_pool: Address,
    domain_separator: B256,
    payer: Address,
    operator_id: u32,
    node: B256,
    stream_key: B256,
    role: u8,
    reader: u32,
    epoch: String,
    sequence: String,
    messages: String,
    bytes: String,
    bytes_on_time: String,
    contents: B256,
    channel: B256,
    owed: String,
    struct_hash: B256,
    digest: B256,
    signer: Address,
    signature: Bytes,
    encoded: Bytes,
    leaf: B256,
}

/// Receipts of one key, each ranking above the one before it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct RankCase {
    name: String,
    bytes_on_time: String,
    sequence: String,
    messages: String,
    struct_hash: B256,
}

/// A receipt of `receipts[0]` with changed fields, and the facts that it is judged by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct AdmissibilityCase {
    name: String,
    operator_id: u32,
    epoch: String,
    sequence: String,
    messages: String,
    bytes: String,
    bytes_on_time: String,
    channel: B256,
    owed: String,
    /// The epoch that is distributed.
    in_epoch: String,
    /// Operators 0 to one below this exist.
    operator_count: u32,
    /// Whether the node is the named operator's in the epoch.
    node_is_operators: bool,
    fee_wei: String,
    quota_bytes: String,
    /// Whether the signer is the payer or a key that it authorised.
    signer_may_sign: bool,
    /// "admissible", or the code of the rejection; of both rejections for an epoch, "other_epoch".
    outcome: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct InvalidSignature {
    name: String,
    digest: B256,
    signature: Bytes,
    /// The signer it must not be taken for.
    signer: Address,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct InvalidEncoding {
    name: String,
    encoded: Bytes,
}

fn key(seed: u8) -> SessionKey {
    SessionKey::from_bytes(&[seed; 32]).unwrap()
}

fn receipt(payer: Address) -> DeliveryReceipt {
    DeliveryReceipt {
        payer,
        operator_id: OperatorId(2),
        node: NodeId(B256::repeat_byte(0xa1)),
        stream_key: StreamId::new("0xabc/weather").unwrap().key(0),
        role: Role::Subscriber,
        reader: ReaderId(0x0102_0304),
        epoch: Epoch(7),
        sequence: 3,
        messages: 1_200,
        bytes: 345_678,
        bytes_on_time: 345_001,
        contents: B256::repeat_byte(0x5c),
        channel: B256::ZERO,
        owed: 0,
    }
}

fn largest(payer: Address) -> DeliveryReceipt {
    DeliveryReceipt {
        payer,
        operator_id: OperatorId(u32::MAX),
        node: NodeId(B256::repeat_byte(0xff)),
        stream_key: StreamId::new("s").unwrap().key(u16::MAX),
        role: Role::Storage,
        reader: ReaderId(u32::MAX),
        epoch: Epoch(u64::MAX),
        sequence: u64::MAX,
        messages: u64::MAX,
        bytes: u64::MAX,
        bytes_on_time: u64::MAX,
        contents: B256::repeat_byte(0xff),
        channel: B256::repeat_byte(0xff),
        owed: u128::MAX,
    }
}

fn case(name: &str, domain: Domain, receipt: DeliveryReceipt, signer: &SessionKey) -> Case {
    let verifier = Verifier::new(domain);
    let signed = SignedReceipt::sign(receipt.clone(), signer, &verifier);
    Case {
        name: name.to_owned(),
        chain_id: domain.chain_id,
        stake_pool: domain.stake_pool,
        domain_separator: domain.separator(),
        payer: receipt.payer,
        operator_id: receipt.operator_id.0,
        node: receipt.node.0,
        stream_key: receipt.stream_key.0,
        role: receipt.role as u8,
        reader: receipt.reader.0,
        epoch: receipt.epoch.to_string(),
        sequence: receipt.sequence.to_string(),
        messages: receipt.messages.to_string(),
        bytes: receipt.bytes.to_string(),
        bytes_on_time: receipt.bytes_on_time.to_string(),
        contents: receipt.contents,
        channel: receipt.channel,
        owed: receipt.owed.to_string(),
        struct_hash: receipt.struct_hash(),
        digest: verifier.digest(&receipt),
        signer: signer.address(),
        signature: signed.signature.0.to_vec().into(),
        encoded: signed.encode().to_vec().into(),
        leaf: signed.leaf(),
    }
}

fn make() -> File {
    let (payer, session) = (key(1), key(2));
    let address = payer.address();
    let publisher = DeliveryReceipt {
        role: Role::Publisher,
        sequence: 0,
        bytes_on_time: 0,
        ..receipt(address)
    };
    let in_channel = DeliveryReceipt {
        channel: B256::repeat_byte(0xc4),
        owed: 10u128.pow(24),
        ..receipt(address)
    };
    let receipts = vec![
        case("subscriber_by_session_key", DOMAINS[0], receipt(address), &session),
        case("same_receipt_by_payer", DOMAINS[0], receipt(address), &payer),
        case("same_receipt_elsewhere", DOMAINS[1], receipt(address), &session),
        case("publisher", DOMAINS[0], publisher, &session),
        case("in_a_channel", DOMAINS[0], in_channel, &session),
        case("all_zero", DOMAINS[0], DeliveryReceipt::default(), &payer),
        case("largest_of_every_field", DOMAINS[1], largest(address), &session),
    ];
    let invalid_signatures = invalid_signatures(&receipts[0]);
    let invalid_encodings = invalid_encodings(&receipts[0].encoded);
    let (ranks, admissibility) = (ranks(), admissibility());
    File { receipts, ranks, admissibility, invalid_signatures, invalid_encodings }
}

fn ranks() -> Vec<RankCase> {
    let of = |name: &str, bytes_on_time, sequence, messages| {
        let receipt =
            DeliveryReceipt { bytes_on_time, sequence, messages, ..receipt(key(1).address()) };
        RankCase {
            name: name.to_owned(),
            bytes_on_time: bytes_on_time.to_string(),
            sequence: sequence.to_string(),
            messages: messages.to_string(),
            struct_hash: receipt.struct_hash(),
        }
    };
    // Of one sequence the struct hash decides, which nobody can steer cheaply.
    let mut tied = [1, 2].map(|messages| of("", 100, 5, messages));
    tied.sort_by_key(|case| case.struct_hash);
    let [mut lower, mut higher] = tied;
    lower.name = "the_lower_struct_hash".to_owned();
    higher.name = "the_higher_struct_hash".to_owned();
    vec![
        of("the_largest_sequence_pays_nothing", 0, MAX_COUNTER, 9),
        of("bytes_on_time_rank_before_a_sequence", 100, 4, 9),
        lower,
        higher,
        of("a_later_sequence", 100, 6, 1),
        of("more_bytes_on_time", 101, 1, 1),
    ]
}

/// One rule broken a case, and the values at which each rule still holds.
fn admissibility() -> Vec<AdmissibilityCase> {
    let base = receipt(key(1).address());
    let good = AdmissibilityCase {
        name: "good".to_owned(),
        operator_id: base.operator_id.0,
        epoch: base.epoch.to_string(),
        sequence: base.sequence.to_string(),
        messages: base.messages.to_string(),
        bytes: base.bytes.to_string(),
        bytes_on_time: base.bytes_on_time.to_string(),
        channel: base.channel,
        owed: base.owed.to_string(),
        in_epoch: base.epoch.to_string(),
        operator_count: 3,
        node_is_operators: true,
        fee_wei: "1000000000".to_owned(),
        quota_bytes: "1000000".to_owned(),
        signer_may_sign: true,
        outcome: String::new(),
    };
    let case = |name: &str, change: &dyn Fn(&mut AdmissibilityCase)| {
        let mut case = AdmissibilityCase { name: name.to_owned(), ..good.clone() };
        change(&mut case);
        case.outcome = outcome(&case);
        case
    };
    let counters = |case: &mut AdmissibilityCase, bytes: u64, on_time: u64, quota: u64| {
        case.bytes = bytes.to_string();
        case.bytes_on_time = on_time.to_string();
        case.quota_bytes = quota.to_string();
    };
    let (most, beyond) = (MAX_COUNTER.to_string(), (MAX_COUNTER + 1).to_string());
    let largest = MAX_RECEIPT_BYTES;
    vec![
        case("good", &|_| ()),
        case("no_messages", &|c| c.messages = "0".into()),
        case("largest_counters", &|c| (c.sequence, c.messages) = (most.clone(), most.clone())),
        case("sequence_beyond", &|c| c.sequence.clone_from(&beyond)),
        case("messages_beyond", &|c| c.messages.clone_from(&beyond)),
        case("largest_bytes", &|c| counters(c, largest, largest, largest)),
        case("bytes_beyond", &|c| counters(c, largest + 1, 0, largest)),
        case("all_on_time", &|c| counters(c, 1_000, 1_000, 1_000)),
        case("more_on_time_than_bytes", &|c| counters(c, 1_000, 1_001, 10_000)),
        case("in_a_channel", &|c| c.channel = B256::repeat_byte(1)),
        case("something_owed", &|c| c.owed = "1".into()),
        case("earlier_epoch", &|c| c.in_epoch = "8".into()),
        case("later_epoch", &|c| c.in_epoch = "6".into()),
        case("last_operator", &|c| c.operator_id = 2),
        case("no_such_operator", &|c| c.operator_id = 3),
        case("node_of_another", &|c| c.node_is_operators = false),
        case("fee_below_a_nano", &|c| c.fee_wei = "999999999".into()),
        case("no_quota", &|c| counters(c, 1_000, 0, 0)),
        case("quota_with_tolerance", &|c| counters(c, 1_100_000, 1_100_000, 1_000_000)),
        case("over_quota", &|c| counters(c, 1_100_001, 1_100_001, 1_000_000)),
        case("over_a_large_quota", &|c| {
            counters(c, largest, with_tolerance(1 << 39) + 1, 1 << 39);
        }),
        case("late_bytes_beyond_the_quota", &|c| counters(c, largest, 1_000_000, 1_000_000)),
        case("strange_signer", &|c| c.signer_may_sign = false),
    ]
}

/// What the rules say of a case.
fn outcome(case: &AdmissibilityCase) -> String {
    let payer = key(1);
    let stated = DeliveryReceipt {
        operator_id: OperatorId(case.operator_id),
        epoch: case.epoch.parse().unwrap(),
        sequence: case.sequence.parse().unwrap(),
        messages: case.messages.parse().unwrap(),
        bytes: case.bytes.parse().unwrap(),
        bytes_on_time: case.bytes_on_time.parse().unwrap(),
        channel: case.channel,
        owed: case.owed.parse().unwrap(),
        ..receipt(payer.address())
    };
    let verifier = Verifier::new(DOMAINS[0]);
    let signed = SignedReceipt::sign(stated, &key(2), &verifier);
    let window = EpochWindow::only(case.in_epoch.parse().unwrap());
    match check(&signed, &verifier, window, &facts(case, &signed.receipt)) {
        Ok(_) => "admissible".to_owned(),
        Err(Rejection::PastEpoch { .. } | Rejection::FutureEpoch { .. }) => {
            "other_epoch".to_owned()
        }
        Err(rejection) => rejection.code().to_owned(),
    }
}

fn facts(case: &AdmissibilityCase, stated: &DeliveryReceipt) -> StatedFacts {
    let fee_wei: u128 = case.fee_wei.parse().unwrap();
    let quota: u64 = case.quota_bytes.parse().unwrap();
    let counts = fee_wei >= 1_000_000_000;
    let mut facts = StatedFacts::default().quota(stated.payer, if counts { quota } else { 0 });
    for operator in 0..case.operator_count {
        facts = facts.operator(OperatorId(operator));
    }
    if case.node_is_operators && stated.operator_id.0 < case.operator_count {
        facts = facts.node(stated.node, stated.operator_id);
    }
    if case.signer_may_sign {
        facts = facts.session_key(stated.payer, key(2).address());
    }
    facts
}

fn invalid_signatures(good: &Case) -> Vec<InvalidSignature> {
    let changed = |name: &str, change: &dyn Fn(&mut [u8; 65])| {
        let mut bytes: [u8; 65] = good.signature.as_ref().try_into().unwrap();
        change(&mut bytes);
        InvalidSignature {
            name: name.to_owned(),
            digest: good.digest,
            signature: bytes.to_vec().into(),
            signer: good.signer,
        }
    };
    let mirror = |bytes: &mut [u8; 65]| {
        let order: U256 = ORDER.parse().unwrap();
        let s = order - U256::from_be_slice(&bytes[32..64]);
        bytes[32..64].copy_from_slice(&s.to_be_bytes::<32>());
        bytes[64] = 55 - bytes[64];
    };
    vec![
        changed("high_s", &mirror),
        changed("v_is_0_or_1", &|bytes| bytes[64] -= 27),
        changed("other_v", &|bytes| bytes[64] = 55 - bytes[64]),
        changed("v_is_29", &|bytes| bytes[64] = 29),
        changed("r_is_zero", &|bytes| bytes[..32].fill(0)),
        changed("s_is_zero", &|bytes| bytes[32..64].fill(0)),
        changed("r_changed", &|bytes| bytes[5] ^= 1),
    ]
}

fn invalid_encodings(good: &Bytes) -> Vec<InvalidEncoding> {
    let case =
        |name: &str, bytes: Vec<u8>| InvalidEncoding { name: name.into(), encoded: bytes.into() };
    let mut unknown_role = good.to_vec();
    unknown_role[88] = 3;
    vec![
        case("empty", vec![]),
        case("trailing_byte", [good.as_ref(), &[0]].concat()),
        case("last_byte_missing", good[..277].to_vec()),
        case("without_signature", good[..213].to_vec()),
        case("unknown_role", unknown_role),
    ]
}

fn path() -> PathBuf {
    PathBuf::from("../../tests/vectors/receipts.json")
}

fn kept() -> File {
    serde_json::from_str(&std::fs::read_to_string(path()).unwrap()).unwrap()
}

#[test]
fn the_file_is_what_the_code_makes() {
    let made = format!("{}\n", serde_json::to_string_pretty(&make()).unwrap());
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path(), &made).unwrap();
    }
    let kept = std::fs::read_to_string(path()).unwrap();
    assert!(kept == made, "tests/vectors/receipts.json differs from what the code makes");
}

#[test]
fn encodings_decode_and_recover_their_signer() {
    for case in kept().receipts {
        let signed = SignedReceipt::decode(&case.encoded).expect(&case.name);
        let domain = Domain { chain_id: case.chain_id, stake_pool: case.stake_pool };
        assert_eq!(Verifier::new(domain).signer(&signed), Ok(case.signer), "{}", case.name);
        assert_eq!(signed.receipt.owed.to_string(), case.owed, "{}", case.name);
        assert_eq!(signed.leaf(), case.leaf, "{}", case.name);
    }
}

#[test]
fn each_rank_is_above_the_one_before_it() {
    let ranks = kept().ranks;
    let rank = |case: &RankCase| {
        let [bytes_on_time, sequence]: [u64; 2] =
            [&case.bytes_on_time, &case.sequence].map(|text| text.parse().unwrap());
        (bytes_on_time, sequence, case.struct_hash)
    };
    assert!(ranks.is_sorted_by(|one, next| rank(one) < rank(next)));
}

#[test]
fn the_rules_decide_each_case_as_stated() {
    for case in kept().admissibility {
        assert_eq!(outcome(&case), case.outcome, "{}", case.name);
    }
}

#[test]
fn invalid_signatures_name_nobody_or_somebody_else() {
    for case in kept().invalid_signatures {
        let signature: Signature = hex::encode(&case.signature).parse().unwrap();
        assert_ne!(signature.signer(case.digest), Ok(case.signer), "{}", case.name);
    }
}

#[test]
fn invalid_encodings_are_refused() {
    for case in kept().invalid_encodings {
        assert!(SignedReceipt::decode(&case.encoded).is_err(), "{}", case.name);
    }
}
