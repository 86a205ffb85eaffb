//! What can go wrong between us and the chain, split by what the caller does: retry, fix the input, or stop.

use std::path::PathBuf;

use alloy::primitives::TxHash;
use alloy::transports::TransportError;
use tatum_primitives::{Address, Data, Epoch, U256};

use crate::revert_reasons::{revert_reason, says_demand_not_open};

/// Shorthand.
pub type Result<T> = std::result::Result<T, ChainError>;

/// A failed conversation with the chain.
#[derive(Debug, thiserror::Error)]
pub enum ChainError {
    /// The RPC endpoint does not answer, or answers nonsense; trying again may help.
    #[error("the chain's RPC endpoint failed")]
    Rpc(#[source] Box<TransportError>),
    /// An endpoint's address cannot be used. It is not repeated: it may hold a token.
    #[error(
        "an RPC endpoint looks like http://127.0.0.1:8545 or https://HOST/PATH{}",
        scheme.as_ref().map(|scheme| format!("; {scheme}:// is not spoken here")).unwrap_or_default()
    )]
    Url {
        /// The scheme, if it could be told.
        scheme: Option<String>,
    },
    /// Too many endpoints, or none.
    #[error("{got} RPC endpoints were named; name 1 to {most}, http:// or https://")]
    EndpointCount {
        /// How many were named.
        got: usize,
        /// How many may be.
        most: usize,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made: {reason}")]
    Client {
        /// Why.
        reason: String,
    },
    /// A transaction was sent, and whether it was mined could not be told in time.
    #[error(
        "{action}: sent as {hash}, not known yet whether it was mined; look it up before trying again"
    )]
    Unknown {
        /// What was tried.
        action: String,
        /// The newest transaction for it.
        hash: TxHash,
    },
    /// The endpoint did not take a transaction.
    #[error("{action}: the RPC endpoint did not take the transaction: {reason}")]
    NotTaken {
        /// What was tried.
        action: &'static str,
        /// In the endpoint's words.
        reason: String,
    },
    /// The journal of transactions cannot be kept, so nothing is sent.
    #[error("cannot keep the journal of transactions {}: {reason}", path.display())]
    Journal {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The endpoint serves another chain than the deployment's.
    #[error("the RPC endpoint serves chain {got}, the deployment file is for chain {expected}")]
    WrongChain {
        /// The endpoint's chain.
        got: u64,
        /// The deployment's chain.
        expected: u64,
    },
    /// There is no contract at the address.
    #[error("there is no contract at {address}; is the deployment file of this chain?")]
    NoContract {
        /// The address.
        address: Address,
    },
    /// The contract refuses.
    #[error("{action}: the contract refused: {reason}")]
    Refused {
        /// What was tried.
        action: &'static str,
        /// What it said, as a sentence where that is known.
        reason: String,
    },
    /// The transaction was mined and reverted.
    #[error("{action}: transaction {hash} was mined but reverted")]
    Reverted {
        /// What was tried.
        action: &'static str,
        /// The transaction.
        hash: TxHash,
    },
    /// A transaction is needed but there is no key.
    #[error("this needs a key: set TATUM_PRIVATE_KEY, or --keystore with its password")]
    NoSigner,
    /// The account cannot pay.
    #[error("{account} holds {}, {} are needed", Data(*held_wei), Data(*needed_wei))]
    TooLittleData {
        /// The account.
        account: Address,
        /// What it holds.
        held_wei: U256,
        /// What is needed.
        needed_wei: U256,
    },
    /// The epoch is not closed yet.
    #[error("epoch {epoch} is not closed on chain yet")]
    NotClosed {
        /// The epoch.
        epoch: Epoch,
    },
    /// A value on chain does not fit where the protocol needs it.
    #[error("{what} on chain is out of range: {value}")]
    OutOfRange {
        /// What was read.
        what: &'static str,
        /// Its value.
        value: String,
    },
}

impl ChainError {
    /// Whether the same call may succeed later without a change.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Rpc(_) | Self::NotClosed { .. } | Self::Unknown { .. })
    }

    /// Whether a demand was refused its answer because it is not open any more: somebody else was faster.
    pub fn is_demand_not_open(&self) -> bool {
        matches!(self, Self::Refused { reason, .. } if says_demand_not_open(reason))
    }

    /// What the contract said, where it can be told, of a failed `action`.
    pub(crate) fn from_call(action: &'static str, error: alloy::contract::Error) -> Self {
        match revert_reason(&error) {
            Some(reason) => Self::Refused { action, reason },
            None => match error {
                alloy::contract::Error::TransportError(error) => Self::Rpc(Box::new(error)),
                other => Self::Refused { action, reason: other.to_string() },
            },
        }
    }
}

impl From<TransportError> for ChainError {
    fn from(error: TransportError) -> Self {
        Self::Rpc(Box::new(error))
    }
}
