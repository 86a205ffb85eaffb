//! A receipt with its signature, its 278 canonical bytes, and who signed it.
//!
//! Invariant: a signed receipt is known by the keccak of exactly these bytes, here, in forced and in assented lists.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Domain, eip712_digest, eip712_preimage, keccak256};
use tatum_simd::keccak256_all;

use crate::receipt::RECEIPT_BYTES;
use crate::signature::SIGNATURE_BYTES;
use crate::{DecodeError, DeliveryReceipt, SessionKey, Signature, SignatureError};

/// Bytes of an encoded signed receipt.
pub const SIGNED_RECEIPT_BYTES: usize = RECEIPT_BYTES + SIGNATURE_BYTES;

/// Receipts whose digests are made at a time: enough to fill vectors, few enough for the nearest cache.
const DIGESTS_TOGETHER: usize = 32;

/// A receipt and a signature over it, not yet checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedReceipt {
    /// What is stated.
    pub receipt: DeliveryReceipt,
    /// Who states it.
    pub signature: Signature,
}

impl SignedReceipt {
    /// Signs `receipt` for the deployment of `verifier`.
    pub fn sign(receipt: DeliveryReceipt, key: &SessionKey, verifier: &Verifier) -> Self {
        let signature = Signature::sign(key, verifier.digest(&receipt));
        Self { receipt, signature }
    }

    /// The canonical bytes.
    pub fn encode(&self) -> [u8; SIGNED_RECEIPT_BYTES] {
        let mut out = [0; SIGNED_RECEIPT_BYTES];
        let (receipt, signature) = out.split_at_mut(RECEIPT_BYTES);
        receipt.copy_from_slice(&self.receipt.encode());
        signature.copy_from_slice(&self.signature.0);
        out
    }

    /// The signed receipt these bytes stand for; any other length is refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let wrong = DecodeError::Length { got: bytes.len(), expected: SIGNED_RECEIPT_BYTES };
        let (receipt, rest) = bytes.split_first_chunk().ok_or_else(|| wrong.clone())?;
        let signature = rest.try_into().map_err(|_| wrong)?;
        Ok(Self { receipt: DeliveryReceipt::decode(receipt)?, signature: Signature(signature) })
    }

    /// What the signed receipt is known by: the keccak of its bytes.
    pub fn leaf(&self) -> B256 {
        keccak256(self.encode())
    }
}

/// Digests and signers for one deployment; keeps the domain separator.
#[derive(Clone, Copy, Debug)]
pub struct Verifier {
    separator: B256,
}

impl Verifier {
    /// For the deployment that `domain` names.
    pub fn new(domain: Domain) -> Self {
        Self { separator: domain.separator() }
    }

    /// The EIP-712 digest of another struct of the same deployment, such as a stream's permissions.
    pub fn digest_of(&self, struct_hash: B256) -> B256 {
        eip712_digest(self.separator, struct_hash)
    }

    /// The EIP-712 digest that is signed.
    pub fn digest(&self, receipt: &DeliveryReceipt) -> B256 {
        self.digest_of(receipt.struct_hash())
    }

    /// The digests of many receipts, in order; far cheaper than one by one where the machine hashes several at a time.
    pub(crate) fn digests(&self, receipts: &[&SignedReceipt]) -> Vec<B256> {
        let digests = receipts.chunks(DIGESTS_TOGETHER).flat_map(|some| {
            let structs: Vec<_> = some.iter().map(|signed| signed.receipt.struct_bytes()).collect();
            let hashes = keccak256_all(&structs).into_iter();
            let preimages: Vec<_> =
                hashes.map(|hash| eip712_preimage(self.separator, hash)).collect();
            keccak256_all(&preimages)
        });
        digests.collect()
    }

    /// Who signed, if the signature is canonical.
    pub fn signer(&self, signed: &SignedReceipt) -> Result<Address, SignatureError> {
        signed.signature.signer(self.digest(&signed.receipt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> (SignedReceipt, Verifier, Address) {
        let key = SessionKey::from_bytes(&[1; 32]).unwrap();
        let verifier = Verifier::new(Domain { chain_id: 31337, stake_pool: Address::ZERO });
        let receipt =
            DeliveryReceipt { messages: 4, bytes: 100, bytes_on_time: 90, ..Default::default() };
        (SignedReceipt::sign(receipt, &key, &verifier), verifier, key.address())
    }

    #[test]
    fn signature_is_bound_to_the_domain() {
        let (signed, verifier, address) = signed();
        assert_eq!(verifier.signer(&signed), Ok(address));
        let elsewhere = Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO });
        assert_ne!(elsewhere.signer(&signed), Ok(address));
    }

    #[test]
    fn trailing_and_missing_bytes_are_refused() {
        let (signed, ..) = signed();
        let bytes = signed.encode();
        assert_eq!(SignedReceipt::decode(&bytes), Ok(signed));
        let mut longer = bytes.to_vec();
        longer.push(0);
        assert_eq!(
            SignedReceipt::decode(&longer),
            Err(DecodeError::Length { got: 279, expected: 278 })
        );
        assert!(SignedReceipt::decode(&bytes[..277]).is_err());
        assert!(SignedReceipt::decode(&[]).is_err());
    }

    #[test]
    fn an_unknown_role_is_refused() {
        let (signed, ..) = signed();
        let mut bytes = signed.encode();
        bytes[88] = 3;
        assert!(matches!(SignedReceipt::decode(&bytes), Err(DecodeError::Role(_))));
    }
}
