//! What publishers say that they published, under their own signatures.
//!
//! Invariant: only a publisher's own receipts speak of its chains: those that it pays for, or that its key signed. Of several the newest
//! head counts; two ids of one number show that the publisher signed two messages in one place, and are kept as such.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256};
use tatum_primitives::StreamKey;
use tatum_receipt::{ContentsLine, Witnessed};

/// A publisher's chain in a stream.
pub(super) type ChainPlace = (StreamKey, Address, u64);

/// What a publisher says of one of its chains in the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublishedChain {
    /// The newest number.
    pub number: u64,
    /// That message's id.
    pub id: B256,
    /// How many were published in the epoch.
    pub span: u64,
    /// Whether the publisher says two things of one number.
    pub disputed: bool,
}

/// All that publishers say.
#[derive(Clone, Debug, Default)]
pub(super) struct Published(BTreeMap<ChainPlace, PublishedChain>);

impl Published {
    /// Takes what lies beside a publisher's receipt that `signer` signed.
    pub(super) fn note(&mut self, witnessed: &Witnessed, signer: Address) {
        let receipt = &witnessed.signed.receipt;
        let own = |line: &&ContentsLine| [receipt.payer, signer].contains(&line.publisher);
        for line in witnessed.contents.lines().iter().filter(own) {
            let place = (receipt.stream_key, line.publisher, line.chain);
            let said = PublishedChain {
                number: line.number,
                id: line.id,
                span: line.span,
                disputed: false,
            };
            self.0.entry(place).and_modify(|held| held.join(said)).or_insert(said);
        }
    }

    /// What is said of a chain.
    pub(super) fn chain(&self, place: &ChainPlace) -> Option<&PublishedChain> {
        self.0.get(place)
    }

    /// The chains of a stream.
    pub(super) fn of(&self, stream: StreamKey) -> impl Iterator<Item = &PublishedChain> {
        let first = (stream, Address::ZERO, 0);
        let last = (stream, Address::repeat_byte(0xff), u64::MAX);
        self.0.range(first..=last).map(|(_, chain)| chain)
    }
}

impl PublishedChain {
    fn join(&mut self, other: Self) {
        let disputed =
            self.disputed || other.disputed || (self.number == other.number && self.id != other.id);
        // The larger id of two is as good as the other, but the same in any order.
        if (other.number, other.id) > (self.number, self.id) {
            (self.number, self.id) = (other.number, other.id);
        }
        self.span = self.span.max(other.span);
        self.disputed = disputed;
    }

    /// Whether a reader's head cannot be one of this chain.
    pub(super) fn contradicts(&self, line: &ContentsLine) -> bool {
        !self.disputed && self.number == line.number && self.id != line.id
    }
}
