//! What a receipt does to the newest one held of the same key.
//!
//! Invariant: the result does not depend on the order or the number of times receipts arrive, as long as the signer's
//! counters never fall: the highest sequence wins.

use crate::{DeliveryReceipt, Rejection, SignedReceipt};

/// The effect of a receipt that passed every check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is the newest of its key and replaces what is held.
    Advance,
    /// A newer one of the same key is already held.
    Superseded,
    /// It is held already, byte for byte.
    Duplicate,
}

/// Compares `offered` with the newest receipt `held` of the same key.
pub fn step(held: Option<&SignedReceipt>, offered: &SignedReceipt) -> Result<Step, Rejection> {
    let Some(held) = held else { return Ok(Step::Advance) };
    let (old, new) = (&held.receipt, &offered.receipt);
    if new.sequence == old.sequence {
        // A second signature over the same statement changes nothing; a second statement is a contradiction.
        return if new == old {
            Ok(Step::Duplicate)
        } else {
            Err(Rejection::SequenceReused { sequence: new.sequence })
        };
    }
    if new.sequence > old.sequence {
        rising(old, new).map(|()| Step::Advance)
    } else {
        rising(new, old).map(|()| Step::Superseded)
    }
}

/// Checks that no counter falls from the `earlier` to the `later` receipt.
fn rising(earlier: &DeliveryReceipt, later: &DeliveryReceipt) -> Result<(), Rejection> {
    let counters = [
        ("messages", earlier.messages, later.messages),
        ("bytes", earlier.bytes, later.bytes),
        ("on_time", earlier.on_time, later.on_time),
    ];
    match counters.into_iter().find(|(_, held, got)| got < held) {
        Some((field, held, got)) => {
            Err(Rejection::FallingCounter { field: field.to_owned(), held, got })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Signature;

    fn signed(sequence: u64, messages: u64) -> SignedReceipt {
        let receipt =
            DeliveryReceipt { sequence, messages, bytes: messages * 10, ..Default::default() };
        SignedReceipt { receipt, signature: Signature([0; 65]) }
    }

    #[test]
    fn newer_advances_and_older_is_superseded() {
        assert_eq!(step(None, &signed(1, 1)), Ok(Step::Advance));
        assert_eq!(step(Some(&signed(1, 1)), &signed(2, 5)), Ok(Step::Advance));
        assert_eq!(step(Some(&signed(2, 5)), &signed(1, 1)), Ok(Step::Superseded));
        assert_eq!(step(Some(&signed(2, 5)), &signed(2, 5)), Ok(Step::Duplicate));
    }

    #[test]
    fn falling_counters_are_refused_in_either_order() {
        assert!(matches!(
            step(Some(&signed(1, 5)), &signed(2, 4)),
            Err(Rejection::FallingCounter { held: 5, got: 4, .. })
        ));
        assert!(matches!(
            step(Some(&signed(2, 4)), &signed(1, 5)),
            Err(Rejection::FallingCounter { .. })
        ));
    }

    #[test]
    fn one_sequence_makes_one_statement() {
        assert_eq!(
            step(Some(&signed(2, 4)), &signed(2, 5)),
            Err(Rejection::SequenceReused { sequence: 2 })
        );
    }
}
