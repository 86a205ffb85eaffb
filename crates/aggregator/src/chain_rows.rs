//! What the chain says of payers and operators, as rows of a dataset.
//!
//! Invariant: who closes an epoch and who audits it make the same rows of the same inputs.

use tatum_chain::{OperatorInput, PayerInput};
use tatum_dataset::{Operator, Payer};

/// A payer as the dataset has it.
pub(crate) fn payer(input: &PayerInput) -> Payer {
    Payer { payer: input.payer, fee_wei: input.fee_wei, quota_bytes: input.quota_bytes }
}

/// An operator as the dataset has it.
pub(crate) fn operator(input: &OperatorInput) -> Operator {
    let OperatorInput { id: operator_id, payout, bond_wei, capacity_bytes } = *input;
    Operator { operator_id, payout, bond_wei, capacity_bytes }
}
