//! Why no ticket is given, or one is not taken.

use crate::error::data;

/// Why no ticket is given, or one is not taken.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum TicketError {
    /// Odds that are none, or worse than anybody should take.
    #[error("one ticket in {got} cannot win: 2 to {most} are possible")]
    Odds {
        /// One in so many was asked for.
        got: u32,
        /// The most.
        most: u32,
    },
    /// A price of nothing, or one whose win no channel could hold.
    #[error("a ticket costs a wei at least, and its win what a channel holds at most")]
    Price,
    /// As many tickets were given as service was delivered for.
    #[error("{issued} tickets were given for service that is worth {due}")]
    NotDue {
        /// Tickets given.
        issued: u64,
        /// Tickets that the service is worth.
        due: u64,
    },
    /// The ticket is for another commitment, or for one that can be of no number.
    #[error("the ticket is not for the number that was committed to")]
    Commitment,
    /// There is no such number.
    #[error("{got} is guessed, of the numbers below {one_in}")]
    Guess {
        /// What was guessed.
        got: u32,
        /// How many numbers there are.
        one_in: u32,
    },
    /// The win owes something else than what was won before and one win more.
    #[error("the ticket's win owes {}, not {}", data(got), data(expected))]
    Owed {
        /// What it owes.
        got: u128,
        /// What it has to.
        expected: u128,
    },
    /// The ticket is for another lane, or for other counters.
    #[error("the ticket's receipt is not the one that is due")]
    Receipt,
    /// It would not be a signature of who has to sign, even if it won.
    #[error("the ticket is signed by nobody who may sign for the payer")]
    Signer,
}
