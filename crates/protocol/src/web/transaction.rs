//! Transactions that wallets signed: handed in, and what became of them.

use serde::{Deserialize, Serialize};
use tatum_primitives::B256;
use utoipa::ToSchema;

use super::AsOf;
use crate::schema::{HexText, WordText};

/// A transaction that a wallet signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedTransaction {
    /// As it is sent (EIP-2718).
    #[schema(value_type = HexText)]
    pub raw: String,
}

/// A transaction that was handed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransactionHash {
    /// Its hash: ask by it what became of it.
    #[schema(value_type = WordText)]
    pub hash: B256,
}

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TransactionStatus {
    /// When this was read.
    pub as_of: AsOf,
    /// Which one.
    #[schema(value_type = WordText)]
    pub hash: B256,
    /// What became of it.
    pub state: TransactionState,
    /// The block it is in.
    pub block: Option<u64>,
    /// Blocks on top of that, and it.
    pub confirmations: u64,
    /// Why it was reverted, as far as can be told.
    pub reason: Option<String>,
}

/// What became of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransactionState {
    /// The endpoint does not know it: it never came, or it was dropped.
    Unknown,
    /// It waits to be mined.
    Pending,
    /// Another one of the same account and number was mined.
    Replaced,
    /// It was mined and did what it should.
    Succeeded,
    /// It was mined and undone.
    Reverted,
}
