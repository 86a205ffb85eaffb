//! Sponsors' vaults and who may have a part in them, folded from events.
//!
//! Invariant: it says where to look, and the vaults say what is there, as for all money. What an answer costs depends on its own length
//! alone. Empty unless the view was followed with money.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use tatum_primitives::{Address, Epoch};
use tatum_protocol::web::VaultSummary;

use super::ChainView;
use super::money::{epochs_before, pairs_after};

const LAST: Address = Address::repeat_byte(0xff);

/// What happened to a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SponsorFact {
    /// It was made.
    Vault(VaultSummary),
    /// Somebody got shares of it.
    Sponsor(Address, Address),
    /// Somebody asked it for something back, in an epoch.
    Asked(Address, Address, Epoch),
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Sponsors {
    vaults: BTreeMap<Address, VaultSummary>,
    /// By the streams' owner.
    of_owners: BTreeSet<(Address, Address)>,
    holders: BTreeSet<(Address, Address)>,
    asked: BTreeSet<(Address, Address, Epoch)>,
}

impl Sponsors {
    pub(super) fn apply(&mut self, fact: SponsorFact) {
        match fact {
            SponsorFact::Vault(of) => {
                self.vaults.insert(of.vault, of);
                self.of_owners.insert((of.stream_owner, of.vault));
            }
            SponsorFact::Sponsor(vault, account) => {
                self.holders.extend(self.vaults.get(&vault).map(|of| (account, of.vault)));
            }
            SponsorFact::Asked(vault, account, epoch) => {
                self.asked.extend(self.vaults.get(&vault).map(|of| (of.vault, account, epoch)));
            }
        }
    }
}

impl ChainView {
    /// What a sponsors' vault is for, if one is here.
    pub fn sponsor_vault(&self, vault: Address) -> Option<VaultSummary> {
        self.read().sponsors.vaults.get(&vault).copied()
    }

    /// Where sponsors' vaults are.
    pub(crate) fn vault_addresses(&self) -> BTreeSet<Address> {
        self.read().sponsors.vaults.keys().copied().collect()
    }

    /// At most `limit` vaults after the one named, of all, or for one owner's streams.
    pub fn sponsor_vaults(
        &self,
        stream_owner: Option<Address>,
        after: Option<Address>,
        limit: usize,
    ) -> Vec<VaultSummary> {
        let facts = self.read();
        let sponsors = &facts.sponsors;
        let Some(owner) = stream_owner else {
            let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
            let vaults = sponsors.vaults.range((begin, Bound::Unbounded));
            return vaults.take(limit).map(|(_, of)| *of).collect();
        };
        let owned = sponsors.of_owners.range(pairs_after(owner, after, LAST)).take(limit);
        owned.filter_map(|(_, vault)| sponsors.vaults.get(vault).copied()).collect()
    }

    /// At most `limit` vaults after the one named of which `account` has, or had, shares.
    pub fn sponsored_by(
        &self,
        account: Address,
        after: Option<Address>,
        limit: usize,
    ) -> Vec<Address> {
        let facts = self.read();
        let held = facts.sponsors.holders.range(pairs_after(account, after, LAST));
        held.take(limit).map(|(_, vault)| *vault).collect()
    }

    /// At most `limit` epochs before the one named in which `account` asked a vault for something back, the newest first.
    pub fn sponsor_requests_of(
        &self,
        vault: Address,
        account: Address,
        before: Option<Epoch>,
        limit: usize,
    ) -> Vec<Epoch> {
        let facts = self.read();
        let asked = facts.sponsors.asked.range(epochs_before(before, |e| (vault, account, e)));
        asked.rev().take(limit).map(|(_, _, epoch)| *epoch).collect()
    }
}

#[cfg(test)]
mod tests {
    use tatum_primitives::{B256, EpochSchedule};

    use super::*;
    use crate::view::Fact;

    const ONE: Address = Address::repeat_byte(1);
    const TWO: Address = Address::repeat_byte(2);

    fn vault(number: u8, stream_owner: Address) -> VaultSummary {
        let vault = Address::repeat_byte(number);
        VaultSummary { vault, stream_owner, streams: B256::ZERO, end_epoch: Epoch(9) }
    }

    fn view(facts: &[SponsorFact]) -> ChainView {
        let view = ChainView::new(EpochSchedule { genesis_s: 0, length_s: 10 });
        view.apply(facts.iter().map(|fact| Fact::Sponsors(*fact)), 1);
        view
    }

    #[test]
    fn vaults_come_in_pages_of_all_or_of_one_owners_streams() {
        let vaults = [(7, ONE), (8, TWO), (9, ONE)].map(|(number, owner)| vault(number, owner));
        let view = view(&vaults.map(SponsorFact::Vault));
        assert_eq!(view.sponsor_vaults(None, None, 9), vaults);
        assert_eq!(view.sponsor_vaults(None, Some(vaults[0].vault), 1), [vaults[1]]);
        assert_eq!(view.sponsor_vaults(Some(ONE), None, 9), [vaults[0], vaults[2]]);
        assert_eq!(view.sponsor_vaults(Some(ONE), Some(vaults[0].vault), 9), [vaults[2]]);
        assert_eq!(view.sponsor_vaults(Some(LAST), None, 9), []);
        assert_eq!(view.sponsor_vault(vaults[1].vault), Some(vaults[1]));
        assert_eq!(view.sponsor_vault(ONE), None);
    }

    #[test]
    fn parts_and_requests_are_kept_of_vaults_only_and_requests_come_newest_first() {
        let (of, other) = (vault(7, TWO), Address::repeat_byte(8));
        let asked = |vault, epoch| SponsorFact::Asked(vault, ONE, Epoch(epoch));
        let facts = [
            SponsorFact::Sponsor(of.vault, TWO),
            SponsorFact::Vault(of),
            SponsorFact::Sponsor(of.vault, ONE),
            SponsorFact::Sponsor(other, ONE),
            asked(of.vault, 3),
            asked(of.vault, 7),
            asked(other, 5),
        ];
        let view = view(&facts);
        assert_eq!(view.sponsored_by(ONE, None, 9), [of.vault]);
        assert!(view.sponsored_by(ONE, Some(of.vault), 9).is_empty());
        assert!(view.sponsored_by(TWO, None, 9).is_empty(), "it was none yet");
        let requests = |before| view.sponsor_requests_of(of.vault, ONE, before, 9);
        assert_eq!(requests(None), [Epoch(7), Epoch(3)]);
        assert_eq!(requests(Some(Epoch(7))), [Epoch(3)]);
        assert!(view.sponsor_requests_of(other, ONE, None, 9).is_empty());
    }
}
