//! Why an epoch's payouts cannot be worked out.
//!
//! Invariant: every variant means that the input is not one epoch's true chain state and receipts; the caller stops, and
//! trying again with the same input fails the same way.

use tatum_primitives::Nano;

/// Why an epoch's payouts cannot be worked out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Payers' fees steer more than the contract holds for this epoch.
    #[error("receipts steer {steered} DATA, available are {available}")]
    FeesExceedAvailable {
        /// What receipts would pay.
        steered: Nano,
        /// What may be paid.
        available: Nano,
    },
    /// A division by zero, or a result that its type cannot hold.
    #[error("{0} overflows")]
    Overflow(&'static str),
    /// Operators would be paid more than may be: their works or bonds are not those of the epoch.
    #[error("paid {paid} DATA are more than the available {available}")]
    Overpaid {
        /// Sum of all payouts.
        paid: Nano,
        /// What may be paid.
        available: Nano,
    },
}
