//! A client's request to be served or accepted on a payer's account.
//!
//! Invariant: it is signed over both ends of the link, so no relay can pass it on as its own.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, NodeId, ReaderId, Role, StreamKey, keccak256};
use tatum_receipt::{SessionKey, Signature, SignatureError};

use crate::message::signature_bytes;

/// A client's request to be served (subscriber) or accepted (publisher) on a payer's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attach {
    /// The stream partition.
    pub stream: StreamKey,
    /// What the relay shall do for the payer.
    pub role: Role,
    /// On whose account.
    pub payer: Address,
    /// Which of the payer's processes asks; its receipts are kept apart from the others'.
    pub reader: ReaderId,
    /// When this was signed, milliseconds since 1970.
    pub signed_at_ms: u64,
    /// By the payer or one of its session keys, over [`Attach::digest`].
    #[serde(with = "signature_bytes")]
    pub signature: Signature,
}

impl Attach {
    /// Signs a request of `client` to `relay`.
    #[must_use]
    pub fn sign(
        (stream, role): (StreamKey, Role),
        (payer, reader): (Address, ReaderId),
        (client, relay): (NodeId, NodeId),
        signed_at_ms: u64,
        key: &SessionKey,
    ) -> Self {
        let signature = Signature([0; 65]);
        let mut attach = Self { stream, role, payer, reader, signed_at_ms, signature };
        attach.signature = Signature::sign(key, attach.digest(client, relay));
        attach
    }

    /// What is signed: the request and both ends of the link, so that no relay can pass it on.
    #[must_use]
    pub fn digest(&self, client: NodeId, relay: NodeId) -> B256 {
        let preimage = [
            b"\x19tatum attach v1".as_slice(),
            self.stream.0.as_slice(),
            &[self.role as u8],
            self.payer.as_slice(),
            &self.reader.0.to_be_bytes(),
            &self.signed_at_ms.to_be_bytes(),
            client.0.as_slice(),
            relay.0.as_slice(),
        ];
        keccak256(preimage.concat())
    }

    /// Who signed the request.
    ///
    /// # Errors
    /// If the signature is not canonical.
    pub fn signer(&self, client: NodeId, relay: NodeId) -> Result<Address, SignatureError> {
        self.signature.signer(self.digest(client, relay))
    }
}
