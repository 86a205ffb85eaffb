//! Receipts on their way to an aggregator, and its answers.
//!
//! A batch, `application/vnd.tatum.receipts`: one version byte, then any number of elements with nothing between or after them. An
//! element is the number of lines beside its receipt (one byte), the signed receipt ([`SIGNED_RECEIPT_BYTES`], see `docs/receipts.md`)
//! and so many lines of [`LINE_BYTES`]. The answer is a JSON array with one [`Answer`] for each receipt, in the order of the batch.
//!
//! Invariant: a batch has one spelling, and no more elements than its reader allows are looked at; bytes that are no receipt do not
//! spoil their neighbours, except in the batch's length, which would leave no place to go on from.

use serde::{Deserialize, Deserializer, Serialize};
use tatum_primitives::B256;
use tatum_receipt::{
    DecodeError, DeliveryReceipt, LINE_BYTES, MAX_LINES, Rejection, SIGNED_RECEIPT_BYTES, Witnessed,
};

/// The media type of a batch.
pub const RECEIPTS: &str = "application/vnd.tatum.receipts";
/// A batch's version byte.
pub const VERSION: u8 = 2;

/// A receipt as read from a batch, with what lies beside it, or what cannot be one.
pub type Element = Result<Witnessed, NoReceipt>;

/// An element of a batch that is no receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoReceipt {
    /// What was sent in the receipt's place.
    pub bytes: Vec<u8>,
    /// Why it is none.
    pub error: DecodeError,
}

/// Bytes that are no batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// There is nothing.
    #[error("an empty body has no version byte")]
    Empty,
    /// It is of another version.
    #[error("version {got} of {RECEIPTS} is not known; send version {VERSION}")]
    Version {
        /// Its first byte.
        got: u8,
    },
    /// It does not end with a receipt.
    #[error(
        "{got} trailing bytes: after the version byte come whole elements, each a byte with its number of lines (at most {MAX_LINES}), a receipt of {SIGNED_RECEIPT_BYTES} bytes and the lines of {LINE_BYTES} bytes"
    )]
    Trailing {
        /// Bytes behind the last whole element.
        got: usize,
    },
    /// It has more receipts than may come at once.
    #[error("{got} receipts at once or more; at most {most} are taken")]
    TooMany {
        /// Receipts given, as far as they were counted.
        got: usize,
        /// How many may come.
        most: usize,
    },
}

/// Writes a batch of receipts, with what lies beside them or without.
#[must_use]
pub fn encode<R: Clone + Into<Witnessed>>(receipts: &[R]) -> Vec<u8> {
    let size_bytes = receipts.len().saturating_mul(SIGNED_RECEIPT_BYTES).saturating_add(1);
    let mut bytes = Vec::with_capacity(size_bytes);
    bytes.push(VERSION);
    for receipt in receipts {
        encode_element(&receipt.clone().into(), &mut bytes);
    }
    bytes
}

/// Appends one element of a batch.
pub fn encode_element(receipt: &Witnessed, batch: &mut Vec<u8>) {
    // There are no contents with more lines than a byte counts.
    batch.push(u8::try_from(receipt.contents.lines().len()).unwrap_or_default());
    batch.extend_from_slice(&receipt.encode());
}

/// Reads a batch of at most `most` receipts.
///
/// # Errors
/// If the bytes are no batch. What is wrong with a single receipt is said in its place.
pub fn decode(bytes: &[u8], most: usize) -> Result<Vec<Element>, BatchError> {
    let (version, receipts) = bytes.split_first().ok_or(BatchError::Empty)?;
    if *version != VERSION {
        return Err(BatchError::Version { got: *version });
    }
    let (mut rest, mut elements) = (receipts, Vec::new());
    while !rest.is_empty() {
        let (element, behind) = split(rest).ok_or(BatchError::Trailing { got: rest.len() })?;
        if elements.len() >= most {
            return Err(BatchError::TooMany { got: most.saturating_add(1), most });
        }
        elements.push(read_element(element));
        rest = behind;
    }
    Ok(elements)
}

