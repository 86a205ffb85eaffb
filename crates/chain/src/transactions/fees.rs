//! What a transaction pays for being mined.
//!
//! Source: EIP-1559; the ten per cent that a replacement must add to both fees are the rule of every client's pool.

use alloy::consensus::{Transaction, TxEnvelope};
use alloy::network::TransactionBuilder;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::TransactionRequest;
use alloy::transports::TransportError;

use crate::Result;

/// A replacement pays at least a quarter more than what it replaces.
const RAISE_PERCENT: u128 = 125;

/// Fees of EIP-1559, or one gas price where the chain knows only that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fees {
    Dynamic { most: u128, priority: u128 },
    Legacy { price: u128 },
}

impl Fees {
    /// What the chain asks now.
    pub(super) async fn of_market(provider: &DynProvider) -> Result<Self> {
        match provider.estimate_eip1559_fees().await {
            Ok(fees) => Ok(Self::Dynamic {
                most: fees.max_fee_per_gas,
                priority: fees.max_priority_fee_per_gas,
            }),
            Err(TransportError::ErrorResp(_) | TransportError::UnsupportedFeature(_)) => {
                Ok(Self::Legacy { price: provider.get_gas_price().await? })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What a signed transaction offers.
    pub(super) fn of(envelope: &TxEnvelope) -> Self {
        match envelope.max_priority_fee_per_gas() {
            Some(priority) => Self::Dynamic { most: envelope.max_fee_per_gas(), priority },
            None => Self::Legacy { price: envelope.max_fee_per_gas() },
        }
    }

    /// What replaces it: a quarter more, or what the market asks if that is more.
    pub(super) fn raised(self, market: Option<Self>) -> Self {
        let more = |fee: u128| (fee.saturating_mul(RAISE_PERCENT) / 100).saturating_add(1);
        let (most_now, priority_now) = match market {
            Some(Self::Dynamic { most, priority }) => (most, priority),
            Some(Self::Legacy { price }) => (price, price),
            None => (0, 0),
        };
        match self {
            Self::Dynamic { most, priority } => {
                let most = more(most).max(most_now);
                // No client takes a tip above the most that is paid in all.
                let priority = more(priority).max(priority_now).min(most);
                Self::Dynamic { most, priority }
            }
            Self::Legacy { price } => Self::Legacy { price: more(price).max(most_now) },
        }
    }

    /// The same with room for a base fee that doubles before it is mined, for what is never made dearer. What is paid in the end is the
    /// base fee of its block and the tip; where there is one price, it is what is paid, so it has less room.
    pub(super) fn with_room(self) -> Self {
        match self {
            Self::Dynamic { most, priority } => {
                Self::Dynamic { most: most.saturating_mul(2), priority }
            }
            Self::Legacy { .. } => self.raised(None),
        }
    }

    /// The most that it pays for a unit of gas.
    pub(super) const fn most(self) -> u128 {
        match self {
            Self::Dynamic { most, .. } => most,
            Self::Legacy { price } => price,
        }
    }

    pub(super) fn applied_to(self, request: TransactionRequest) -> TransactionRequest {
        match self {
            Self::Dynamic { most, priority } => {
                request.with_max_fee_per_gas(most).with_max_priority_fee_per_gas(priority)
            }
            Self::Legacy { price } => request.with_gas_price(price),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: Fees = Fees::Dynamic { most: 2_000, priority: 100 };

    #[test]
    fn a_replacement_adds_a_quarter_to_both_fees_or_what_the_market_asks() {
        assert_eq!(SENT.raised(None), Fees::Dynamic { most: 2_501, priority: 126 });
        let cheaper = Fees::Dynamic { most: 1_000, priority: 1 };
        assert_eq!(SENT.raised(Some(cheaper)), SENT.raised(None));
        let jumped = Fees::Dynamic { most: 40_000, priority: 90 };
        assert_eq!(SENT.raised(Some(jumped)), Fees::Dynamic { most: 40_000, priority: 126 });
        let legacy = Fees::Legacy { price: 8 };
        assert_eq!(legacy.raised(None), Fees::Legacy { price: 11 });
        assert_eq!(legacy.raised(Some(jumped)).most(), 40_000);
    }

    #[test]
    fn what_is_never_made_dearer_has_room_for_twice_the_fee_and_tips_no_more() {
        assert_eq!(SENT.with_room(), Fees::Dynamic { most: 4_000, priority: 100 });
        assert_eq!(Fees::Legacy { price: 8 }.with_room(), Fees::Legacy { price: 11 });
    }

    #[test]
    fn no_tip_is_above_the_most_that_is_paid_and_nothing_wraps() {
        let odd = Fees::Dynamic { most: 10, priority: 10 };
        let market = Fees::Dynamic { most: 1, priority: 1_000 };
        assert_eq!(odd.raised(Some(market)), Fees::Dynamic { most: 13, priority: 13 });
        let dear = Fees::Dynamic { most: u128::MAX, priority: u128::MAX };
        assert!(dear.raised(Some(dear)).most() >= u128::MAX / 100);
    }
}
