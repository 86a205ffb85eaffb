//! The permission lists that a process knows, each the newest of its stream.
//!
//! Invariant: what is in the book was signed by the stream's owner, and never gives way to an older
//! list. What was written to disk is checked again when it is entered.

use std::collections::BTreeMap;

use tatum_primitives::StreamId;
use tatum_receipt::Verifier;

use super::{Access, PermissionError, SignedPermissions};

/// What a list weighs beside its addresses.
const LIST_WEIGHT: usize = 16;

/// The newest list of each stream.
#[derive(Debug)]
pub struct Book {
    verifier: Verifier,
    lists: BTreeMap<StreamId, SignedPermissions>,
    weight: usize,
}

/// What became of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// It is the newest now.
    Newest,
    /// It was there already.
    Known,
    /// A newer one is there.
    Older {
        /// That one's version.
        held: u64,
    },
}

impl Book {
    /// An empty book for the deployment of `verifier`.
    #[must_use]
    pub const fn new(verifier: Verifier) -> Self {
        Self { verifier, lists: BTreeMap::new(), weight: 0 }
    }

    /// What [`Book::enter`] would do, without doing it.
    #[must_use]
    pub fn look_up(&self, signed: &SignedPermissions) -> Entered {
        let Some(held) = self.lists.get(&signed.list.stream) else { return Entered::Newest };
        match signed.list.rank().cmp(&held.list.rank()) {
            std::cmp::Ordering::Greater => Entered::Newest,
            std::cmp::Ordering::Equal => Entered::Known,
            std::cmp::Ordering::Less => Entered::Older { held: held.list.version },
        }
    }

    /// Checks a list and enters it if it is the newest of its stream.
    ///
    /// # Errors
    /// [`PermissionError`] if its owner did not sign it.
    pub fn enter(&mut self, signed: SignedPermissions) -> Result<Entered, PermissionError> {
        let entered = self.look_up(&signed);
        if entered != Entered::Newest {
            return Ok(entered);
        }
        signed.verify(&self.verifier)?;
        self.weight = self.weight.saturating_add(weight(&signed));
        let stream = signed.list.stream.clone();
        if let Some(old) = self.lists.insert(stream, signed) {
            self.weight = self.weight.saturating_sub(weight(&old));
        }
        Ok(Entered::Newest)
    }

    /// The newest list of a stream.
    #[must_use]
    pub fn list(&self, stream: &StreamId) -> Option<&SignedPermissions> {
        self.lists.get(stream)
    }

    /// What a stream allows, by its list or without one.
    #[must_use]
    pub fn access(&self, stream: &StreamId) -> Access {
        match self.lists.get(stream) {
            Some(signed) => Access::under(&signed.list),
            None => Access::unlisted(stream),
        }
    }

    /// How much memory the lists take, in addresses.
    #[must_use]
    pub const fn weight(&self) -> usize {
        self.weight
    }

    /// How much more they would take with this one.
    #[must_use]
    pub fn growth(&self, signed: &SignedPermissions) -> usize {
        let before = self.lists.get(&signed.list.stream).map(weight).unwrap_or_default();
        weight(signed).saturating_sub(before)
    }

    /// Whether no stream has a list.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// How many streams have a list.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lists.len()
    }

    /// Drops lists of streams that are not in use until the weight is at most `limit`; gives the
    /// streams.
    pub fn shrink(&mut self, limit: usize, in_use: impl Fn(&StreamId) -> bool) -> Vec<StreamId> {
        let mut dropped = Vec::new();
        while self.weight > limit {
            let Some(stream) = self.lists.keys().find(|stream| !in_use(stream)).cloned() else {
                break;
            };
            if let Some(old) = self.lists.remove(&stream) {
                self.weight = self.weight.saturating_sub(weight(&old));
            }
            dropped.push(stream);
        }
        dropped
    }
}

fn weight(signed: &SignedPermissions) -> usize {
    signed.list.addresses().saturating_add(LIST_WEIGHT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions::stated::{list, verifier};
    use tatum_primitives::Address;

    #[test]
    fn a_list_gives_way_to_newer_ones_only() {
        let mut book = Book::new(verifier());
        assert_eq!(book.enter(list("a", 5, 1)), Ok(Entered::Newest));
        assert_eq!(book.enter(list("a", 5, 1)), Ok(Entered::Known));
        assert_eq!(book.enter(list("a", 4, 2)), Ok(Entered::Older { held: 5 }));
        let stream = list("a", 1, 1).list.stream;
        let may = |book: &Book, byte| {
            let address = Address::repeat_byte(byte);
            book.access(&stream).may_subscribe(&address, &address)
        };
        assert!(may(&book, 1) && !may(&book, 2));
        assert_eq!(book.enter(list("a", 6, 2)), Ok(Entered::Newest));
        assert!(!may(&book, 1) && may(&book, 2));
        let mut forged = list("a", 9, 1);
        forged.list.version = 10;
        assert!(book.enter(forged).is_err());
        assert!(may(&book, 2));
    }

    #[test]
    fn of_two_lists_of_one_version_everybody_keeps_the_same() {
        let [one, other] = [list("a", 5, 1), list("a", 5, 2)];
        let kept = |order: [&SignedPermissions; 2]| {
            let mut book = Book::new(verifier());
            for signed in order {
                book.enter(signed.clone()).unwrap();
            }
            book.list(&one.list.stream).cloned()
        };
        assert_eq!(kept([&one, &other]), kept([&other, &one]));
    }

    #[test]
    fn lists_that_nobody_uses_give_way_first() {
        let mut book = Book::new(verifier());
        for name in ["a", "b", "c"] {
            book.enter(list(name, 1, 1)).unwrap();
        }
        assert_eq!(book.weight(), 3 * (LIST_WEIGHT + 1));
        assert_eq!(book.growth(&list("a", 2, 1)), 0);
        assert_eq!(book.growth(&list("d", 2, 1)), LIST_WEIGHT + 1);
        let dropped = book.shrink(0, |stream| stream.as_str().ends_with("/b"));
        assert_eq!((dropped.len(), book.len(), book.weight()), (2, 1, LIST_WEIGHT + 1));
    }
}
