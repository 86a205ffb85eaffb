//! Permission lists on disk, as texts.
//!
//! Invariant: what is read is checked again, since anybody may have written to the disk, and a newer list
//! never gives way to an older one.

use tatum_database::{DatabaseError, NodeStore};
use tatum_overlay::permissions::{Book, SignedPermissions};
use tatum_receipt::Verifier;

/// The lists that were kept on disk; what does not verify any more is left out.
pub(crate) fn read_book(verifier: Verifier, kept: &[String]) -> Book {
    let mut book = Book::new(verifier);
    for text in kept {
        let read = serde_json::from_str::<SignedPermissions>(text);
        let entered = read
            .map_err(|error| error.to_string())
            .and_then(|signed| book.enter(signed).map_err(|error| error.to_string()));
        if let Err(reason) = entered {
            tracing::error!(reason, "a permission list on disk does not count");
        }
    }
    book
}

/// Writes a list to disk, unless a newer one is there.
pub(crate) async fn keep_permissions(
    store: &NodeStore,
    signed: &SignedPermissions,
) -> Result<bool, DatabaseError> {
    // Names, numbers and signatures have a text.
    let text = serde_json::to_string(signed).unwrap_or_default();
    store.keep_permissions(signed.list.stream.as_str(), &rank_bytes(signed), &text).await
}

/// The bytes by which a store tells which of two lists is newer.
fn rank_bytes(signed: &SignedPermissions) -> Vec<u8> {
    let (version, hash) = signed.list.rank();
    [version.to_be_bytes().as_slice(), hash.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_overlay::permissions::stated::{list, verifier};

    #[test]
    fn what_is_read_from_disk_is_checked_again() {
        let mut forged = list("b", 9, 1);
        forged.list.version = 10;
        let kept = [list("a", 5, 1), forged].map(|list| serde_json::to_string(&list).unwrap());
        let book = read_book(verifier(), &[kept[0].clone(), kept[1].clone(), "{".to_owned()]);
        assert_eq!(book.len(), 1);
        assert!(book.list(&list("a", 1, 1).list.stream).is_some());
    }

    #[test]
    fn a_store_ranks_lists_as_everybody_does() {
        let [one, other, newer] = [list("a", 5, 1), list("a", 5, 2), list("a", 256, 1)];
        for (left, right) in [(&one, &other), (&one, &newer), (&newer, &other)] {
            let by_bytes = rank_bytes(left).cmp(&rank_bytes(right));
            assert_eq!(by_bytes, left.list.rank().cmp(&right.list.rank()));
        }
    }
}
