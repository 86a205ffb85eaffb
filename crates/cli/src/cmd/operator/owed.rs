//! What operators are owed of the newest final distribution, and the transactions that pay it for the least gas.
//!
//! Invariant: nothing is sent for an entry that does not stand under the root that claims are paid from, as far as the newest block
//! tells. A run of neighbours is paid at once only where the chain says that this takes less gas than one by one.

use alloy::primitives::TxHash;
use anyhow::{Context, bail};
use tatum_chain::{Chain, Claim, RangeClaim};
use tatum_merkle::{Entry, RangeProof, Word};
use tatum_primitives::{Epoch, Nano, OperatorId};
use tatum_protocol::OperatorProof;
use tatum_protocol::client::AggregatorClient;
use tokio::task::JoinSet;

/// Operators that are asked for at the same time.
const AT_ONCE: usize = 8;
/// Neighbours who are owed nothing cost a word of calldata and some hashing each, a transaction of its own 21 000 gas and its proof.
const MOST_BETWEEN: u32 = 16;
/// Operators in one transaction, at most: some three million gas.
const MOST_IN_RUN: u32 = 256;

/// An operator's entry in the newest final distribution, and what it has not claimed of it.
#[derive(Clone, Debug)]
pub(super) struct Owed {
    pub(super) operator: OperatorId,
    pub(super) proof: OperatorProof,
    pub(super) claimed_nano: Nano,
    pub(super) due_nano: Nano,
}

/// What claims are paid from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Final {
    pub(super) epoch: Epoch,
    root: Word,
}

impl Final {
    /// The newest final distribution, if there is one.
    pub(super) async fn of(chain: &Chain) -> anyhow::Result<Option<Self>> {
        let Some(epoch) = chain.finalized_epoch().await? else { return Ok(None) };
        Ok(Some(Self { epoch, root: Word(chain.finalized_root().await?) }))
    }

    /// Asks the aggregator for an operator's entry and believes it only with a proof against the root on chain.
    pub(super) async fn proven(
        self,
        aggregator: &AggregatorClient,
        operator: OperatorId,
    ) -> anyhow::Result<OperatorProof> {
        let (base, epoch) = (aggregator.base(), self.epoch);
        let published = aggregator.operator_proof(epoch, operator).await?;
        let entry = Entry::decode(published.entry);
        published.proof.verify(self.root, &entry).with_context(|| {
            format!("{base} sent a proof that does not fit the finalized root of epoch {epoch}")
        })?;
        if entry.operator_id != operator || entry.cumulative_nano != published.cumulative_nano {
            bail!("{base} sent the entry of operator {} for {operator}", entry.operator_id);
        }
        Ok(published)
    }

    /// What an operator is owed.
    pub(super) async fn owed(
        self,
        chain: &Chain,
        aggregator: &AggregatorClient,
        operator: OperatorId,
    ) -> anyhow::Result<Owed> {
        let proof = self.proven(aggregator, operator).await?;
        let claimed_nano = chain.claimed_nano(operator).await?;
        let due_nano = proof.cumulative_nano.checked_sub(claimed_nano).unwrap_or_default();
        Ok(Owed { operator, proof, claimed_nano, due_nano })
    }

    /// What each of these operators is owed, in order of id and each once.
    pub(super) async fn owed_to(
        self,
        chain: &Chain,
        aggregator: &AggregatorClient,
        operators: &[OperatorId],
    ) -> anyhow::Result<Vec<Owed>> {
        let mut all = Vec::with_capacity(operators.len());
        for some in operators.chunks(AT_ONCE) {
            let mut asked = JoinSet::new();
            for operator in some.iter().copied() {
                let (chain, aggregator) = (chain.clone(), aggregator.clone());
                asked.spawn(async move { self.owed(&chain, &aggregator, operator).await });
            }
            while let Some(owed) = asked.join_next().await {
                all.push(owed.context("asking for claims")??);
            }
        }
        all.sort_unstable_by_key(|owed| owed.operator);
        all.dedup_by_key(|owed| owed.operator);
        Ok(all)
    }

    /// Every operator that has an entry.
    pub(super) async fn operators(self, chain: &Chain) -> anyhow::Result<Vec<OperatorId>> {
        let count = chain.operator_count(self.epoch).await?;
        Ok((0..count).map(OperatorId).collect())
    }
}

/// What is claimed in one transaction.
#[derive(Clone, Debug)]
pub(super) enum Sending {
    /// For one operator.
    One(Claim),
    /// For a run of neighbours.
    Run(RangeClaim),
}

/// A transaction to be, whom it pays what, and what it takes.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Who is owed something.
    pub(super) operators: Vec<OperatorId>,
    pub(super) due_nano: Nano,
    pub(super) gas: u64,
    sending: Sending,
}

impl Batch {
    pub(super) async fn send(&self, chain: &Chain) -> anyhow::Result<TxHash> {
        Ok(match self.sending.clone() {
            Sending::One(claim) => chain.claim(claim).await?,
            Sending::Run(claim) => chain.claim_range(claim).await?,
        })
    }
}

