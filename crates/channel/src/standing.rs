//! What an operator may still deliver on a channel: credit that the deposit covers, and no more.
//!
//! Invariant: `outstanding credit ≤ what is left of the confirmed deposit`, and a channel that its payer is leaving counts as
//! nothing. Unknown is nothing: what was not read below the confirmation depth does not count.

use crate::error::data;

/// Where an operator stands with a channel. All three come from outside: from receipts, and from the chain below the
/// confirmation depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// What is left of the deposit, as of a confirmed block; zero while nothing of the channel is confirmed.
    pub confirmed_left_wei: u128,
    /// Whether the payer is leaving, as of *any* block seen: bad news need no confirmation.
    pub is_exiting: bool,
    /// What is delivered and not redeemed: owed in receipts, and delivered since.
    pub outstanding_wei: u128,
    /// What the operator delivers at most without a receipt.
    pub unsigned_limit_wei: u128,
    /// What is delivered without a receipt.
    pub unsigned_wei: u128,
}

/// Why an operator stops serving.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Shortfall {
    /// The payer is leaving; its deposit counts as gone.
    #[error("the payer is leaving the channel")]
    Exiting,
    /// The deposit does not cover what is outstanding.
    #[error("{} is outstanding, the deposit covers {}", data(outstanding_wei), data(covered_wei))]
    Uncovered {
        /// What is delivered and not redeemed, with what is asked for.
        outstanding_wei: u128,
        /// What the deposit covers.
        covered_wei: u128,
    },
    /// Too much is delivered without a receipt.
    #[error(
        "delivered without a receipt: {}; the limit is {}",
        data(unsigned_wei),
        data(limit_wei)
    )]
    Unsigned {
        /// What is delivered without a receipt, with what is asked for.
        unsigned_wei: u128,
        /// The operator's limit.
        limit_wei: u128,
    },
}

impl Standing {
    /// Whether another `cost_wei` may be delivered.
    pub fn serves(&self, cost_wei: u128) -> Result<(), Shortfall> {
        if self.is_exiting {
            return Err(Shortfall::Exiting);
        }
        let outstanding_wei = self.outstanding_wei.saturating_add(cost_wei);
        if outstanding_wei > self.confirmed_left_wei {
            let covered_wei = self.confirmed_left_wei;
            return Err(Shortfall::Uncovered { outstanding_wei, covered_wei });
        }
        let unsigned_wei = self.unsigned_wei.saturating_add(cost_wei);
        if unsigned_wei > self.unsigned_limit_wei {
            let limit_wei = self.unsigned_limit_wei;
            return Err(Shortfall::Unsigned { unsigned_wei, limit_wei });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Standing = Standing {
        confirmed_left_wei: 100,
        is_exiting: false,
        outstanding_wei: 60,
        unsigned_limit_wei: 50,
        unsigned_wei: 20,
    };

    #[test]
    fn service_ends_where_the_deposit_or_the_unsigned_credit_does() {
        assert_eq!(GOOD.serves(30), Ok(()));
        let error = GOOD.serves(31).unwrap_err();
        assert_eq!(error, Shortfall::Unsigned { unsigned_wei: 51, limit_wei: 50 });
        let trusting = Standing { unsigned_limit_wei: 1_000, ..GOOD };
        assert_eq!(trusting.serves(40), Ok(()));
        let error = trusting.serves(41).unwrap_err();
        assert_eq!(
            error.to_string(),
            "0.000000000000000101 DATA is outstanding, the deposit covers 0.0000000000000001 DATA"
        );
    }

    /// Nothing is credited before the chain enforces it.
    #[test]
    fn nitrolite_mf3_c01_mf3_l15_an_unconfirmed_deposit_serves_nothing() {
        let unconfirmed = Standing { confirmed_left_wei: 0, outstanding_wei: 0, ..GOOD };
        assert!(unconfirmed.serves(1).is_err());
    }

    /// Escrow that thaws is no cover.
    #[test]
    fn graph_indexer_1170_a_pending_exit_counts_as_gone() {
        let leaving = Standing { is_exiting: true, outstanding_wei: 0, unsigned_wei: 0, ..GOOD };
        assert_eq!(leaving.serves(0), Err(Shortfall::Exiting));
    }

    #[test]
    fn huge_amounts_do_not_wrap() {
        assert!(GOOD.serves(u128::MAX).is_err());
    }
}