/// The bytes of the first element behind its count, and those behind it.
fn split(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (lines, rest) = rest.split_first()?;
    let lines = usize::from(*lines);
    if lines > MAX_LINES {
        return None;
    }
    rest.split_at_checked(lines.checked_mul(LINE_BYTES)?.checked_add(SIGNED_RECEIPT_BYTES)?)
}

fn read_element(bytes: &[u8]) -> Element {
    Witnessed::decode(bytes).map_err(|error| {
        let receipt = bytes.get(..SIGNED_RECEIPT_BYTES).unwrap_or(bytes);
        NoReceipt { bytes: receipt.to_vec(), error }
    })
}

/// What became of one receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Answer {
    /// It ranks highest of its key and is on disk.
    Accepted,
    /// One of its key that ranks higher is on disk; nothing changed.
    Superseded,
    /// It is on disk already; nothing changed.
    Duplicate,
    /// A channel pays it, so no epoch does: it is on disk as evidence of delivery, or one of its key that ranks higher is.
    Evidence,
    /// It does not count; nothing changed.
    Rejected {
        /// Why, for machines. None if it is a reason that the reader does not know: of an aggregator that is newer.
        #[serde(default, deserialize_with = "if_known")]
        reason: Option<Rejection>,
        /// Why, for people.
        message: String,
    },
}

impl Answer {
    /// A receipt does not count, because of `reason`.
    #[must_use]
    pub fn rejected(reason: Rejection) -> Self {
        Self::Rejected { message: reason.to_string(), reason: Some(reason) }
    }

    /// Why the receipt does not count, with the reason's code; nothing if it does, or one of its key that ranks higher.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Accepted | Self::Superseded | Self::Duplicate | Self::Evidence => None,
            Self::Rejected { reason, message } => {
                let code = reason.as_ref().map_or("unknown", Rejection::code);
                Some(format!("{code}: {message}"))
            }
        }
    }

    /// Whether the receipt need not be handed in again: it counts, or one that ranks higher does, or no later block can make it count.
    /// A reason that is not known may be such that one can.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Self::Accepted | Self::Superseded | Self::Duplicate | Self::Evidence => true,
            Self::Rejected { reason, .. } => {
                reason.as_ref().is_some_and(|reason| !reason.may_pass())
            }
        }
    }

    /// Whether `receipt`, which was answered so, need not be handed in again. One that a channel pays is evidence alone: it is handed
    /// in once, for nothing is lost that was worth a second try.
    #[must_use]
    pub fn settles(&self, receipt: &DeliveryReceipt) -> bool {
        self.is_final() || receipt.channel != B256::ZERO
    }
}

