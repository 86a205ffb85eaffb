//! `/v1/rejections` and `/v1/identity`: what an aggregator rejected and why, under its signature, and by whom it is signed.
//!
//! Invariant: whatever is said of a rejection stands beside a [`RejectionStatement`], which anybody can check offline.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Epoch};
use tatum_receipt::{Rejection, RejectionStatement, SignedReceipt};

/// A rejection as published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectionSummary {
    /// Names the rejection.
    pub id: B256,
    /// Why, for machines.
    pub reason: Rejection,
    /// Why, for people.
    pub message: String,
    /// The payer named.
    pub payer: Option<Address>,
    /// The epoch named.
    pub epoch: Option<Epoch>,
    /// The receipt, if what was handed in is one.
    pub receipt: Option<SignedReceipt>,
    /// How often it was handed in.
    pub times: u64,
    /// When first, milliseconds since 1970.
    pub first_ms: u64,
    /// When last.
    pub last_ms: u64,
    /// The aggregator's word for it, which anybody can check offline.
    pub statement: RejectionStatement,
}

/// Who signs an aggregator's statements, and of which deployment they speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentitySummary {
    /// Its ed25519 public key.
    pub signer: B256,
    /// The deployment's chain.
    pub chain_id: u64,
    /// The deployment's stake pool.
    pub stake_pool: Address,
}
