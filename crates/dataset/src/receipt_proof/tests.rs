//! A proof with anything changed is refused, and says by which check.

use ed25519_dalek::SigningKey;
use tatum_primitives::NodeId;
use tatum_receipt::StoredReceipt;
use tempfile::TempDir;

use super::*;
use crate::scene::{data, receipt, sign, verifier};
use crate::{Dataset, Error, ReceiptProver, Written, write};

fn node() -> SigningKey {
    SigningKey::from_bytes(&[8; 32])
}

/// A receipt of a real node, signed by a session key and acknowledged, in a dataset with others.
fn proven() -> (ReceiptProof, Written) {
    let mut data = data();
    let mut stated = receipt(2, 1, 5, 3);
    stated.node = NodeId(B256::from(node().verifying_key().to_bytes()));
    let signed = sign(stated);
    data.receipts.push(signed.clone());
    let parent = TempDir::new().unwrap();
    let written = write(parent.path(), data).unwrap();
    let prover = ReceiptProver::new(Dataset::open(&written.folder).unwrap()).unwrap();
    let acknowledgement = verifier().acknowledge(&node(), &StoredReceipt::written(&signed));
    (prover.prove(signed.leaf(), Some(acknowledgement)).unwrap(), written)
}

#[test]
fn a_counted_receipt_is_proven_from_its_proof_alone() {
    let (proof, _) = proven();
    let read = ReceiptProof::decode(&proof.encode().unwrap()).unwrap();
    assert_eq!(read, proof);
    let shown = read.verify().unwrap();
    assert_eq!(shown.signer, crate::scene::key(12).address());
    assert!(shown.delegated && shown.acknowledged);
}

#[test]
fn a_proof_with_any_byte_changed_is_refused() {
    let bytes = proven().0.encode().unwrap();
    for at in 0..bytes.len() {
        for turned in [1, 0x20] {
            let mut changed = bytes.clone();
            changed[at] ^= turned;
            let refused = ReceiptProof::decode(&changed).and_then(|proof| proof.verify());
            assert!(refused.is_err(), "byte {at} ^ {turned}");
        }
    }
}

#[test]
fn each_check_names_itself() {
    type Change = fn(&mut ReceiptProof);
    let changes: [(&str, Change); 15] = [
        ("signer:", |proof| proof.receipt.bytes += 1),
        ("signer:", |proof| proof.domain.chain_id += 1),
        ("signature:", |proof| proof.signature.0[64] = 0),
        ("leaf:", |proof| proof.leaf.0[0] ^= 1),
        ("inclusion:", |proof| proof.place.path[0].0[0] ^= 1),
        ("inclusion:", |proof| proof.place.index ^= 1),
        ("inclusion:", |proof| proof.place.edge_units += 1),
        ("inclusion:", |proof| proof.place.payer_units += 1),
        ("inclusion:", |proof| proof.place.source -= 1),
        ("inclusion:", |proof| proof.manifest.results.receipts.top.0[0] ^= 1),
        ("manifest:", |proof| proof.manifest.parameters.grace_ms += 1),
        ("manifest:", |proof| proof.manifest_hash.0[0] ^= 1),
        ("manifest: its domain", |proof| {
            proof.manifest.parameters.chain_id += 1;
            proof.manifest_hash = proof.manifest.hash().unwrap();
        }),
        ("acknowledgement: it is of", |proof| {
            proof.acknowledgement.as_mut().unwrap().digest = B256::ZERO;
        }),
        ("acknowledgement: not", |proof| {
            proof.acknowledgement.as_mut().unwrap().signature[0].0[0] ^= 1;
        }),
    ];
    let (good, _) = proven();
    for (check, change) in changes {
        let mut proof = good.clone();
        change(&mut proof);
        let refused = proof.verify().unwrap_err().to_string();
        assert!(refused.starts_with(check), "{check}: {refused}");
    }
}

#[test]
fn an_uncounted_receipt_has_no_proof() {
    let parent = TempDir::new().unwrap();
    let written = write(parent.path(), data()).unwrap();
    let prover = ReceiptProver::new(Dataset::open(&written.folder).unwrap()).unwrap();
    let older = prover.prove(sign(receipt(1, 0, 1, 2)).leaf(), None);
    assert!(matches!(older, Err(Error::NoSuchReceipt(_))));
}
