//! The audit of a receipt: from its proof file alone, and then against the chain.
//!
//! Invariant: a file with one byte changed fails, and the report names the check.

use serde::{Deserialize, Serialize};
use tatum_chain::{Chain, Fate};
use tatum_dataset::{ReceiptProof, ReceiptProofError};
use tatum_primitives::{Address, B256};
use tatum_receipt::DeliveryReceipt;

use super::report::differs;
use super::{AuditError, Check};

/// What the audit of a receipt found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptReport {
    /// Whether everything holds.
    pub ok: bool,
    /// Everything that was looked at; after the first that does not hold, nothing more is.
    pub checks: Vec<Check>,
    /// What the file states, if it can be read. True only as far as the checks hold.
    pub stated: Option<Stated>,
}

/// What a proof file states.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stated {
    /// Who signed.
    pub signer: Address,
    /// What.
    pub receipt: DeliveryReceipt,
    /// The hash of receipt and signature.
    pub leaf: B256,
    /// The epoch's list of receipts in one word.
    pub receipts_root: B256,
    /// The hash of the epoch's manifest.
    pub manifest_hash: B256,
}

/// The checks of a proof file, in their order.
const CHECKS: [&str; 6] =
    ["format", "signature", "leaf", "inclusion", "manifest", "acknowledgement"];

/// Audits a proof file, offline.
pub fn receipt(file: &[u8]) -> ReceiptReport {
    let proof = match ReceiptProof::decode(file) {
        Ok(proof) => proof,
        Err(error) => return ReceiptReport { ok: false, checks: up_to(&error), stated: None },
    };
    let stated = Some(Stated {
        signer: proof.signer,
        receipt: proof.receipt.clone(),
        leaf: proof.leaf,
        receipts_root: proof.manifest.results.receipts_root(),
        manifest_hash: proof.manifest_hash,
    });
    match proof.verify() {
        Ok(_) => ReceiptReport { ok: true, checks: all(&proof), stated },
        Err(error) => ReceiptReport { ok: false, checks: up_to(&error), stated },
    }
}

/// What each check of a good proof shows.
fn all(proof: &ReceiptProof) -> Vec<Check> {
    let (receipt, place) = (&proof.receipt, &proof.place);
    let receipts = proof.manifest.results.receipts;
    let whose = if proof.signer == receipt.payer { "the payer's own key" } else { "a session key" };
    let acknowledged = match proof.acknowledgement {
        Some(_) => format!("node {} acknowledged it", receipt.node),
        None => "the file has none".to_owned(),
    };
    let details = [
        "a receipt proof in its one spelling".to_owned(),
        format!("signed by {} ({whose}) for payer {}", proof.signer, receipt.payer),
        format!("the receipt hashes to {}", proof.leaf),
        format!("receipt {} of the {} in the epoch's list", place.index, receipts.count),
        format!("of the dataset {} of epoch {}", proof.manifest_hash, receipt.epoch),
        acknowledged,
    ];
    CHECKS.iter().zip(details).map(|(name, detail)| Check::passed(name, detail)).collect()
}

/// The checks that held before `error`, and the one that did not.
fn up_to(error: &ReceiptProofError) -> Vec<Check> {
    let failing = match error {
        ReceiptProofError::Signature(_) | ReceiptProofError::Signer { .. } => "signature",
        ReceiptProofError::Leaf { .. } => "leaf",
        ReceiptProofError::Inclusion(_) => "inclusion",
        ReceiptProofError::Manifest { .. } | ReceiptProofError::ManifestField(_) => "manifest",
        ReceiptProofError::AcknowledgedOther | ReceiptProofError::Acknowledgement(_) => {
            "acknowledgement"
        }
        ReceiptProofError::Format(_) | ReceiptProofError::NotCanonical => "format",
    };
    let before = CHECKS.into_iter().take_while(|name| *name != failing);
    let mut checks: Vec<Check> = before.map(|name| Check::passed(name, "holds")).collect();
    checks.push(Check::failed(failing, error.to_string()));
    checks
}

/// Adds what the chain says to a report that holds offline: that the manifest is the committed one, and the key authorised.
pub async fn receipt_on_chain(report: &mut ReceiptReport, chain: &Chain) -> Result<(), AuditError> {
    let Some(stated) = report.stated.clone().filter(|_| report.ok) else { return Ok(()) };
    let (epoch, payer) = (stated.receipt.epoch, stated.receipt.payer);
    let found = super::proposals(chain, epoch).await?;
    let stated_one = found.iter().find(|(p, _)| p.draft.manifest_hash == stated.manifest_hash);
    let (proposal, fate) = stated_one.or(found.first()).ok_or(AuditError::NotProposed { epoch })?;
    let stage = if *fate == Fate::Final { "final" } else { "proposed" };
    let draft = &proposal.draft;
    let differences = [
        differs("the manifest's hash", stated.manifest_hash, draft.manifest_hash),
        differs("the list of receipts", stated.receipts_root, draft.receipts.word()),
    ];
    let differences: Vec<String> = differences.into_iter().flatten().collect();
    report.checks.push(if differences.is_empty() {
        Check::passed("commitment", format!("the dataset is the one committed on chain, {stage}"))
    } else {
        Check::failed("commitment", differences.join("; "))
    });
    let authorized =
        stated.signer == payer || chain.is_authorized(payer, stated.signer, epoch).await?;
    report.checks.push(if authorized {
        Check::passed(
            "authorisation",
            format!("{} may sign for {payer} in epoch {epoch}", stated.signer),
        )
    } else {
        Check::failed(
            "authorisation",
            format!("{} may not sign for {payer} in epoch {epoch}", stated.signer),
        )
    });
    report.ok = report.checks.iter().all(|check| check.ok);
    Ok(())
}
