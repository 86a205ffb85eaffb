//! `/v1/epochs/{epoch}/overages[/{payer}]`: which payers signed for more than their quotas, and the lines that show it.
//!
//! Invariant: quotas and units are decimal text. What they come to is the chain's word, so it does not stand here; the gap opens under
//! the list, which the chain knows once it is final.

use serde::{Deserialize, Serialize};
use tatum_merkle::{Gap, ListCommitment};
use tatum_primitives::{Address, Epoch, U256};

/// A payer that signed for more than its quota and the tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverageLine {
    /// Who.
    pub payer: Address,
    /// The bytes that its stake allowed in the epoch.
    #[serde(with = "tatum_primitives::decimal")]
    pub quota_bytes: U256,
    /// The bytes on time that all its receipts state.
    #[serde(with = "tatum_primitives::decimal")]
    pub units: U256,
}

/// Some of them, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OveragePage {
    /// The epoch.
    pub epoch: Epoch,
    /// The list of receipts that says so.
    pub receipts: ListCommitment,
    /// The payers.
    pub overages: Vec<OverageLine>,
    /// Ask on by `after` with this, if there are more.
    pub next: Option<Address>,
}

/// What `Overage.file` takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverageProof {
    /// The epoch.
    pub epoch: Epoch,
    /// Whose.
    pub payer: Address,
    /// The list of receipts.
    pub receipts: ListCommitment,
    /// The place behind the payer's last line.
    pub behind: Gap,
}

#[cfg(test)]
mod tests {
    use tatum_merkle::Opening;
    use tatum_primitives::B256;

    use super::*;

    #[test]
    fn a_page_and_a_proof_have_these_bytes() {
        let payer = Address::repeat_byte(1);
        let receipts = ListCommitment { top: B256::repeat_byte(2), count: 3 };
        let (quota_bytes, units) = (U256::from(5), U256::MAX);
        let line = OverageLine { payer, quota_bytes, units };
        let epoch = Epoch(7);
        let page = OveragePage { epoch, receipts, overages: vec![line], next: Some(payer) };
        let left = Opening { leaf: vec![1, 2], path: vec![B256::repeat_byte(4)] };
        let behind = Gap { place: 3, left: Some(left), right: None };
        let proof = OverageProof { epoch, payer, receipts, behind };
        let (one, two, four) = ("01".repeat(20), "02".repeat(32), "04".repeat(32));
        let list = format!(r#"{{"top":"0x{two}","count":3}}"#);
        let most = U256::MAX;
        assert_eq!(
            serde_json::to_string(&page).unwrap(),
            format!(
                r#"{{"epoch":7,"receipts":{list},"overages":[{{"payer":"0x{one}","quota_bytes":"5","units":"{most}"}}],"next":"0x{one}"}}"#
            )
        );
        assert_eq!(
            serde_json::to_string(&proof).unwrap(),
            format!(
                r#"{{"epoch":7,"payer":"0x{one}","receipts":{list},"behind":{{"place":3,"left":{{"leaf":"0x0102","path":["0x{four}"]}},"right":null}}}}"#
            )
        );
        let read: OverageProof =
            serde_json::from_str(&serde_json::to_string(&proof).unwrap()).unwrap();
        assert_eq!(read, proof);
    }
}
