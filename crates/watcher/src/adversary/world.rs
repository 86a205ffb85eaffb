//! A small random epoch with everything that the chain and the payers said, and the right proposal for it.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256, keccak256};
use tatum_merkle::{Entry, SumTree};
use tatum_primitives::{
    Bps, Domain, Epoch, Nano, NodeId, OperatorId, ReaderId, Role, StreamKey, WEI_PER_DATA,
};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};
use tatum_rewards::Rule;

use super::Random;
use crate::{Facts, Finalized, Kept, ListData, OperatorFacts, PayerFacts};

/// An epoch, and what a watcher has of it.
#[derive(Clone, Debug)]
pub struct World {
    /// What the chain says.
    pub facts: Facts,
    /// What a watcher keeps.
    pub kept: Kept,
    /// Receipts that payers signed, admissible or not.
    pub signed: Vec<SignedReceipt>,
    /// The keys of payers 0, 1, …
    pub keys: Vec<SessionKey>,
    /// What the first proposer chose, where nothing was assented to.
    pub chosen: Vec<SignedReceipt>,
}

const EPOCH: Epoch = Epoch(7);
/// The number of the key that some payers let sign for them.
const SESSION: u64 = 99;

impl World {
    /// An epoch of at most five payers, five operators and sixteen receipts.
    pub fn random(random: &mut Random) -> Self {
        let keys: Vec<SessionKey> = (0..1 + random.below(5)).map(key).collect();
        let kept =
            Kept { previous: SumTree::build(Vec::new()).unwrap(), assented: None, forced: vec![] };
        let facts = facts(random, &keys);
        let mut world = Self { facts, kept, signed: vec![], keys, chosen: vec![] };
        world.finalize(random);
        world.signed = (0..random.below(16)).map(|_| world.receipt(random)).collect();
        world.force(random);
        if random.once_in(2) {
            world.assent(random);
        }
        world.chosen = world.signed.iter().filter(|_| !random.once_in(4)).cloned().collect();
        world
    }

    fn finalize(&mut self, random: &mut Random) {
        // Whoever registered stays registered.
        let operators = self.facts.operators.len() as u64;
        let known = random.below(operators + 1);
        let entry = |id: u64| Entry {
            operator_id: OperatorId(u32::try_from(id).unwrap()),
            payout: Address::with_last_byte(1),
            cumulative_nano: Nano(random.below(1_000)),
        };
        let entries: Vec<Entry> = (0..known).map(entry).collect();
        self.kept.previous = SumTree::build(entries).unwrap();
        if known > 0 {
            let operators = u32::try_from(known).unwrap();
            self.facts.finalized = Finalized { root: self.kept.previous.root(), operators };
        }
    }

    /// A receipt that somebody may have signed; now and then not an admissible one.
    pub fn receipt(&self, random: &mut Random) -> SignedReceipt {
        let payer = random.place(self.keys.len());
        let operator = u32::try_from(random.below(self.facts.operators.len() as u64 + 1)).unwrap();
        let bytes = random.pick(&[0, 1, 7, 100, 999, 1_000]);
        let receipt = DeliveryReceipt {
            payer: self.keys[payer].address(),
            operator_id: OperatorId(operator),
            node: node(operator, u64::from(random.once_in(12))),
            stream_key: StreamKey(B256::with_last_byte(random.pick(&[1, 2]))),
            role: random.pick(&[Role::Subscriber, Role::Publisher]),
            reader: ReaderId(random.pick(&[0, 9])),
            epoch: if random.once_in(20) { Epoch(6) } else { EPOCH },
            sequence: random.below(3),
            messages: 1 + random.below(9),
            bytes,
            bytes_on_time: if bytes == 0 { 0 } else { random.below(bytes + 1) },
            contents: B256::with_last_byte(random.pick(&[0, 1])),
            ..DeliveryReceipt::default()
        };
        let signer = if random.once_in(8) { self.keys.len() } else { payer };
        self.sign(receipt, signer)
    }

    /// Signs with the key of a payer, or with the session key if there is no such payer.
    pub fn sign(&self, receipt: DeliveryReceipt, payer: usize) -> SignedReceipt {
        let session = key(SESSION);
        let key = self.keys.get(payer).unwrap_or(&session);
        SignedReceipt::sign(receipt, key, &Verifier::new(self.facts.domain))
    }

    fn force(&mut self, random: &mut Random) {
        let mut forced: Vec<_> = (0..random.below(3)).map(|_| self.receipt(random)).collect();
        forced.extend(self.signed.iter().filter(|_| random.once_in(8)).cloned());
        self.facts.forced = forced.iter().map(|signed| keccak256(signed.encode())).collect();
        self.kept.forced = forced;
    }

    /// The list that was signed need not be clean: it may hold rubbish, older receipts, and in any order.
    fn assent(&mut self, random: &mut Random) {
        let some = self.signed.iter().filter(|_| !random.once_in(5));
        let mut leaves: Vec<Vec<u8>> = some.map(|signed| signed.encode().to_vec()).collect();
        if random.once_in(3) {
            leaves.push(vec![7; random.place(300)]);
        }
        random.shuffle(&mut leaves);
        let list = ListData::new(leaves).unwrap();
        self.facts.assented = Some(list.commitment());
        self.kept.assented = Some(list);
    }
}

fn key(number: u64) -> SessionKey {
    SessionKey::from_bytes(&[u8::try_from(number + 1).unwrap(); 32]).unwrap()
}

/// Node 0 and node 1 of an operator.
fn node(operator: u32, which: u64) -> NodeId {
    NodeId(keccak256(format!("node {which} of operator {operator}")))
}

fn facts(random: &mut Random, keys: &[SessionKey]) -> Facts {
    let payer = |key: &SessionKey| (key.address(), payer(random));
    let payers: BTreeMap<_, _> = keys.iter().map(payer).collect();
    let operators: Vec<_> = (0..random.below(6)).map(|id| operator(id, random)).collect();
    let pot: u64 = payers.values().map(|payer| payer.fee_nano.0).sum();
    let session = key(SESSION).address();
    let some = keys.iter().filter(|_| random.once_in(2));
    let signers = some.map(|key| (key.address(), session)).collect();
    let ids = 0..u32::try_from(operators.len()).unwrap();
    Facts {
        epoch: EPOCH,
        domain: Domain { chain_id: 31_337, stake_pool: Address::repeat_byte(0x51) },
        rule: Rule {
            pool_bps: Bps::new(random.pick(&[0, 1_000, 2_000, 10_000])).unwrap(),
            pool_limit_bps: Bps::new(random.pick(&[0, 5_000, 10_000])).unwrap(),
        },
        available_nano: Nano(pot + random.below(1_000)),
        pot_nano: Nano(pot),
        payers,
        nodes: ids.map(|id| (node(id, 0), OperatorId(id))).collect(),
        operators,
        signers,
        finalized: Finalized::default(),
        assented: None,
        forced: BTreeSet::new(),
    }
}

fn payer(random: &mut Random) -> PayerFacts {
    PayerFacts {
        fee_nano: Nano(random.pick(&[0, 1, 7, 1_000, 1_000_000, 999_999_999])),
        quota_bytes: random.pick(&[0, 500, 1_000, 1_000, 1 << 50]),
    }
}

fn operator(id: u64, random: &mut Random) -> OperatorFacts {
    OperatorFacts {
        payout: Address::from_word(keccak256(id.to_be_bytes())),
        bond_wei: random.pick(&[0, 1, 5_000, 5_000 * WEI_PER_DATA]),
        capacity_bytes: random.pick(&[0, 1, 100, 1 << 40]),
    }
}
