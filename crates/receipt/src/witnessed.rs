//! A signed receipt with the contents beside it: how receipts travel between clients, relays and aggregators.
//!
//! Bytes: the signed receipt's 278, then a line of 100 for each chain ([`Contents`]). A receipt without lines is as good for pay.
//!
//! Invariant: lines that were decoded are those that the receipt commits to.

use crate::contents::ContentsError;
use crate::signed::SIGNED_RECEIPT_BYTES;
use crate::{Contents, DecodeError, SignedReceipt};

/// A signed receipt, and what its `contents` commits to if that came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// The receipt.
    pub signed: SignedReceipt,
    /// What it commits to; empty if nothing came with it.
    pub contents: Contents,
}

impl From<SignedReceipt> for Witnessed {
    fn from(signed: SignedReceipt) -> Self {
        Self { signed, contents: Contents::default() }
    }
}

impl Witnessed {
    /// The receipt with these lines beside it.
    ///
    /// # Errors
    /// [`ContentsError::Other`] if it commits to others.
    pub fn new(signed: SignedReceipt, contents: Contents) -> Result<Self, ContentsError> {
        let (stated, got) = (signed.receipt.contents, contents.root());
        if contents.is_empty() || stated == got {
            Ok(Self { signed, contents })
        } else {
            Err(ContentsError::Other { stated, got })
        }
    }

    /// Its bytes.
    pub fn encode(&self) -> Vec<u8> {
        [self.signed.encode().as_slice(), &self.contents.encode()].concat()
    }

    /// The receipt and the lines that these bytes stand for.
    ///
    /// # Errors
    /// [`DecodeError`] says what is wrong with them.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let split = bytes.split_at_checked(SIGNED_RECEIPT_BYTES);
        let (signed, lines) = split.unwrap_or((bytes, &[]));
        let signed = SignedReceipt::decode(signed)?;
        let contents = Contents::decode(lines).map_err(DecodeError::Contents)?;
        Self::new(signed, contents).map_err(DecodeError::Contents)
    }
}

#[cfg(test)]
mod tests {
    use tatum_primitives::{Address, B256};

    use super::*;
    use crate::{ContentsLine, DeliveryReceipt, Signature};

    fn contents(brought: u64) -> Contents {
        let (publisher, id) = (Address::ZERO, B256::ZERO);
        let (chain, number, span, held, due) = (7, 9, 10, 10, 10);
        let line = ContentsLine { publisher, chain, number, id, span, held, due, brought };
        Contents::new(vec![line]).unwrap()
    }

    fn signed(contents: &Contents) -> SignedReceipt {
        let receipt = DeliveryReceipt { contents: contents.root(), ..DeliveryReceipt::default() };
        SignedReceipt { receipt, signature: Signature([3; 65]) }
    }

    #[test]
    fn only_the_lines_that_a_receipt_commits_to_stand_beside_it() {
        let (ours, others) = (contents(10), contents(9));
        let witnessed = Witnessed::new(signed(&ours), ours).unwrap();
        assert_eq!(Witnessed::decode(&witnessed.encode()), Ok(witnessed.clone()));
        let swapped = [witnessed.signed.encode().as_slice(), &others.encode()].concat();
        assert!(matches!(
            Witnessed::decode(&swapped),
            Err(DecodeError::Contents(ContentsError::Other { .. }))
        ));
        // Without lines it is the same receipt.
        let bare = Witnessed::decode(&witnessed.signed.encode()).unwrap();
        assert_eq!(bare, Witnessed::from(witnessed.signed));
    }

    #[test]
    fn bytes_behind_the_last_line_and_cut_receipts_are_refused() {
        let witnessed = Witnessed::new(signed(&contents(10)), contents(10)).unwrap();
        let mut trailing = witnessed.encode();
        trailing.push(0);
        assert!(Witnessed::decode(&trailing).is_err());
        assert!(Witnessed::decode(&witnessed.encode()[..277]).is_err());
        assert!(Witnessed::decode(&[]).is_err());
    }
}
