//! What the word at each place of the entries must be.

use tatum_merkle::Word;
use tatum_primitives::{Nano, OperatorId};
use tatum_rewards::Round;

use super::Around;
use crate::{EdgeLeaf, Facts};

/// 8: a word that is not the one that the facts and the operator's last edge give.
pub(crate) fn bad_entry(
    facts: &Facts,
    round: &Round,
    place: OperatorId,
    word: Word,
    before: Nano,
    around: Around<'_>,
) -> bool {
    if !around.holds(&place.0.to_be_bytes()) {
        return false;
    }
    let left = match around.left.map(EdgeLeaf::decode) {
        Some(None) => return false,
        left => left.flatten().filter(|edge| edge.operator_id == place),
    };
    let work = left.map_or(Nano::ZERO, |edge| edge.operator_nano);
    facts.entry(round, place, work, before).is_ok_and(|right| right != word)
}
