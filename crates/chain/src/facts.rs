//! What a disproof may read, put together from the chain.
//!
//! Invariant: everything in [`EpochFacts`] was frozen when the epoch ended, and the rest comes from the proposal itself, so
//! whoever judges a proposal, and whenever, judges by the same.

use std::collections::BTreeMap;

use tatum_primitives::{Address, Nano};
use tatum_receipt::{SignedReceipt, Signers, Verifier};
use tatum_rewards::Rule;
use tatum_watcher::{Facts, Finalized, OperatorFacts, PayerFacts};

use crate::{Chain, EpochInputs, Forced, Proposal, Result};

/// Receipts whose signatures are checked together.
const TOGETHER: usize = 1 << 13;

/// An epoch as disproofs see it, whoever proposes what.
#[derive(Clone, Debug)]
pub struct EpochFacts {
    facts: Facts,
    /// What was forced.
    pub forced: Forced,
}

impl EpochFacts {
    /// The facts by which `proposal` is judged.
    pub fn of(&self, proposal: &Proposal) -> Facts {
        let mut facts = self.facts.clone();
        facts.available_nano = proposal.available_nano;
        facts.finalized.root = proposal.old_root;
        facts.assented = proposal.assent.map(|assent| assent.list);
        facts
    }

    /// Whether a receipt may count in the epoch.
    pub fn admits(&self, signed: &SignedReceipt) -> bool {
        self.facts.admits(signed)
    }

    /// Those of many receipts that may count in the epoch, in order. The secret is one that no signer knew.
    pub fn admitted(
        &self,
        receipts: impl Iterator<Item = SignedReceipt>,
        secret: [u8; 32],
    ) -> Vec<SignedReceipt> {
        let signers = Signers::new(Verifier::new(self.facts.domain), secret);
        let mut admitted = Vec::new();
        let mut receipts = receipts.peekable();
        while receipts.peek().is_some() {
            let some: Vec<_> = receipts.by_ref().take(TOGETHER).collect();
            let counts = self.facts.admits_all(&some.iter().collect::<Vec<_>>(), &signers);
            let counted = some.into_iter().zip(counts).filter(|(_, counts)| *counts);
            admitted.extend(counted.map(|(signed, _)| signed));
        }
        admitted
    }
}

impl Chain {
    /// The facts of a closed epoch.
    pub async fn epoch_facts(&self, inputs: &EpochInputs) -> Result<EpochFacts> {
        let epoch = inputs.epoch;
        let forced = self.forced(epoch).await?;
        let before = match epoch.previous() {
            Some(before) => self.operator_count(before).await?,
            None => 0,
        };
        let facts = facts(self, inputs, &forced, before);
        Ok(EpochFacts { facts, forced })
    }
}

fn facts(chain: &Chain, inputs: &EpochInputs, forced: &Forced, operators_before: u32) -> Facts {
    let payers: BTreeMap<Address, PayerFacts> = inputs
        .payers
        .iter()
        .map(|payer| {
            let fee_nano = Nano::from_wei_down(payer.fee_wei).unwrap_or(Nano(u64::MAX));
            let quota_bytes = payer.quota_bytes.saturating_to();
            (payer.payer, PayerFacts { fee_nano, quota_bytes })
        })
        .collect();
    let operators = inputs.operators.iter().map(|operator| OperatorFacts {
        payout: operator.payout,
        bond_wei: operator.bond_wei,
        capacity_bytes: operator.capacity_bytes,
    });
    Facts {
        epoch: inputs.epoch,
        domain: chain.domain(),
        rule: Rule { pool_bps: inputs.pool_bps, pool_limit_bps: inputs.pool_limit_bps },
        available_nano: Nano::ZERO,
        pot_nano: Nano::from_wei_down(inputs.pot_wei).unwrap_or(Nano(u64::MAX)),
        payers,
        operators: operators.collect(),
        nodes: inputs.nodes.iter().copied().collect(),
        signers: inputs.session_keys.iter().copied().collect(),
        finalized: Finalized { operators: operators_before, ..Finalized::default() },
        assented: None,
        forced: forced.signed_hashes.iter().copied().collect(),
    }
}
