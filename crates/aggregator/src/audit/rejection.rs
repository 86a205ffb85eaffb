//! The audit of a signed rejection, from its file alone.
//!
//! Invariant: what holds is what the aggregator signed: that it rejected these very bytes, for this reason, at this time.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tatum_primitives::{B256, Domain};
use tatum_receipt::{RejectionStatement, SignedReceipt, rejection_id};

use super::Check;

/// What the audit of a rejection found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectionReport {
    /// Whether everything holds.
    pub ok: bool,
    /// Everything that was looked at.
    pub checks: Vec<Check>,
    /// What is stated, if it can be read. True only as far as the checks hold.
    pub statement: Option<RejectionStatement>,
}

/// What is read of an element of `GET /v1/rejections`, or of its statement alone.
#[derive(Debug, Deserialize)]
struct Published {
    statement: RejectionStatement,
    receipt: Option<SignedReceipt>,
}

/// Audits a file with an element of `GET /v1/rejections`, or a list of them, each on its own. `signer` is the key that the
/// aggregator is known by; without it any signer will do.
pub fn rejections(file: &[u8], domain: Domain, signer: Option<B256>) -> Vec<RejectionReport> {
    let elements = match serde_json::from_slice::<Value>(file) {
        Ok(Value::Array(elements)) if !elements.is_empty() => elements,
        Ok(element) => vec![element],
        Err(error) => return vec![unreadable(&error)],
    };
    elements.iter().map(|element| rejection(element, domain, signer)).collect()
}

fn unreadable(error: &serde_json::Error) -> RejectionReport {
    let checks = vec![Check::failed("format", error.to_string())];
    RejectionReport { ok: false, checks, statement: None }
}

fn rejection(element: &Value, domain: Domain, signer: Option<B256>) -> RejectionReport {
    let published = match Published::deserialize(element) {
        Ok(published) => published,
        Err(error) => return unreadable(&error),
    };
    let Published { statement, receipt } = published;
    let mut checks = vec![Check::passed("format", "a rejection with its statement")];
    checks.push(match statement.verify(domain) {
        Ok(()) => Check::passed("signature", format!("signed by {}", statement.signer)),
        Err(error) => Check::failed("signature", error.to_string()),
    });
    match signer {
        Some(expected) if expected != statement.signer => {
            let detail = format!("the signer is {}, not {expected}", statement.signer);
            checks.push(Check::failed("signer", detail));
        }
        Some(_) => checks.push(Check::passed("signer", "the aggregator asked for")),
        None => {}
    }
    if let Some(receipt) = receipt {
        let got = rejection_id(&statement.code, &receipt.encode());
        checks.push(if got == statement.id {
            let (payer, leaf) = (receipt.receipt.payer, receipt.leaf());
            Check::passed("receipt", format!("it is about receipt {leaf} of payer {payer}"))
        } else {
            Check::failed("receipt", format!("the receipt and the reason give {got}, not the id"))
        });
    }
    let ok = checks.iter().all(|check| check.ok);
    RejectionReport { ok, checks, statement: Some(statement) }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use serde_json::json;
    use tatum_primitives::Address;
    use tatum_receipt::{DeliveryReceipt, Signature};

    use super::*;

    const DOMAIN: Domain = Domain { chain_id: 31337, stake_pool: Address::repeat_byte(7) };

    #[test]
    fn a_rejection_holds_for_its_receipt_reason_and_signer_only() {
        let key = SigningKey::from_bytes(&[5; 32]);
        let receipt =
            SignedReceipt { receipt: DeliveryReceipt::default(), signature: Signature([3; 65]) };
        let id = rejection_id("no_stake", &receipt.encode());
        let statement = RejectionStatement::sign(&key, DOMAIN, id, "no_stake", 17);
        let signer = statement.signer;
        let file = json!({ "statement": statement, "receipt": receipt, "times": 3 });
        let audit = |file: &Value, domain, signer| {
            let text = serde_json::to_vec(file).unwrap();
            rejections(&text, domain, signer)
                .into_iter()
                .map(|report| report.ok)
                .collect::<Vec<_>>()
        };
        assert_eq!(audit(&file, DOMAIN, Some(signer)), [true]);
        assert_eq!(audit(&file, DOMAIN, None), [true]);
        assert_eq!(audit(&json!([file, file]), DOMAIN, None), [true, true]);
        assert_eq!(audit(&json!({ "statement": statement }), DOMAIN, None), [true]);
        assert_eq!(audit(&file, DOMAIN, Some(B256::ZERO)), [false]);
        assert_eq!(audit(&file, Domain { chain_id: 1, ..DOMAIN }, None), [false]);
        let mut other = file.clone();
        other["receipt"]["receipt"]["sequence"] = json!(9);
        assert_eq!(audit(&other, DOMAIN, None), [false]);
        other = file;
        other["statement"]["code"] = json!("past_epoch");
        assert_eq!(audit(&other, DOMAIN, None), [false]);
        assert_eq!(audit(&json!({ "receipt": receipt }), DOMAIN, None), [false]);
        assert!(!rejections(b"[", DOMAIN, None)[0].ok);
        assert_eq!(audit(&json!([]), DOMAIN, None), [false]);
    }
}
