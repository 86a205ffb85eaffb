//! What the chain says of an epoch.
//!
//! Invariant: each fact is one that can no longer change once the epoch has ended, so a proposal that is right when it is made
//! stays right.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::{Address, B256};
use tatum_merkle::{Entry, ListCommitment, Proof, Word};
use tatum_primitives::{Domain, Epoch, Nano, NodeId, OperatorId};
use tatum_receipt::checks::{self, ChainFacts, EpochWindow};
use tatum_receipt::{SignedReceipt, Signers, Verifier};
use tatum_rewards::{Error, Fee, Round, Rule};

/// A payer's fee and quota of the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayerFacts {
    /// `⌊feeOf / 1e9⌋`.
    pub fee_nano: Nano,
    /// Payload bytes that its stake allows.
    pub quota_bytes: u64,
}

/// An operator in the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OperatorFacts {
    /// Where it is paid.
    pub payout: Address,
    /// The bond that counts.
    pub bond_wei: u128,
    /// The capacity that counts.
    pub capacity_bytes: u64,
}

/// The distribution before, as the chain keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Finalized {
    /// Its root; zero before the first.
    pub root: Word,
    /// The number of operators that it has.
    pub operators: u32,
}

/// Everything that a disproof may read.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The epoch.
    pub epoch: Epoch,
    /// What receipts are signed for.
    pub domain: Domain,
    /// The deployment's constants.
    pub rule: Rule,
    /// What may be paid.
    pub available_nano: Nano,
    /// The epoch's fees.
    pub pot_nano: Nano,
    /// Everybody with a fee.
    pub payers: BTreeMap<Address, PayerFacts>,
    /// By id.
    pub operators: Vec<OperatorFacts>,
    /// Which nodes were whose.
    pub nodes: BTreeSet<(NodeId, OperatorId)>,
    /// (payer, key): the key may sign for the payer.
    pub signers: BTreeSet<(Address, Address)>,
    /// The distribution before.
    pub finalized: Finalized,
    /// The list that operators with more than half of the bond signed, if they did.
    pub assented: Option<ListCommitment>,
    /// Hashes of the forced receipts.
    pub forced: BTreeSet<B256>,
}

impl Facts {
    /// Whether a receipt counts: the one function for intake, disproofs and forced receipts.
    pub fn admits(&self, signed: &SignedReceipt) -> bool {
        let (verifier, window) = (Verifier::new(self.domain), EpochWindow::only(self.epoch));
        checks::check(signed, &verifier, window, self).is_ok()
    }

    /// Which of many receipts count, as [`Facts::admits`] says one by one; `signers` are for [`Facts::domain`].
    pub fn admits_all(&self, receipts: &[&SignedReceipt], signers: &Signers) -> Vec<bool> {
        let checked = checks::check_all(receipts, signers, EpochWindow::only(self.epoch), self);
        checked.into_iter().map(|checked| checked.is_ok()).collect()
    }

    /// What a payer's receipts steer.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`]; never for a share of at most the whole.
    pub fn steered_nano(&self, payer: Address) -> Result<Nano, Error> {
        let fee = self.payers.get(&payer).map_or(Nano::ZERO, |payer| payer.fee_nano);
        Fee::divide(fee, self.rule.pool_bps).map(|fee| fee.steered_nano)
    }

    /// The operator, if there is one of this id.
    pub fn operator(&self, id: OperatorId) -> Option<&OperatorFacts> {
        usize::try_from(id.0).ok().and_then(|id| self.operators.get(id))
    }

    /// Levels above the entries: their number follows from the number of operators.
    pub fn entry_depth(&self) -> usize {
        let operators = u32::try_from(self.operators.len()).unwrap_or(u32::MAX);
        usize::try_from(depth_of(operators)).unwrap_or(usize::MAX)
    }

    /// What all operators are paid by if `work` is everybody's.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] if bonds add up to more than 128 bits.
    pub fn round(&self, work_nano: Nano) -> Result<Round, Error> {
        let backed = self.operators.iter().map(|o| (o.bond_wei, o.capacity_bytes));
        Round::of(self.rule, self.available_nano, self.pot_nano, work_nano, backed)
    }

    /// The right word at the operator's place, if `work` is its own; nothing if it is no operator's.
    ///
    /// # Errors
    ///
    /// As for [`Round::pay`], and [`Error::Overflow`] if 64 bits do not hold what it has earned.
    pub fn entry(
        &self,
        round: &Round,
        id: OperatorId,
        work: Nano,
        before: Nano,
    ) -> Result<Word, Error> {
        let Some(facts) = self.operator(id) else { return Ok(Word::ZERO) };
        let pay = round.pay(work, facts.bond_wei, facts.capacity_bytes)?;
        let earned =
            before.checked_add(pay.paid_nano).and_then(|sum| sum.checked_add(pay.pool_nano));
        let cumulative_nano = earned.ok_or(Error::Overflow("an entry"))?;
        Ok(Word::leaf(&Entry { operator_id: id, payout: facts.payout, cumulative_nano }))
    }
}

impl ChainFacts for Facts {
    fn operator_of_node(&self, node: NodeId, _: Epoch) -> Option<OperatorId> {
        let named = self.nodes.range((node, OperatorId(0))..=(node, OperatorId(u32::MAX)));
        named.map(|(_, operator)| *operator).next()
    }

    fn is_node_of(&self, operator: OperatorId, node: NodeId, _: Epoch) -> bool {
        self.nodes.contains(&(node, operator))
    }

    fn is_bonded(&self, operator: OperatorId, _: Epoch) -> bool {
        self.operator(operator).is_some()
    }

    fn quota_bytes(&self, payer: Address, _: Epoch) -> Option<u64> {
        let facts = self.payers.get(&payer)?;
        (facts.fee_nano > Nano::ZERO && facts.quota_bytes > 0).then_some(facts.quota_bytes)
    }

    fn is_session_key(&self, payer: Address, key: Address, _: Epoch) -> bool {
        self.signers.contains(&(payer, key))
    }
}

impl Finalized {
    /// What the operator was promised before, if `word` with its siblings is what the old tree has at its place. Where the
    /// old tree has no place, that is the zero word without siblings.
    pub fn open(&self, id: OperatorId, word: Word, siblings: &[Word]) -> Option<Nano> {
        let depth = depth_of(self.operators);
        let beyond = self.root == Word::ZERO || id.0.checked_shr(depth).unwrap_or(0) != 0;
        let opened = if beyond {
            word == Word::ZERO && siblings.is_empty()
        } else {
            Proof { siblings: siblings.to_vec() }.verify_word(self.root, id, word).is_ok()
        };
        opened.then(|| word.sum())
    }
}

/// Levels that so many places need.
fn depth_of(operators: u32) -> u32 {
    u32::BITS.saturating_sub(operators.saturating_sub(1).leading_zeros())
}
