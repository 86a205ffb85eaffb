//! The delivery receipt: what one payer says one operator's node delivered to (or accepted from) it in one epoch.
//!
//! Invariant: a [`SignedReceipt`] has exactly one encoding, and every signed field is checked here, once, by [`checks`];
//! nodes, the aggregator and auditors call the same rules. Sources: EIP-712, SEC 1 §4.1.6 (recovery), RFC 8032.
//!
//! # Requirements
//! The caller provides chain facts ([`checks::ChainFacts`]), the time and the receipt it holds of the same key.
//! # Provided
//! Nobody but the payer's authorised keys can make a receipt that passes, for no other deployment, and none that
//! takes away what an earlier receipt of its key pays.
//! # Not provided
//! That the stated traffic happened: a receipt is its signer's word, and steers only its signer's own fee.
//!
//! # Example
//!
//! ```
//! use tatum_primitives::{Address, Domain};
//! use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};
//!
//! let key = SessionKey::from_bytes(&[1; 32])?;
//! let verifier = Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO });
//! let receipt = DeliveryReceipt { payer: key.address(), messages: 4, bytes: 100, ..Default::default() };
//! let signed = SignedReceipt::sign(receipt, &key, &verifier);
//!
//! let mut received = SignedReceipt::decode(&signed.encode())?;
//! assert_eq!(verifier.signer(&received)?, key.address());
//!
//! // Whoever changes it is not its payer.
//! received.receipt.bytes += 1;
//! assert_ne!(verifier.signer(&received).ok(), Some(key.address()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

mod acknowledgement;
mod authors;
mod checked;
pub mod checks;
mod contents;
mod error;
mod receipt;
mod rejection_statement;
mod session_key;
mod signature;
mod signed;
mod signers;
mod state;
mod witnessed;

pub use acknowledgement::{Acknowledgement, AcknowledgementError};
pub use authors::{Authors, SignedDigest};
pub use checked::{CheckedReceipt, StoredReceipt};
pub use contents::{Contents, ContentsError, ContentsLine, LINE_BYTES, MAX_LINES};
pub use error::{DecodeError, Rejection, SignatureError};
pub use receipt::{DeliveryReceipt, KEY_BYTES, RECEIPT_BYTES, ReceiptKey};
pub use rejection_statement::{RejectionStatement, RejectionStatementError, rejection_id};
pub use session_key::{SessionKey, SessionKeyError, address_of};
pub use signature::{SIGNATURE_BYTES, Signature};
pub use signed::{SIGNED_RECEIPT_BYTES, SignedReceipt, Verifier};
pub use signers::Signers;
pub use state::{RANK_BYTES, Rank, Step, step};
pub use witnessed::Witnessed;
