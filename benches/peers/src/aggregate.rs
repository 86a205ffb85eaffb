//! Our way of a receipt, in memory on one core: canonical bytes → every check with the signature → newest of its key →
//! units by payer and operator. Beside it, what of that is libsecp256k1's recovery.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, bail};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SECP256K1};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, Role, StreamKey, keccak256,
};
use tatum_receipt::checks::{self, EpochWindow, StatedFacts};
use tatum_receipt::{
    DeliveryReceipt, ReceiptKey, SIGNED_RECEIPT_BYTES, SessionKey, SignedReceipt, Step, Verifier,
    step,
};

use crate::clock::best_per_s;

const RECEIPTS: u32 = 50_000;
const PAYERS: u32 = 5_000;
const RUNS: usize = 5;
const EPOCH: Epoch = Epoch(9);

/// Receipts a second of one core.
pub(crate) struct Measured {
    pub(crate) aggregate_per_s: f64,
    pub(crate) recover_per_s: f64,
}

pub(crate) fn measure() -> anyhow::Result<Measured> {
    let verifier = Verifier::new(Domain { chain_id: 1, stake_pool: Address::repeat_byte(1) });
    let keys: Vec<SessionKey> = (0..PAYERS).map(key).collect::<anyhow::Result<_>>()?;
    let signed: Vec<SignedReceipt> = (0..RECEIPTS)
        .map(|number| {
            let key = &keys[(number % PAYERS) as usize];
            SignedReceipt::sign(receipt(key.address(), number), key, &verifier)
        })
        .collect();
    let nodes = (0..1_000).map(OperatorId).fold(StatedFacts::default(), |facts, id| facts.node(node(id), id));
    let facts = keys.iter().fold(nodes, |facts, key| facts.quota(key.address(), 1 << 40));
    let encoded: Vec<_> = signed.iter().map(SignedReceipt::encode).collect();
    let digests: Vec<_> = signed
        .iter()
        .map(|signed| (verifier.digest(&signed.receipt), signed.signature.0))
        .collect();
    let mut measured = Measured { aggregate_per_s: 0.0, recover_per_s: 0.0 };
    // Turn by turn, so that a slow moment of the machine does not fall on one of the two alone.
    for _ in 0..RUNS {
        let ours = best_per_s(1, encoded.len(), || aggregate(&encoded, &verifier, &facts))?;
        let raw = best_per_s(1, digests.len(), || recover(&digests))?;
        measured.aggregate_per_s = measured.aggregate_per_s.max(ours);
        measured.recover_per_s = measured.recover_per_s.max(raw);
    }
    Ok(measured)
}

fn aggregate(
    encoded: &[[u8; SIGNED_RECEIPT_BYTES]],
    verifier: &Verifier,
    facts: &StatedFacts,
) -> anyhow::Result<BTreeMap<(Address, OperatorId), u64>> {
    let mut newest: HashMap<ReceiptKey, SignedReceipt> = HashMap::new();
    for bytes in encoded {
        let signed = SignedReceipt::decode(bytes)?;
        if let Err(rejection) = checks::check(&signed, verifier, EpochWindow::only(EPOCH), facts) {
            bail!("refused: {rejection}");
        }
        let key = signed.receipt.key();
        match step(newest.get(&key), &signed) {
            Step::Advance => drop(newest.insert(key, signed)),
            other => bail!("not a distinct receipt: {other:?}"),
        }
    }
    let mut edges = BTreeMap::new();
    for signed in newest.values() {
        let DeliveryReceipt { payer, operator_id, bytes_on_time, .. } = signed.receipt;
        *edges.entry((payer, operator_id)).or_default() += bytes_on_time;
    }
    Ok(edges)
}

fn recover(digests: &[(B256, [u8; 65])]) -> anyhow::Result<()> {
    for (digest, signature) in digests {
        let (compact, v) = signature.split_at(64);
        let id = RecoveryId::try_from(i32::from(v[0]) - 27)?;
        let signature = RecoverableSignature::from_compact(compact, id)?;
        let key = SECP256K1.recover_ecdsa(Message::from_digest(digest.0), &signature)?;
        std::hint::black_box(key);
    }
    Ok(())
}

fn key(number: u32) -> anyhow::Result<SessionKey> {
    SessionKey::from_bytes(&keccak256(number.to_be_bytes()).0).context("a session key")
}

fn receipt(payer: Address, number: u32) -> DeliveryReceipt {
    let operator_id = OperatorId(number % 1_000);
    DeliveryReceipt {
        payer,
        operator_id,
        node: node(operator_id),
        stream_key: StreamKey(keccak256(number.to_be_bytes())),
        role: Role::Subscriber,
        epoch: EPOCH,
        sequence: 3,
        messages: 1_000,
        bytes: 1_000_000 + u64::from(number),
        bytes_on_time: 999_000,
        contents: keccak256(number.to_le_bytes()),
        ..DeliveryReceipt::default()
    }
}

fn node(operator: OperatorId) -> NodeId {
    NodeId(keccak256(operator.0.to_be_bytes()))
}
