//! Our way of a receipt, in memory on one core: canonical bytes → every check with the signature, a request at a time → newest
//! of its key → units by payer and operator. Beside it, what libsecp256k1's recovery of the signatures alone takes.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context, bail};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SECP256K1};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, Role, StreamKey, keccak256,
};
use tatum_receipt::checks::{self, EpochWindow, StatedFacts};
use tatum_receipt::{
    DeliveryReceipt, ReceiptKey, SIGNED_RECEIPT_BYTES, SessionKey, SignedReceipt, Signers, Step,
    Verifier, step,
};

use crate::clock::best_per_s;

const RECEIPTS: u32 = 50_000;
/// Receipts of a request, and of a turn of the intake.
const REQUEST: usize = 1_000;
/// As many that no two receipts of a request are of one.
const MANY_PAYERS: u32 = 5_000;
const FEW_PAYERS: u32 = 100;
const RUNS: usize = 5;
const EPOCH: Epoch = Epoch(9);

/// Receipts a second of one core.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Each receipt of a request by another payer; the payers have handed in before.
    pub(crate) distinct_per_s: f64,
    /// The same, but nobody has handed in before: one receipt in ten is the first of its payer.
    pub(crate) first_met_per_s: f64,
    /// A hundred payers.
    pub(crate) few_payers_per_s: f64,
    pub(crate) recover_per_s: f64,
}

pub(crate) fn measure() -> anyhow::Result<Measured> {
    let (many, few) = (Load::new(MANY_PAYERS)?, Load::new(FEW_PAYERS)?);
    let (known_many, known_few) = (many.signers(), few.signers());
    let mut best = Measured::default();
    // Turn by turn, so that a slow moment of the machine does not fall on one of them alone.
    for _ in 0..RUNS {
        let once = |load: &Load, signers: &Signers| {
            best_per_s(1, load.encoded.len(), || aggregate(load, signers))
        };
        let first = once(&many, &many.signers())?;
        best.first_met_per_s = best.first_met_per_s.max(first);
        best.distinct_per_s = best.distinct_per_s.max(once(&many, &known_many)?);
        best.few_payers_per_s = best.few_payers_per_s.max(once(&few, &known_few)?);
        let raw = best_per_s(1, many.digests.len(), || recover(&many.digests))?;
        best.recover_per_s = best.recover_per_s.max(raw);
    }
    Ok(best)
}

/// Receipts as they come in.
struct Load {
    verifier: Verifier,
    facts: StatedFacts,
    encoded: Vec<[u8; SIGNED_RECEIPT_BYTES]>,
    digests: Vec<(B256, [u8; 65])>,
}

impl Load {
    fn new(payers: u32) -> anyhow::Result<Self> {
        let verifier = Verifier::new(Domain { chain_id: 1, stake_pool: Address::repeat_byte(1) });
        let keys: Vec<SessionKey> = (0..payers).map(key).collect::<anyhow::Result<_>>()?;
        let sign = |number: u32| {
            let key = &keys[(number % payers) as usize];
            SignedReceipt::sign(receipt(key.address(), number), key, &verifier)
        };
        let signed: Vec<SignedReceipt> = (0..RECEIPTS).map(sign).collect();
        let nodes = (0..1_000).map(OperatorId);
        let facts = nodes.fold(StatedFacts::default(), |facts, id| facts.node(node(id), id));
        let facts = keys.iter().fold(facts, |facts, key| facts.quota(key.address(), 1 << 40));
        let digest =
            |signed: &SignedReceipt| (verifier.digest(&signed.receipt), signed.signature.0);
        Ok(Self {
            verifier,
            facts,
            encoded: signed.iter().map(SignedReceipt::encode).collect(),
            digests: signed.iter().map(digest).collect(),
        })
    }

    fn signers(&self) -> Signers {
        Signers::new(self.verifier, rand::random())
    }
}

fn aggregate(
    load: &Load,
    signers: &Signers,
) -> anyhow::Result<BTreeMap<(Address, OperatorId), u64>> {
    let mut newest: HashMap<ReceiptKey, SignedReceipt> = HashMap::new();
    for request in load.encoded.chunks(REQUEST) {
        let request: Vec<_> =
            request.iter().map(|bytes| SignedReceipt::decode(bytes)).collect::<Result<_, _>>()?;
        let all: Vec<&SignedReceipt> = request.iter().collect();
        let window = EpochWindow::only(EPOCH);
        for checked in checks::check_all(&all, signers, window, &load.facts) {
            let signed = checked.context("refused")?.signed().clone();
            let key = signed.receipt.key();
            match step(newest.get(&key), &signed) {
                Step::Advance => drop(newest.insert(key, signed)),
                other => bail!("not a distinct receipt: {other:?}"),
            }
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
