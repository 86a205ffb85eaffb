//! Why bytes are no receipt, and why a receipt does not count. Each rejection has a stable `code` for machines.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Epoch, NodeId, OperatorId, UnknownRole};

/// Bytes that are no signed receipt.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum DecodeError {
    /// Too few or too many bytes.
    #[error("a signed receipt has exactly {expected} bytes, got {got}")]
    Length {
        /// Bytes given.
        got: usize,
        /// Bytes a signed receipt has.
        expected: usize,
    },
    /// The role's byte names no role.
    #[error(transparent)]
    Role(UnknownRole),
}

/// A signature that is not the one canonical signature of anybody.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureError {
    /// `v` is neither 27 nor 28.
    #[error("v is {0}, not 27 or 28")]
    V(u8),
    /// `s` is in the upper half of the group order; its mirror image would verify as well.
    #[error("s is in the upper half of the group order")]
    HighS,
    /// `r` or `s` is zero or not below the group order, or no key gives this signature.
    #[error("no key gives this signature")]
    NoKey,
}

/// Why a receipt does not count. The wording goes back to the submitter.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Rejection {
    /// The bytes or the JSON are no receipt.
    #[error("malformed receipt: {detail}")]
    Malformed {
        /// What is wrong with the bytes.
        detail: String,
    },
    /// A counter is outside the bounds that every receipt keeps.
    #[error("{field} is {got}, allowed are {min} to {max}")]
    OutOfBounds {
        /// The counter.
        field: String,
        /// Its value.
        got: u64,
        /// The least it may be.
        min: u64,
        /// The most it may be.
        max: u64,
    },
    /// A pool receipt that owes something, or a channel nobody opened.
    #[error(
        "channel {channel}: only receipts paid from the stake pool (channel 0, owed 0) are taken here"
    )]
    Channel {
        /// The channel named.
        channel: String,
    },
    /// The payer's channel with the operator is another one, or none.
    #[error("channel {got} is not the one that the payer has open with the operator ({open})")]
    OtherChannel {
        /// The channel named.
        got: B256,
        /// The one that is open; zero for none.
        open: B256,
    },
    /// There is no room for more evidence of delivery that channels pay. This says nothing about the receipt.
    #[error(
        "no more evidence of delivery is kept of this epoch: {most} receipts are the most, of one channel by its deposit and \
         of all together"
    )]
    EvidenceFull {
        /// How many are kept at most.
        most: u64,
    },
    /// The epoch has not begun.
    #[error("epoch {got} has not begun; the running epoch is {running}")]
    FutureEpoch {
        /// The receipt's epoch.
        got: Epoch,
        /// The running epoch.
        running: Epoch,
    },
    /// The epoch and its grace are over.
    #[error(
        "epoch {got} is over and takes no more receipts; the earliest open epoch is {earliest_open}"
    )]
    PastEpoch {
        /// The receipt's epoch.
        got: Epoch,
        /// The earliest epoch that still takes receipts.
        earliest_open: Epoch,
    },
    /// No such operator.
    #[error("operator {operator_id} is not registered, or not bonded in the receipt's epoch")]
    UnknownOperator {
        /// The operator named.
        operator_id: OperatorId,
    },
    /// The node is not registered to the operator.
    #[error("node {node} is not registered to operator {operator_id}")]
    UnknownNode {
        /// The node named.
        node: NodeId,
        /// The operator named.
        operator_id: OperatorId,
    },
    /// The payer has no stake that counts in the epoch: it pays no fee, or has no quota.
    #[error("payer {payer} has no stake that counts in the receipt's epoch")]
    NoStake {
        /// The payer named.
        payer: Address,
    },
    /// The payer's quota has not been read from the chain yet. This says nothing about the receipt.
    #[error("the quota of payer {payer} in epoch {epoch} is not known here yet; try again")]
    QuotaUnknown {
        /// The payer named.
        payer: Address,
        /// The receipt's epoch.
        epoch: Epoch,
    },
    /// More bytes on time than the payer's stake allows.
    #[error(
        "{got} bytes on time are more than the payer's quota of {quota} bytes in the epoch allows"
    )]
    OverQuota {
        /// Bytes on time stated.
        got: u64,
        /// Bytes the stake allows.
        quota: u64,
    },
    /// The signature is not canonical.
    #[error("signature: {error}")]
    Signature {
        /// What is wrong with it.
        error: SignatureError,
    },
    /// Signed by a key the payer did not authorise for the epoch, or for another domain, or the receipt was altered.
    #[error(
        "the signature is by {signer}, which may not sign for payer {payer} in this epoch (a key that was not authorised, \
         another domain, or a changed receipt)"
    )]
    UnauthorizedSigner {
        /// Who signed, if the receipt is unaltered.
        signer: Address,
        /// The payer named.
        payer: Address,
    },
}

impl Rejection {
    /// The stable, machine-readable name of the reason.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed { .. } => "malformed",
            Self::OutOfBounds { .. } => "out_of_bounds",
            Self::Channel { .. } => "channel",
            Self::OtherChannel { .. } => "other_channel",
            Self::EvidenceFull { .. } => "evidence_full",
            Self::FutureEpoch { .. } => "future_epoch",
            Self::PastEpoch { .. } => "past_epoch",
            Self::UnknownOperator { .. } => "unknown_operator",
            Self::UnknownNode { .. } => "unknown_node",
            Self::NoStake { .. } => "no_stake",
            Self::QuotaUnknown { .. } => "quota_unknown",
            Self::OverQuota { .. } => "over_quota",
            Self::Signature { .. } => "signature",
            Self::UnauthorizedSigner { .. } => "unauthorized_signer",
        }
    }

    /// Whether the receipt was judged. One that was not may be as good as any, and nobody stands by its rejection.
    pub const fn is_judgement(&self) -> bool {
        !matches!(self, Self::QuotaUnknown { .. } | Self::EvidenceFull { .. })
    }

    /// Whether time or a later block may lift the rejection, so that the same receipt is worth another try. Every other
    /// one is final.
    pub const fn may_pass(&self) -> bool {
        match self {
            // The epoch begins; the stake, the key, the operator or its node may be news that whoever rejected has not read.
            Self::FutureEpoch { .. }
            | Self::OtherChannel { .. }
            | Self::UnknownOperator { .. }
            | Self::UnknownNode { .. }
            | Self::NoStake { .. }
            | Self::QuotaUnknown { .. }
            | Self::UnauthorizedSigner { .. } => true,
            // The bytes stay what they are, an epoch that is over stays over, and a quota is known before its epoch.
            Self::Malformed { .. }
            | Self::OutOfBounds { .. }
            | Self::Channel { .. }
            | Self::EvidenceFull { .. }
            | Self::PastEpoch { .. }
            | Self::OverQuota { .. }
            | Self::Signature { .. } => false,
        }
    }
}

impl From<DecodeError> for Rejection {
    fn from(error: DecodeError) -> Self {
        Self::Malformed { detail: error.to_string() }
    }
}

impl From<SignatureError> for Rejection {
    fn from(error: SignatureError) -> Self {
        Self::Signature { error }
    }
}
