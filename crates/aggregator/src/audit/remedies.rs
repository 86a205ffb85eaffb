//! What a proposed tree does that the contract lets anybody challenge, with the words that prove it.
//!
//! Invariant: what is found here is proven by the two trees and by what the chain says of operators, nothing else. Source:
//! `IDistributor`, Challenges.

use futures_util::{StreamExt, TryStreamExt, stream};
use tatum_chain::{Chain, ChainError, Decrease};
use tatum_merkle::{Entry, SumTree};
use tatum_primitives::{B256, Epoch, Nano};

/// Questions to the chain under way at once.
const PARALLEL: usize = 16;

/// The operator that loses most, and what it is left with.
pub(super) fn largest_decrease<'a>(
    finalized: &'a SumTree,
    proposed: &SumTree,
) -> Option<(&'a Entry, Nano)> {
    let losses = finalized.entries().iter().filter_map(|entry| {
        // A place that the tree does not have promises nothing.
        let left = proposed.word(0, u64::from(entry.operator_id.0)).sum();
        let lost = entry.cumulative_nano.checked_sub(left).filter(|lost| *lost > Nano::ZERO)?;
        Some((lost, entry, left))
    });
    losses.max_by_key(|(lost, ..)| *lost).map(|(_, entry, left)| (entry, left))
}

pub(super) fn decrease(finalized: &SumTree, entry: &Entry, proposed: &SumTree) -> Decrease {
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
pub(super) fn siblings(tree: &SumTree, place: u64) -> Vec<B256> {
    let path = std::iter::successors(Some(place), |place| Some(place >> 1)).take(tree.depth());
    path.enumerate().map(|(height, at)| tree.word(height, at ^ 1).0).collect()
}

/// The entry with the largest sum at an id that no operator had; `operators` have the ids below.
pub(super) fn unknown_operator(proposed: &SumTree, operators: u32) -> Option<&Entry> {
    let unknown = proposed.entries().iter().filter(|entry| entry.operator_id.0 >= operators);
    unknown.filter(|entry| entry.cumulative_nano > Nano::ZERO).max_by_key(|e| e.cumulative_nano)
}

/// The first entry that pays another address than its operator's of `epoch`.
pub(super) async fn foreign_payout(
    chain: &Chain,
    proposed: &SumTree,
    operators: u32,
    epoch: Epoch,
) -> Result<Option<Entry>, ChainError> {
    let known = proposed.entries().iter().filter(|entry| entry.operator_id.0 < operators);
    let known: Vec<Entry> = known.copied().collect();
    let asked = stream::iter(known).map(|entry| is_foreign(chain, entry, epoch));
    let foreign = asked.buffered(PARALLEL).try_filter_map(|entry| async move { Ok(entry) });
    std::pin::pin!(foreign).try_next().await
}

async fn is_foreign(
    chain: &Chain,
    entry: Entry,
    epoch: Epoch,
) -> Result<Option<Entry>, ChainError> {
    let payout = chain.payout_at(entry.operator_id, epoch).await?;
    Ok((payout != entry.payout).then_some(entry))
}

#[cfg(test)]
mod tests {
    use tatum_merkle::{Proof, Word};
    use tatum_primitives::{Address, OperatorId};

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

    #[test]
    fn a_sum_beyond_the_operators_is_found() {
        let tree = grown(&[10, 0, 7, 0, 9]);
        assert_eq!(unknown_operator(&tree, 5), None);
        assert_eq!(unknown_operator(&tree, 2).unwrap().operator_id.0, 4);
        assert_eq!(unknown_operator(&grown(&[10, 0, 0]), 1), None);
    }
}
