//! The shared receipt vectors: struct hash, digest, bytes, signature, signer and leaf, for Rust and Solidity.
//!
//! Invariant: `tests/vectors/receipts.json` is exactly what this code makes. After an intended change run
//! `UPDATE_VECTORS=1 cargo test --release -p tatum-receipt --test vectors` and look at the difference.
#![allow(missing_docs)]

use std::path::PathBuf;

use alloy_primitives::{Bytes, U256, address, hex};
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Domain, Epoch, NodeId, OperatorId, Role, StreamId};
use tatum_receipt::{DeliveryReceipt, SessionKey, Signature, SignedReceipt, Verifier};

const DOMAINS: [Domain; 2] = [
    Domain { chain_id: 31_337, stake_pool: address!("0x5fbdb2315678afecb367f032d93f642f64180aa3") },
    Domain { chain_id: 1, stake_pool: address!("0xe7f1725e7734ce288f8367e1bb143e90bb3f0512") },
];
/// n, the order of the secp256k1 group (SEC 2 §2.4.1).
const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct File {
    receipts: Vec<Case>,
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
    epoch: String,
    sequence: String,
    messages: String,
    bytes: String,
    on_time: String,
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
        epoch: Epoch(7),
        sequence: 3,
        messages: 1_200,
        bytes: 345_678,
        on_time: 1_199,
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
        epoch: Epoch(u64::MAX),
        sequence: u64::MAX,
        messages: u64::MAX,
        bytes: u64::MAX,
        on_time: u64::MAX,
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
        epoch: receipt.epoch.to_string(),
        sequence: receipt.sequence.to_string(),
        messages: receipt.messages.to_string(),
        bytes: receipt.bytes.to_string(),
        on_time: receipt.on_time.to_string(),
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
    let publisher =
        DeliveryReceipt { role: Role::Publisher, sequence: 0, on_time: 0, ..receipt(address) };
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
    File { receipts, invalid_signatures, invalid_encodings }
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
        case("last_byte_missing", good[..273].to_vec()),
        case("without_signature", good[..209].to_vec()),
        case("unknown_role", unknown_role),
    ]
}

fn path() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "../../tests/vectors/receipts.json"].iter().collect()
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
