//! Why an epoch's payouts cannot be worked out.
//!
//! Invariant: every variant means that the input is not one epoch's true chain state and receipts; the caller stops, and
//! trying again with the same input fails the same way.

use alloy_primitives::Address;
use tatum_primitives::{Nano, OperatorId};

/// Why an epoch's payouts cannot be worked out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Operators leave out an id, repeat one, or go on past 32 bits.
    #[error("expected operator {expected}, got operator {got}")]
    OperatorsNotDense {
        /// The id that belongs at this place.
        expected: OperatorId,
        /// The id that stands there.
        got: OperatorId,
    },
    /// Two fees of one payer.
    #[error("payer {0} has two fees")]
    PayerTwice(Address),
    /// Payers' fees steer more than the contract holds for this epoch.
    #[error("receipts steer {steered} DATA, available are {available}")]
    FeesExceedAvailable {
        /// What receipts would pay.
        steered: Nano,
        /// What may be paid.
        available: Nano,
    },
    /// Shares for another number of operators than there are.
    #[error("{got} shares for {expected} operators")]
    Shares {
        /// Operators.
        expected: usize,
        /// Shares.
        got: usize,
    },
    /// A division by zero, or a result that its type cannot hold.
    #[error("{0} overflows")]
    Overflow(&'static str),
    /// The closing check failed: what is paid and the dust are not what was available.
    #[error("paid {paid} DATA and dust {dust} are not the available {available}")]
    NotConserved {
        /// Sum of all payouts.
        paid: Nano,
        /// Stated dust.
        dust: Nano,
        /// What may be paid.
        available: Nano,
    },
}
