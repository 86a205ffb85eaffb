//! The two ways to write down a batch of receipts, and the answers to them.
//!
//! The compact form, `application/vnd.tatum.receipts`: one version byte (1), then any number of signed receipts of 278
//! bytes each (see `docs/architecture.md`, Receipts) with nothing between or after them.
//!
//! Invariant: one malformed element does not spoil its neighbours, except in the compact form's length, which would
//! leave no place to go on from.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tatum_database::{Outcome, Refused};
use tatum_receipt::{Rejection, SIGNED_RECEIPT_BYTES, SignedReceipt};

use crate::http::ApiError;

/// The media type of the compact form.
pub const COMPACT: &str = "application/vnd.tatum.receipts";
/// The compact form's version byte.
pub const COMPACT_VERSION: u8 = 1;

/// A receipt as read, or what cannot be one.
pub type Element = Result<SignedReceipt, Refused>;

/// What became of one receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// What became of it.
    pub outcome: AnswerOutcome,
    /// Why it was rejected, for machines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Rejection>,
    /// Why it was rejected, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The kinds of [`Answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerOutcome {
    /// It ranks highest of its key and is on disk.
    Accepted,
    /// One of its key that ranks higher is on disk; nothing changed.
    Superseded,
    /// It is on disk already; nothing changed.
    Duplicate,
    /// It does not count; nothing changed.
    Rejected,
}

impl From<Outcome> for Answer {
    fn from(outcome: Outcome) -> Self {
        let plain = |outcome| Self { outcome, reason: None, message: None };
        match outcome {
            Outcome::Accepted => plain(AnswerOutcome::Accepted),
            Outcome::Superseded => plain(AnswerOutcome::Superseded),
            Outcome::Duplicate => plain(AnswerOutcome::Duplicate),
            Outcome::Rejected(reason) => Self {
                outcome: AnswerOutcome::Rejected,
                message: Some(reason.to_string()),
                reason: Some(reason),
            },
        }
    }
}

/// Writes a batch in the compact form.
pub fn encode_compact(receipts: &[SignedReceipt]) -> Vec<u8> {
    let mut bytes = vec![COMPACT_VERSION];
    bytes.extend(receipts.iter().flat_map(SignedReceipt::encode));
    bytes
}

/// Reads a batch in the compact form.
pub(crate) fn read_compact(bytes: &[u8]) -> Result<Vec<Element>, ApiError> {
    let Some((version, receipts)) = bytes.split_first() else {
        return Err(ApiError::BadRequest("an empty body has no version byte".to_owned()));
    };
    if *version != COMPACT_VERSION {
        let message =
            format!("version {version} of {COMPACT} is not known; send version {COMPACT_VERSION}");
        return Err(ApiError::BadRequest(message));
    }
    let (receipts, rest) = receipts.as_chunks::<SIGNED_RECEIPT_BYTES>();
    if !rest.is_empty() {
        let got = rest.len();
        return Err(ApiError::BadRequest(format!(
            "{got} trailing bytes: after the version byte come whole receipts of {SIGNED_RECEIPT_BYTES} bytes"
        )));
    }
    Ok(receipts.iter().map(|bytes| element(bytes)).collect())
}

fn element(bytes: &[u8]) -> Element {
    SignedReceipt::decode(bytes).map_err(|error| Refused {
        bytes: bytes.to_vec(),
        payer: None,
        epoch: None,
        rejection: error.into(),
    })
}

/// Reads a JSON array of receipts, or a single one.
pub(crate) fn read_json(bytes: &[u8]) -> Result<Vec<Element>, ApiError> {
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| ApiError::BadRequest(format!("the body is not JSON: {error}")))?;
    match value {
        Value::Array(elements) => Ok(elements.into_iter().map(json_element).collect()),
        Value::Object(_) => Ok(vec![json_element(value)]),
        _ => Err(ApiError::BadRequest("send an array of signed receipts".to_owned())),
    }
}

fn json_element(value: Value) -> Element {
    SignedReceipt::deserialize(&value).map_err(|error| Refused {
        bytes: value.to_string().into_bytes(),
        payer: None,
        epoch: None,
        rejection: Rejection::Malformed { detail: error.to_string() },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_receipt::{DeliveryReceipt, Signature};

    fn receipt() -> SignedReceipt {
        SignedReceipt { receipt: DeliveryReceipt::default(), signature: Signature([3; 65]) }
    }

    #[test]
    fn both_forms_give_the_receipts_back() {
        let receipts = vec![receipt(), receipt()];
        let expected: Vec<Element> = receipts.iter().cloned().map(Ok).collect();
        assert_eq!(read_compact(&encode_compact(&receipts)).unwrap(), expected);
        assert_eq!(read_json(&serde_json::to_vec(&receipts).unwrap()).unwrap(), expected);
        assert_eq!(read_json(&serde_json::to_vec(&receipt()).unwrap()).unwrap(), expected[..1]);
        assert_eq!(read_compact(&[1]).unwrap(), []);
    }

    #[test]
    fn the_compact_form_has_no_other_length_or_version() {
        let mut bytes = encode_compact(&[receipt()]);
        bytes.push(0);
        assert!(read_compact(&bytes).unwrap_err().to_string().contains("1 trailing bytes"));
        bytes.truncate(278);
        assert!(read_compact(&bytes).is_err());
        assert!(read_compact(&[2]).is_err());
        assert!(read_compact(&[]).is_err());
    }

    #[test]
    fn one_malformed_element_stands_alone() {
        let good = serde_json::to_string(&receipt()).unwrap();
        let text = format!("[{good},{{\"receipt\":1}},7,{good}]");
        let elements = read_json(text.as_bytes()).unwrap();
        let ok: Vec<bool> = elements.iter().map(Result::is_ok).collect();
        assert_eq!(ok, [true, false, false, true]);
        assert_eq!(elements[2].as_ref().unwrap_err().rejection.code(), "malformed");
        assert!(read_json(b"[1").is_err());
        assert!(read_json(b"\"text\"").is_err());
    }
}
