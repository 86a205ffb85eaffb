//! What an operator weighs in the common pool.

use serde::{Deserialize, Serialize};

use crate::Operator;

/// How the common pool is split over eligible operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolWeight {
    /// Every eligible operator the same.
    #[default]
    Uniform,
    /// In proportion to bonds.
    Bond,
}

impl PoolWeight {
    /// The weight of one operator; zero without eligibility.
    pub const fn of(self, operator: &Operator) -> u128 {
        match self {
            _ if !operator.eligible => 0,
            Self::Uniform => 1,
            Self::Bond => operator.bond_wei,
        }
    }
}