/// The transactions that pay whoever of `owed`, which is in order of id, is owed at least `least`.
pub(super) async fn batches(
    chain: &Chain,
    owed: &[Owed],
    least: Nano,
) -> anyhow::Result<Vec<Batch>> {
    let mut batches = Vec::new();
    for run in runs(owed, least) {
        let due: Vec<&Owed> = run.iter().filter(|owed| is_due(owed, least)).collect();
        let singly = singly(chain, &due).await?;
        match together(chain, run, &due).await? {
            Some(batch) if batch.gas < singly.iter().map(|batch| batch.gas).sum() => {
                batches.push(batch);
            }
            _ => batches.extend(singly),
        }
    }
    Ok(batches)
}

fn is_due(owed: &Owed, least: Nano) -> bool {
    owed.due_nano >= least && owed.due_nano > Nano::ZERO
}

/// Neighbours that may be worth a transaction together, from the first that is due to the last.
fn runs(owed: &[Owed], least: Nano) -> Vec<&[Owed]> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (at, one) in owed.iter().enumerate().filter(|(_, owed)| is_due(owed, least)) {
        let joins = runs.last().is_some_and(|(first, last)| {
            let (first_id, last_id) = (owed[*first].operator.0, owed[*last].operator.0);
            let between = one.operator.0 - last_id - 1;
            // Whoever stands between must be at hand: the run has no gaps.
            let is_dense = (at - last) == (one.operator.0 - last_id) as usize;
            is_dense && between <= MOST_BETWEEN && one.operator.0 - first_id < MOST_IN_RUN
        });
        match runs.last_mut() {
            Some((_, last)) if joins => *last = at,
            _ => runs.push((at, at)),
        }
    }
    runs.into_iter().map(|(first, last)| &owed[first..=last]).collect()
}

/// One transaction for each.
async fn singly(chain: &Chain, due: &[&Owed]) -> anyhow::Result<Vec<Batch>> {
    let mut batches = Vec::with_capacity(due.len());
    for owed in due {
        let proof = owed.proof.proof.siblings.iter().map(|word| word.0).collect();
        let claim = Claim { entry: owed.proof.entry, proof };
        // Neighbours' claims take the same gas but for a slot that is new.
        let gas = match batches.last() {
            Some(Batch { gas, .. }) if due.len() > 2 => *gas,
            _ => chain.claim_gas(claim.clone()).await?,
        };
        let operators = vec![owed.operator];
        let sending = Sending::One(claim);
        batches.push(Batch { operators, due_nano: owed.due_nano, gas, sending });
    }
    Ok(batches)
}

/// One transaction for the whole run; none for a run of one.
async fn together(chain: &Chain, run: &[Owed], due: &[&Owed]) -> anyhow::Result<Option<Batch>> {
    let [first, .., last] = run else { return Ok(None) };
    let ends = [first, last].map(|owed| (owed.operator, &owed.proof.proof));
    let proof = RangeProof::between(ends[0], ends[1]);
    let entries = run.iter().map(|owed| owed.proof.entry).collect();
    let claim = RangeClaim { entries, proof };
    let gas = chain.claim_range_gas(claim.clone()).await?;
    let sum = due.iter().try_fold(Nano::ZERO, |sum, owed| sum.checked_add(owed.due_nano));
    Ok(Some(Batch {
        operators: due.iter().map(|owed| owed.operator).collect(),
        due_nano: sum.context("more is owed than there is")?,
        gas,
        sending: Sending::Run(claim),
    }))
}

#[cfg(test)]
mod tests {
    use tatum_merkle::SumTree;
    use tatum_primitives::{Address, B256};

    use super::*;

    fn owed(dues: &[(u32, u64)]) -> Vec<Owed> {
        let of = |(id, due): &(u32, u64)| {
            let entry = |id: u32| Entry {
                operator_id: OperatorId(id),
                payout: Address::repeat_byte(1),
                cumulative_nano: Nano(7),
            };
            let tree = SumTree::build((0..=*id).map(entry).collect()).unwrap();
            let proof = OperatorProof::new(&tree, Epoch(1), B256::ZERO, OperatorId(*id)).unwrap();
            let (operator, claimed_nano) = (OperatorId(*id), Nano::ZERO);
            Owed { operator, proof, claimed_nano, due_nano: Nano(*due) }
        };
        dues.iter().map(of).collect()
    }

    fn ids(dues: &[(u32, u64)], least: u64) -> Vec<Vec<u32>> {
        let owed = owed(dues);
        let runs = runs(&owed, Nano(least));
        runs.iter().map(|run| run.iter().map(|owed| owed.operator.0).collect()).collect()
    }

    #[test]
    fn neighbours_who_are_owed_something_make_runs() {
        let dense: Vec<(u32, u64)> = (0..6).map(|id| (id, u64::from(id % 3 != 1))).collect();
        assert_eq!(ids(&dense, 0), [[0, 1, 2, 3, 4, 5]], "who is owed nothing may stand between");
        assert_eq!(ids(&[(0, 1), (1, 5), (2, 9), (3, 1)], 5), [[1, 2]], "and nobody at the ends");
        assert_eq!(ids(&[(0, 0), (1, 0)], 0), [[0; 0]; 0]);
        assert_eq!(ids(&[(0, 1), (2, 1)], 0), [[0], [2]], "nobody in a run is missing");
        let far: Vec<(u32, u64)> = (0..20).map(|id| (id, u64::from(id == 0 || id == 18))).collect();
        assert_eq!(ids(&far, 0), [[0], [18]]);
    }
}
