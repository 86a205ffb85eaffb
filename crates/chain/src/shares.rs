//! Shares that stand for a part of something: how many an amount asks back, and how few a price that moves may leave.
//!
//! Invariant: everything is rounded down: never more is asked back than was wanted, and never more is demanded than was promised.

use tatum_primitives::{Address, Data, U256};

use crate::{ChainError, Result};

/// Of the shares that were promised, so many in a thousand must come: the price may move between the look and the transaction.
const KEPT_PER_MILLE: u64 = 999;

/// The fewest shares that somebody takes to whom `shares` were promised.
pub(crate) fn least_shares(shares: U256) -> U256 {
    shares.saturating_mul(U256::from(KEPT_PER_MILLE)).wrapping_div(U256::from(1_000))
}

/// What an account has of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held<'a> {
    /// Who.
    pub account: Address,
    /// Of what, as in "operator 3's pool".
    pub of: &'a str,
    /// How many shares.
    pub shares: U256,
    /// What they stand for.
    pub worth_wei: U256,
}

impl Held<'_> {
    /// The shares that stand for an amount, rounded down: never more than were asked for. `action` is what they are for.
    pub fn shares_for_down(self, action: &'static str, amount_wei: U256) -> Result<U256> {
        let refused = |reason: String| Err(ChainError::Refused { action, reason });
        let Self { account, of, shares, worth_wei } = self;
        if shares == U256::ZERO {
            return refused(format!("{account} holds no shares of {of}"));
        }
        if amount_wei == U256::ZERO {
            return refused("nothing was asked for".to_owned());
        }
        if amount_wei > worth_wei {
            let (asked, held) = (Data(amount_wei), Data(worth_wei));
            return refused(format!(
                "{asked} were asked for, and what {account} has there is worth {held}; ask for that much at most, or for all of it"
            ));
        }
        // No more than there are shares, for the amount is no more than they are worth.
        let asked = shares.saturating_mul(amount_wei).checked_div(worth_wei).unwrap_or_default();
        if asked == U256::ZERO {
            return refused("that is less than a share is worth".to_owned());
        }
        Ok(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(shares: u64, worth_wei: u64, amount_wei: u64) -> Result<U256> {
        let (shares, worth_wei) = (U256::from(shares), U256::from(worth_wei));
        let held = Held { account: Address::ZERO, of: "operator 3's pool", shares, worth_wei };
        held.shares_for_down("asking back", U256::from(amount_wei))
    }

    #[test]
    fn the_shares_for_an_amount_are_rounded_down_and_never_more_than_there_are() {
        for (amount_wei, shares) in [(1_000, 300), (999, 299), (500, 150), (4, 1)] {
            assert_eq!(asked(300, 1_000, amount_wei).unwrap(), U256::from(shares), "{amount_wei}");
        }
    }

    #[test]
    fn more_than_there_is_nothing_and_less_than_a_share_are_refused_in_words() {
        let cases = [
            (300, 1_000, 1_001, "were asked for"),
            (300, 1_000, 0, "nothing was asked for"),
            (300, 1_000, 3, "less than a share"),
            (0, 0, 1, "holds no shares of operator 3"),
            // Shares of a pool that lost everything.
            (300, 0, 1, "were asked for"),
        ];
        for (shares, worth_wei, amount_wei, words) in cases {
            let told = asked(shares, worth_wei, amount_wei).unwrap_err().to_string();
            assert!(told.contains(words), "{told}");
        }
    }
}
