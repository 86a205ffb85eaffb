//! Why an economy cannot be simulated.
//!
//! Invariant: every variant is about the input, or about a ledger that would have to say what is not true; trying again
//! with the same input fails the same way.

/// Why an economy cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The rules are no TOML, or no rules.
    #[error("the rules cannot be read")]
    Rules(#[source] toml::de::Error),
    /// The parameters of a deployment are no JSON, or not its parameters.
    #[error("the parameters cannot be read")]
    Parameters(#[source] serde_json::Error),
    /// A rule is outside of what the contracts take.
    #[error("{name} is {got}; it must be {expected}")]
    Rule {
        /// Which.
        name: &'static str,
        /// What the file says.
        got: String,
        /// What it must be.
        expected: &'static str,
    },
    /// No epochs, no runs, or too many.
    #[error("{what} are {got}; a simulation takes {least} to {most}")]
    Size {
        /// Of what there are too few or too many.
        what: &'static str,
        /// How many.
        got: u64,
        /// The fewest.
        least: u64,
        /// The most.
        most: u64,
    },
    /// Whoever moves a stake has not as much, or would leave too little.
    #[error("a stake of {got_wei} wei: {why}")]
    Stake {
        /// What it asked for.
        got_wei: u128,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A bond below the minimum.
    #[error("a bond of {got_wei} wei is below {minimum_wei}")]
    Bond {
        /// What was offered.
        got_wei: u128,
        /// What must be.
        minimum_wei: u128,
    },
    /// The payout rule refuses the epoch: its receipts or sums are not those of one.
    #[error("an epoch cannot be paid out")]
    Payout(#[source] tatum_rewards::Error),
}
