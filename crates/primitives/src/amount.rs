//! Amounts of DATA. One nano is 1e-9 DATA, or 1e9 wei; every distribution amount is a whole number of nano.
//!
//! Invariant: conversions from wei round down, so no distribution promises more than was funded.

use std::fmt;

use alloy_primitives::U256;
use alloy_primitives::utils::{ParseUnits, format_ether};
use serde::{Deserialize, Serialize};

/// Wei in one nano.
pub const WEI_PER_NANO: u64 = 1_000_000_000;

/// Wei in one DATA.
pub const WEI_PER_DATA: u128 = 1_000_000_000_000_000_000;

/// The whole of a rate that is given in parts per billion.
pub const PPB: u64 = 1_000_000_000;

/// An amount in nano DATA. The whole supply (9.9e17 nano) fits a `u64` 18 times.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Nano(pub u64);

/// An amount that no `u64` of nano can hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{wei} wei is more nano than 64 bits hold")]
pub struct NanoError {
    wei: U256,
}

impl Nano {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// `floor(wei / 1e9)`; the remainder stays with whoever holds the wei.
    pub fn from_wei_down(wei: U256) -> Result<Self, NanoError> {
        let nano = wei.checked_div(U256::from(WEI_PER_NANO)).unwrap_or_default();
        u64::try_from(nano).map(Self).map_err(|_| NanoError { wei })
    }

    /// The same amount in wei; exact.
    pub fn to_wei(self) -> U256 {
        U256::from(u128::from(self.0).saturating_mul(u128::from(WEI_PER_NANO)))
    }

    /// The sum, unless it overflows.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference, unless `other` is larger.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl fmt::Display for Nano {
    /// In DATA with nine decimals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:09}", self.0 / WEI_PER_NANO, self.0 % WEI_PER_NANO)
    }
}

/// An amount in wei, shown as people read it: in DATA, exact, without needless zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Data(pub U256);

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format_ether(ParseUnits::U256(self.0).get_absolute());
        write!(f, "{} DATA", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// A share in basis points, 0 to 10 000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Bps(u16);

impl Bps {
    /// The whole.
    pub const ONE: Self = Self(10_000);

    /// A share, unless it is more than the whole.
    pub const fn new(bps: u16) -> Option<Self> {
        if bps <= 10_000 { Some(Self(bps)) } else { None }
    }

    /// The number of basis points.
    pub const fn bps(self) -> u16 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Bps {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bps = u16::deserialize(deserializer)?;
        Self::new(bps).ok_or_else(|| {
            serde::de::Error::custom(format!("{bps} is more than 10000 basis points"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wei_round_down_to_nano() {
        assert_eq!(Nano::from_wei_down(U256::from(1_999_999_999u64)), Ok(Nano(1)));
        assert!(Nano::from_wei_down(U256::MAX).is_err());
        assert_eq!(Nano::from_wei_down(U256::from(WEI_PER_DATA)), Ok(Nano(1_000_000_000)));
        assert_eq!(Nano(u64::MAX).to_wei(), U256::from(u64::MAX) * U256::from(WEI_PER_NANO));
    }

    #[test]
    fn nano_prints_as_data() {
        assert_eq!(Nano(1_500_000_001).to_string(), "1.500000001");
    }

    #[test]
    fn wei_are_shown_as_data_to_the_last_one() {
        let shown = |wei: u128| Data(U256::from(wei)).to_string();
        assert_eq!(shown(12_500_000_000_000_000_000), "12.5 DATA");
        assert_eq!(shown(100_000_000_000_000_000_000), "100 DATA");
        assert_eq!(shown(1), "0.000000000000000001 DATA");
        assert_eq!(shown(0), "0 DATA");
    }

    #[test]
    fn more_than_the_whole_is_no_share() {
        assert!(Bps::new(10_001).is_none());
        assert!(serde_json::from_str::<Bps>("10001").is_err());
        assert_eq!(serde_json::from_str::<Bps>("10000").unwrap(), Bps::ONE);
    }
}
