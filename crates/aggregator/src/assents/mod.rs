//! Assents: the list of receipts that operators are asked to stand for, what they signed, and the routes that both go by.
//!
//! Invariant: one word of each operator's owner counts, and nothing else is kept of what strangers send. What is lost with the process is handed
//! in again: operators ask until the chain has the assent.

mod files;
mod route;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tatum_chain::{Assent, Assenter};
use tatum_primitives::{Address, B256, Epoch, OperatorId, U256};
use tatum_protocol::{AssentStanding, OfferedList, OperatorAssent};
use tatum_receipt::Signature;

pub(crate) use files::{path, write};
pub(crate) use route::{AssentDesk, router};

/// A list that waits for signatures.
#[derive(Clone, Debug)]
pub(crate) struct Offer {
    /// The epoch.
    pub(crate) epoch: Epoch,
    /// The list.
    pub(crate) assent: Assent,
    /// What owners sign: the chain's hash of epoch, round and list.
    pub(crate) digest: B256,
    /// When the chain takes no assent any more.
    pub(crate) until_s: u64,
    /// Who may sign.
    pub(crate) assenters: BTreeMap<OperatorId, Assenter>,
    /// All bonds.
    pub(crate) total_wei: U256,
}

/// The list of the epoch that is being settled, with what was signed so far; none while there is nothing to sign.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathering(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    gathered: Option<Gathered>,
    /// The newest epoch for which nothing is left to gather.
    over: Option<Epoch>,
}

#[derive(Debug)]
struct Gathered {
    offer: Offer,
    signatures: BTreeMap<OperatorId, Signature>,
    /// It is on chain, or too late: it is offered on for whoever has yet to see that it was left out.
    is_posted: bool,
}

/// Why a word does not count.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// Nothing is to be signed.
    #[error("no list of epoch {0} waits for signatures")]
    NotOffered(Epoch),
    /// Another list.
    #[error("round {round} is the list {top} of {count} receipts, and another was signed", round = .0.round, top = .0.list.top, count = .0.list.count)]
    OtherList(Assent),
    /// Nobody.
    #[error("operator {0} has no bond in this epoch")]
    NoBond(OperatorId),
    /// Somebody else signed.
    #[error("operator {id} belongs to {owner}, who did not sign this")]
    OtherSigner {
        /// The operator.
        id: OperatorId,
        /// Who should have.
        owner: Address,
    },
}

impl Gathering {
    /// Offers a list, in the place of any before.
    pub(crate) fn offer(&self, offer: Offer) {
        let gathered = Gathered { offer, signatures: BTreeMap::new(), is_posted: false };
        self.with(|state| state.gathered = Some(gathered));
    }

    /// What was signed needs posting no more.
    pub(crate) fn posted(&self, epoch: Epoch) {
        self.with(|state| state.of(epoch).map(|gathered| gathered.is_posted = true));
    }

    /// Nothing is left to gather for `epoch`, and nothing offered.
    pub(crate) fn end(&self, epoch: Epoch) {
        self.with(|state| *state = State { gathered: None, over: Some(epoch) });
    }

    /// Whether nothing is left to gather for `epoch`.
    pub(crate) fn is_over(&self, epoch: Epoch) -> bool {
        self.with(|state| state.over == Some(epoch))
    }

    /// What is offered for an epoch.
    pub(crate) fn offered(&self, epoch: Epoch) -> Option<OfferedList> {
        self.with(|state| {
            let gathered = state.of(epoch)?;
            let Offer { assent, until_s, .. } = gathered.offer;
            let (round, receipts) = (assent.round, assent.list);
            Some(OfferedList { epoch, round, receipts, until_s, standing: gathered.standing() })
        })
    }

    /// Takes an operator's word for the list of `epoch`.
    pub(crate) fn take(
        &self,
        epoch: Epoch,
        word: &OperatorAssent,
    ) -> Result<AssentStanding, Refusal> {
        self.with(|state| {
            let gathered = state.of(epoch).ok_or(Refusal::NotOffered(epoch))?;
            let assent = gathered.offer.assent;
            if (word.round, word.receipts) != (assent.round, assent.list) {
                return Err(Refusal::OtherList(assent));
            }
            let id = word.operator;
            let assenter = gathered.offer.assenters.get(&id).ok_or(Refusal::NoBond(id))?;
            let owner = assenter.owner;
            if word.signature.signer(gathered.offer.digest) != Ok(owner) {
                return Err(Refusal::OtherSigner { id, owner });
            }
            gathered.signatures.insert(id, word.signature);
            Ok(gathered.standing())
        })
    }

