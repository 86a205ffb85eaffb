//! What an auditor can do about a pending proposal that takes something from an operator: prove it, or, if its tree is
//! kept from us, demand to see the entry.
//!
//! Invariant: nothing is filed that the trees at hand do not prove; a demand, which costs its bond if the entry is shown,
//! is made only of a tree that is not to be had, one at a time and none twice.

use std::path::Path;

use serde::Serialize;
use tatum_chain::{Chain, Decrease, Demand, ProposalStatus, ProposedEvent};
use tatum_merkle::{Entry, SumTree};
use tatum_primitives::{B256, Epoch, Nano, OperatorId};

use super::epoch::Scratch;
use super::previous::tree;
use super::{AuditError, DatasetSource};

/// What was done about a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Challenge {
    /// Nothing: no operator is promised less than before.
    Unfounded,
    /// The proposal was cancelled: it promised an operator less than the final distribution.
    Decreased {
        /// The operator that loses most.
        operator_id: OperatorId,
        /// What it is promised by the final distribution; decimal text.
        final_nano: String,
        /// What the proposal promised it; decimal text.
        proposed_nano: String,
        /// The transaction.
        tx: B256,
    },
    /// The proposal's tree is not to be had, so an entry of it was demanded. Unanswered, the proposal can be cancelled.
    Demanded {
        /// The operator with the largest promise whose entry nobody has asked for.
        operator_id: OperatorId,
        /// What its entry must promise; decimal text.
        minimum_nano: String,
        /// What the demand costs if the entry is shown; decimal text.
        bond_wei: String,
        /// Why the tree is not to be had.
        reason: String,
        /// The transaction.
        tx: B256,
    },
    /// The proposal's tree is not to be had, and an answer to a demand is still due.
    Awaited {
        /// Whose entry was demanded.
        operator_id: OperatorId,
        /// The last moment for an answer, seconds of chain time.
        answer_by_s: u64,
    },
    /// The proposal was cancelled: a demand was not answered in time.
    Unanswered {
        /// Whose entry was not shown.
        operator_id: OperatorId,
        /// The transaction.
        tx: B256,
    },
}

/// Challenges the pending proposal of `epoch` if it takes something from an operator. Trees are read from `source`, or
/// from where their proposers published them.
pub async fn challenge(
    chain: &Chain,
    epoch: Epoch,
    source: Option<&DatasetSource>,
) -> Result<Challenge, AuditError> {
    let ProposalStatus::Pending(event) = chain.proposal_status(epoch).await? else {
        return Err(AuditError::NotPending { epoch });
    };
    let open = chain.open_demands(&event).await?;
    let (_, now_s) = chain.head().await?;
    if let Some(overdue) = open.iter().find(|demand| now_s > demand.answer_by_s) {
        let operator_id = overdue.operator_id;
        let tx = chain.cancel_unanswered(event.proposal, operator_id).await?;
        return Ok(Challenge::Unanswered { operator_id, tx });
    }
    let scratch = Scratch::new()?;
    let Some(finalized) = final_tree(chain, source, &scratch.0).await? else {
        return Ok(Challenge::Unfounded);
    };
    match tree(&event, source, &scratch.0).await {
        Ok(proposed) => challenge_decrease(chain, event, &finalized, &proposed).await,
        Err(reason) => demand(chain, event, &finalized, &open, reason).await,
    }
}

/// The tree that claims are paid from, if there is one yet.
async fn final_tree(
    chain: &Chain,
    source: Option<&DatasetSource>,
    scratch: &Path,
) -> Result<Option<SumTree>, AuditError> {
    let Some(epoch) = chain.finalized_epoch().await? else { return Ok(None) };
    let ProposalStatus::Finalized(event) = chain.proposal_status(epoch).await? else {
        let reason = "the chain's answers do not fit each other; try again".to_owned();
        return Err(AuditError::NoFinal { epoch, reason });
    };
    let found = tree(&event, source, scratch).await;
    found.map(Some).map_err(|reason| AuditError::NoFinal { epoch, reason })
}

async fn challenge_decrease(
    chain: &Chain,
    event: ProposedEvent,
    finalized: &SumTree,
    proposed: &SumTree,
) -> Result<Challenge, AuditError> {
    let Some((entry, proposed_nano)) = largest_decrease(finalized, proposed) else {
        return Ok(Challenge::Unfounded);
    };
    let operator_id = entry.operator_id;
    let tx = chain.challenge_decrease(event.proposal, decrease(finalized, entry, proposed)).await?;
    let final_nano = entry.cumulative_nano.0.to_string();
    Ok(Challenge::Decreased {
        operator_id,
        final_nano,
        proposed_nano: proposed_nano.0.to_string(),
        tx,
    })
}

