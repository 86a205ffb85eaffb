//! What is left for the chain to judge once everything in a dataset was compared.
//!
//! Invariant: each claim stands here once, with the first row that makes it.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use tatum_primitives::{NodeId, OperatorId};

/// What receipts claim and only the chain can judge, each with the first row that claims it: a receipt that was changed after
/// signing shows up here as one signed by a key that nobody authorised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claims {
    /// (payer, key): the key may sign receipts of this epoch for the payer.
    pub signers: BTreeMap<(Address, Address), u64>,
    /// (node, operator): the node was the operator's in this epoch.
    pub nodes: BTreeMap<(NodeId, OperatorId), u64>,
}