    /// What to post, once more than half of the bond has signed.
    pub(crate) fn assented(&self, epoch: Epoch) -> Option<(Assent, Vec<(OperatorId, Signature)>)> {
        self.with(|state| {
            let gathered = state.of(epoch).filter(|gathered| !gathered.is_posted)?;
            let signatures = gathered.signatures.iter().map(|(id, signature)| (*id, *signature));
            let is_assent = gathered.standing().is_assent();
            is_assent.then(|| (gathered.offer.assent, signatures.collect()))
        })
    }

    fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        // Nothing that panics is done with it half changed.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn of(&mut self, epoch: Epoch) -> Option<&mut Gathered> {
        self.gathered.as_mut().filter(|gathered| gathered.offer.epoch == epoch)
    }
}

impl Gathered {
    fn standing(&self) -> AssentStanding {
        let signers = self.signatures.keys().filter_map(|id| self.offer.assenters.get(id));
        let signed_wei = signers.fold(U256::ZERO, |sum, one| sum.saturating_add(one.bond_wei));
        AssentStanding { signed_wei, total_wei: self.offer.total_wei }
    }
}

#[cfg(test)]
mod tests {
    use tatum_merkle::ListCommitment;
    use tatum_primitives::B256;
    use tatum_receipt::SessionKey;

    use super::*;

    const EPOCH: Epoch = Epoch(7);

    fn owner(id: u8) -> SessionKey {
        SessionKey::from_bytes(&[id + 1; 32]).unwrap()
    }

    fn offer() -> Offer {
        let assenter = |id: u8| {
            let (owner, bond_wei) = (owner(id).address(), U256::from(10));
            (OperatorId(id.into()), Assenter { id: OperatorId(id.into()), owner, bond_wei })
        };
        let list = ListCommitment { top: B256::repeat_byte(3), count: 2 };
        Offer {
            epoch: EPOCH,
            assent: Assent { round: 1, list },
            digest: B256::repeat_byte(4),
            until_s: 9,
            assenters: (0..3).map(assenter).collect(),
            total_wei: U256::from(30),
        }
    }

    fn word(id: u8, by: u8, digest: B256) -> OperatorAssent {
        let Assent { round, list } = offer().assent;
        let signature = Signature::sign(&owner(by), digest);
        OperatorAssent { operator: OperatorId(id.into()), round, receipts: list, signature }
    }

    #[test]
    fn more_than_half_of_the_bond_is_an_assent_and_nobody_counts_twice() {
        let (gathering, digest) = (Gathering::default(), offer().digest);
        let take = |word| gathering.take(EPOCH, &word);
        assert_eq!(take(word(0, 0, digest)), Err(Refusal::NotOffered(EPOCH)));
        gathering.offer(offer());
        for _ in 0..2 {
            let standing = take(word(0, 0, digest)).unwrap();
            assert_eq!((standing.signed_wei, standing.is_assent()), (U256::from(10), false));
        }
        assert_eq!(gathering.assented(EPOCH), None);
        assert!(take(word(2, 2, digest)).unwrap().is_assent());
        let (assent, signatures) = gathering.assented(EPOCH).unwrap();
        assert_eq!(assent, offer().assent);
        assert_eq!(signatures.iter().map(|(id, _)| id.0).collect::<Vec<_>>(), [0, 2]);
        assert_eq!(gathering.offered(EPOCH).unwrap().standing.signed_wei, U256::from(20));
        assert_eq!((gathering.offered(Epoch(6)), gathering.assented(Epoch(6))), (None, None));
        gathering.posted(EPOCH);
        assert!(gathering.assented(EPOCH).is_none() && gathering.offered(EPOCH).is_some());
        assert!(!gathering.is_over(EPOCH));
        gathering.end(EPOCH);
        assert!(gathering.is_over(EPOCH) && gathering.offered(EPOCH).is_none());
    }

    #[test]
    fn a_word_of_somebody_else_for_another_list_or_without_a_bond_counts_for_nothing() {
        let (gathering, digest) = (Gathering::default(), offer().digest);
        gathering.offer(offer());
        let mut later = word(1, 1, digest);
        later.round = 2;
        for word in [word(0, 1, digest), word(9, 1, digest), word(1, 1, B256::ZERO), later] {
            assert!(gathering.take(EPOCH, &word).is_err(), "{word:?}");
        }
        assert_eq!(gathering.offered(EPOCH).unwrap().standing.signed_wei, U256::ZERO);
    }
}