/// The operator that loses most, and what it is left with.
fn largest_decrease<'a>(finalized: &'a SumTree, proposed: &SumTree) -> Option<(&'a Entry, Nano)> {
    let losses = finalized.entries().iter().filter_map(|entry| {
        // A place that the tree does not have promises nothing.
        let left = proposed.word(0, u64::from(entry.operator_id.0)).sum();
        let lost = entry.cumulative_nano.checked_sub(left).filter(|lost| *lost > Nano::ZERO)?;
        Some((lost, entry, left))
    });
    losses.max_by_key(|(lost, ..)| *lost).map(|(_, entry, left)| (entry, left))
}

fn decrease(finalized: &SumTree, entry: &Entry, proposed: &SumTree) -> Decrease {
    let place = u64::from(entry.operator_id.0);
    let width = 1_u64.checked_shl(u32::try_from(proposed.depth()).unwrap_or(u32::MAX));
    let wrapped = width.and_then(|width| place.checked_rem(width)).unwrap_or(place);
    Decrease {
        entry: entry.encode(),
        entry_proof: siblings(finalized, place),
        leaf: proposed.word(0, wrapped).0,
        leaf_proof: siblings(proposed, wrapped),
    }
}

/// The words beside the path from the leaf at `place` up, whether or not an operator stands there.
fn siblings(tree: &SumTree, place: u64) -> Vec<B256> {
    let path = std::iter::successors(Some(place), |place| Some(place >> 1)).take(tree.depth());
    path.enumerate().map(|(height, at)| tree.word(height, at ^ 1).0).collect()
}

async fn demand(
    chain: &Chain,
    event: ProposedEvent,
    finalized: &SumTree,
    open: &[Demand],
    reason: String,
) -> Result<Challenge, AuditError> {
    if let Some(Demand { operator_id, answer_by_s, .. }) = open.first() {
        return Ok(Challenge::Awaited { operator_id: *operator_id, answer_by_s: *answer_by_s });
    }
    let asked = chain.demands(&event).await?;
    let unasked = finalized.entries().iter().filter(|entry| {
        entry.cumulative_nano > Nano::ZERO
            && asked.iter().all(|demand| demand.operator_id != entry.operator_id)
    });
    let Some(entry) = unasked.max_by_key(|entry| entry.cumulative_nano) else {
        return Ok(Challenge::Unfounded);
    };
    let operator_id = entry.operator_id;
    let proof = siblings(finalized, u64::from(operator_id.0));
    let bond_wei = chain.demand_bond_wei().await?.to_string();
    let tx = chain.demand_entry(event.proposal, entry.encode(), proof).await?;
    let minimum_nano = entry.cumulative_nano.0.to_string();
    Ok(Challenge::Demanded { operator_id, minimum_nano, bond_wei, reason, tx })
}

#[cfg(test)]
mod tests {
    use tatum_merkle::{Proof, Word};
    use tatum_primitives::Address;

    use super::*;

    fn grown(amounts: &[u64]) -> SumTree {
        let entries = amounts.iter().zip(0..).map(|(nano, id)| Entry {
            operator_id: OperatorId(id),
            payout: Address::repeat_byte(1),
            cumulative_nano: Nano(*nano),
        });
        SumTree::build(entries.collect()).unwrap()
    }

    #[test]
    fn the_largest_decrease_is_found_and_its_words_stand_in_both_trees() {
        let finalized = grown(&[10, 20, 30, 40, 50]);
        // (proposed, the operator that loses most, what it is left with)
        let cases: [(&[u64], u32, u64); 4] = [
            (&[10, 19, 27, 40, 60], 2, 27),
            (&[10, 20, 30, 40], 4, 0),
            (&[150], 4, 0),
            (&[10, 20, 30, 40, 49, 7, 7, 7, 7], 4, 49),
        ];
        for (amounts, id, left) in cases {
            let proposed = grown(amounts);
            let (entry, left_with) = largest_decrease(&finalized, &proposed).unwrap();
            assert_eq!((entry.operator_id.0, left_with.0), (id, left), "{amounts:?}");
            let decrease = decrease(&finalized, entry, &proposed);
            let proof =
                |words: &[B256]| Proof { siblings: words.iter().copied().map(Word).collect() };
            proof(&decrease.entry_proof).verify(finalized.root(), entry).unwrap();
            let wrapped = OperatorId(id % (1 << proposed.depth()));
            let leaf_proof = proof(&decrease.leaf_proof);
            leaf_proof.verify_word(proposed.root(), wrapped, Word(decrease.leaf)).unwrap();
        }
    }

    #[test]
    fn a_tree_that_takes_from_nobody_is_not_challenged() {
        let finalized = grown(&[10, 20, 0]);
        for amounts in [&[10, 20, 0][..], &[11, 20, 0, 5], &[10, 20]] {
            assert_eq!(largest_decrease(&finalized, &grown(amounts)), None, "{amounts:?}");
        }
    }
}
