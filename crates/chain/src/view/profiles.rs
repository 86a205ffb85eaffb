//! What operators say of themselves that no rule of receipts asks for: their names, and who may take them over; folded from events.
//!
//! Invariant: a name is as long as the web API takes one, however long a stranger made it. An offer stands until it is accepted or
//! another takes its place; one to the zero address is none. Empty unless the view was followed with money.

use std::collections::BTreeMap;

use tatum_primitives::{Address, OperatorId};

use super::ChainView;

/// Bytes of a name that are kept.
const NAME_BYTES: usize = 256;

/// What an operator's owner did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProfileFact {
    /// It gave the operator a name.
    Named(OperatorId, String),
    /// It offered the operator to an account.
    Offered(OperatorId, Address),
    /// The account accepted.
    Accepted(OperatorId),
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Profiles {
    names: BTreeMap<OperatorId, String>,
    candidates: BTreeMap<OperatorId, Address>,
}

impl Profiles {
    pub(super) fn apply(&mut self, fact: ProfileFact) {
        match fact {
            ProfileFact::Named(id, name) => {
                self.names.insert(id, cut(name));
            }
            ProfileFact::Offered(id, candidate) if candidate != Address::ZERO => {
                self.candidates.insert(id, candidate);
            }
            ProfileFact::Offered(id, _) | ProfileFact::Accepted(id) => {
                self.candidates.remove(&id);
            }
        }
    }
}

/// As much of a name as is kept, without a part of a character.
fn cut(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(NAME_BYTES));
    name
}

impl ChainView {
    /// An operator's name for people; empty if it has none.
    pub fn name_of(&self, operator: OperatorId) -> String {
        self.read().profiles.names.get(&operator).cloned().unwrap_or_default()
    }

    /// Who may take an operator over, if it is offered to somebody.
    pub fn candidate_of(&self, operator: OperatorId) -> Option<Address> {
        self.read().profiles.candidates.get(&operator).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::EpochSchedule;

    use crate::view::Fact;

    const ONE: OperatorId = OperatorId(1);
    const OTHER: Address = Address::repeat_byte(2);

    fn view(facts: impl IntoIterator<Item = ProfileFact>) -> ChainView {
        let view = ChainView::new(EpochSchedule { genesis_s: 0, length_s: 10 });
        view.apply(facts.into_iter().map(Fact::Profile), 1);
        view
    }

    #[test]
    fn the_last_name_counts_and_a_long_one_is_cut_between_characters() {
        let named = |name: &str| ProfileFact::Named(ONE, name.to_owned());
        assert_eq!(view([named("a"), named("b")]).name_of(ONE), "b");
        assert_eq!(view([named("a"), named("")]).name_of(ONE), "");
        assert_eq!(view([]).name_of(ONE), "");
        let long = format!("x{}", "é".repeat(200));
        let kept = view([named(&long)]).name_of(ONE);
        assert_eq!((kept.len(), long.starts_with(&kept)), (255, true));
    }

    #[test]
    fn an_offer_stands_until_it_is_accepted_replaced_or_taken_back() {
        let offered = |to| ProfileFact::Offered(ONE, to);
        assert_eq!(view([offered(OTHER)]).candidate_of(ONE), Some(OTHER));
        let third = Address::repeat_byte(3);
        assert_eq!(view([offered(OTHER), offered(third)]).candidate_of(ONE), Some(third));
        assert_eq!(view([offered(OTHER), offered(Address::ZERO)]).candidate_of(ONE), None);
        let accepted = ProfileFact::Accepted(ONE);
        assert_eq!(view([offered(OTHER), accepted]).candidate_of(ONE), None);
        assert_eq!(view([offered(OTHER)]).candidate_of(OperatorId(2)), None);
    }
}
