//! The permission lists that a tracker keeps.
//!
//! Invariant: they weigh no more than the memory for them, and no owner has more of them sent around than its rate.

use tatum_overlay::limit::{Limiter, Rate};
use tatum_overlay::permissions::{Book, SignedPermissions};
use tatum_primitives::{Address, StreamId};
use tatum_receipt::Verifier;

/// Memory for lists, in addresses.
pub(crate) const MAX_WEIGHT: usize = 1 << 22;
/// Lists that an owner may publish; each is sent to everybody in its stream.
const OWNER_RATE: Rate = Rate { per_second: 2, burst: 32 };
/// Owners whose rates are remembered.
const MAX_OWNERS: usize = 16_384;

/// The newest list of each stream, if the tracker takes any.
#[derive(Debug)]
pub(crate) struct PermissionLists {
    pub(crate) book: Option<Book>,
    pub(crate) owners: Limiter<Address>,
}

impl PermissionLists {
    pub(crate) fn new(verifier: Option<Verifier>) -> Self {
        Self { book: verifier.map(Book::new), owners: Limiter::new(OWNER_RATE, MAX_OWNERS) }
    }

    pub(crate) fn len(&self) -> usize {
        self.book.as_ref().map_or(0, Book::len)
    }

    pub(crate) fn list(&self, stream: &StreamId) -> Option<&SignedPermissions> {
        self.book.as_ref().and_then(|book| book.list(stream))
    }
}