/// A reason, if it is one of those that this code knows.
fn if_known<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Rejection>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Reason {
        Known(Rejection),
        Other(serde::de::IgnoredAny),
    }
    Ok(match Reason::deserialize(from)? {
        Reason::Known(reason) => Some(reason),
        Reason::Other(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tatum_receipt::{Contents, ContentsLine, Signature, SignedReceipt};

    use super::*;

    fn receipt() -> SignedReceipt {
        SignedReceipt { receipt: DeliveryReceipt::default(), signature: Signature([3; 65]) }
    }

    #[test]
    fn a_batch_gives_the_receipts_back() {
        let receipts = vec![receipt(), receipt()];
        let expected: Vec<Element> = receipts.iter().cloned().map(|r| Ok(r.into())).collect();
        assert_eq!(decode(&encode(&receipts), 2), Ok(expected));
        assert_eq!(decode(&encode::<Witnessed>(&[]), 0), Ok(Vec::new()));
    }

    #[test]
    fn what_lies_beside_a_receipt_comes_with_it_and_spoils_no_other() {
        let line = ContentsLine {
            publisher: Default::default(),
            chain: 1,
            number: 9,
            id: Default::default(),
            span: 5,
            held: 5,
            due: 4,
            brought: 3,
        };
        let contents = Contents::new(vec![line]).unwrap();
        let mut stated = receipt();
        stated.receipt.contents = contents.root();
        let witnessed = Witnessed::new(stated, contents).unwrap();
        let mut bytes = encode(&[witnessed.clone(), receipt().into()]);
        assert_eq!(decode(&bytes, 2).unwrap(), [Ok(witnessed), Ok(receipt().into())]);
        // Another figure than the one that was signed for.
        bytes[1 + 1 + SIGNED_RECEIPT_BYTES + LINE_BYTES - 1] = 2;
        let elements = decode(&bytes, 2).unwrap();
        assert!(matches!(&elements[0], Err(NoReceipt { error: DecodeError::Contents(_), .. })));
        assert_eq!(elements[1], Ok(receipt().into()));
        bytes[1] = u8::try_from(MAX_LINES).unwrap() + 1;
        assert!(matches!(decode(&bytes, 2), Err(BatchError::Trailing { .. })));
    }

    #[test]
    fn a_batch_has_no_other_length_version_or_count() {
        let mut bytes = encode(&[receipt()]);
        bytes.push(0);
        assert_eq!(decode(&bytes, 9), Err(BatchError::Trailing { got: 1 }));
        bytes.truncate(1 + SIGNED_RECEIPT_BYTES);
        assert!(matches!(decode(&bytes, 9), Err(BatchError::Trailing { .. })));
        assert_eq!(decode(&[1], 9), Err(BatchError::Version { got: 1 }));
        assert_eq!(decode(&[], 9), Err(BatchError::Empty));
        let two = encode(&[receipt(), receipt()]);
        assert_eq!(decode(&two, 1), Err(BatchError::TooMany { got: 2, most: 1 }));
    }

    #[test]
    fn one_malformed_receipt_stands_alone() {
        let mut bytes = encode(&[receipt(), receipt()]);
        // The role of the first.
        bytes[2 + 88] = 9;
        let elements = decode(&bytes, 2).unwrap();
        let no_receipt = elements[0].clone().unwrap_err();
        assert_eq!(no_receipt.bytes, &bytes[2..2 + SIGNED_RECEIPT_BYTES]);
        assert!(matches!(no_receipt.error, DecodeError::Role(_)));
        assert_eq!(elements[1], Ok(receipt().into()));
    }

    #[test]
    fn only_what_no_block_can_lift_is_final() {
        let epoch = tatum_primitives::Epoch(1);
        let future = Rejection::FutureEpoch { got: epoch.next(), running: epoch };
        let past = Rejection::PastEpoch { got: epoch, earliest_open: epoch.next() };
        assert!(Answer::Superseded.is_final());
        let in_channel =
            DeliveryReceipt { channel: B256::repeat_byte(1), ..DeliveryReceipt::default() };
        let passing =
            Answer::rejected(Rejection::OtherChannel { got: in_channel.channel, open: B256::ZERO });
        assert!(passing.settles(&in_channel) && !passing.settles(&DeliveryReceipt::default()));
        assert!(Answer::rejected(past).is_final());
        assert!(!Answer::rejected(future).is_final());
    }

    #[test]
    fn a_reason_of_a_newer_aggregator_spoils_no_other_answer() {
        let text = r#"[{"outcome":"accepted"},{"outcome":"rejected","reason":{"code":"new"},"message":"so"}]"#;
        let answers: Vec<Answer> = serde_json::from_str(text).unwrap();
        let unknown = Answer::Rejected { reason: None, message: "so".to_owned() };
        assert!(!unknown.is_final());
        assert_eq!(answers, [Answer::Accepted, unknown]);
    }

    proptest! {
        #[test]
        fn what_is_read_as_a_batch_is_written_as_the_same_bytes(
            bytes in prop::collection::vec(any::<u8>(), 0..1200),
        ) {
            let bytes = [&[VERSION], bytes.as_slice()].concat();
            if let Ok(elements) = decode(&bytes, 4) {
                let receipts: Result<Vec<_>, _> = elements.into_iter().collect();
                if let Ok(receipts) = receipts {
                    prop_assert_eq!(encode(&receipts), bytes);
                }
            }
        }
    }
}
