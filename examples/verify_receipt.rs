//! Verifies a receipt: who signed these bytes, and whether they pass every rule.
//!
//! `cargo run --release -p tatum-examples --example verify_receipt`

use anyhow::{Context, ensure};
use tatum_primitives::{Address, B256, Domain, Epoch, NodeId, OperatorId};
use tatum_receipt::checks::{self, ChainFacts, EpochWindow};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};

/// What the chain would say: node 7 works for operator 0, and everybody has a stake for a megabyte.
struct Chain;

impl ChainFacts for Chain {
    fn operator_of_node(&self, node: NodeId, _: Epoch) -> Option<OperatorId> {
        (node == NodeId(B256::repeat_byte(7))).then_some(OperatorId(0))
    }

    fn is_bonded(&self, operator: OperatorId, _: Epoch) -> bool {
        operator == OperatorId(0)
    }

    fn quota_bytes(&self, _: Address, _: Epoch) -> Option<u64> {
        Some(1 << 20)
    }

    fn is_session_key(&self, _: Address, _: Address, _: Epoch) -> bool {
        false
    }
}

fn main() -> anyhow::Result<()> {
    // A deployment, and a payer that says: operator 0 delivered four messages of 100 bytes to me.
    let verifier = Verifier::new(Domain { chain_id: 31_337, stake_pool: Address::repeat_byte(1) });
    let payer = SessionKey::from_bytes(&[1; 32])?;
    let receipt = DeliveryReceipt {
        payer: payer.address(),
        operator_id: OperatorId(0),
        node: NodeId(B256::repeat_byte(7)),
        epoch: Epoch(5),
        sequence: 1,
        messages: 4,
        bytes: 400,
        ..DeliveryReceipt::default()
    };
    let bytes = SignedReceipt::sign(receipt, &payer, &verifier).encode();

    // Whoever gets the bytes needs nothing else but the deployment and the chain.
    let received = SignedReceipt::decode(&bytes).context("no receipt has these bytes")?;
    println!("{} bytes, signed by {}", bytes.len(), verifier.signer(&received)?);
    checks::check(&received, &verifier, EpochWindow::only(Epoch(5)), &Chain)?;
    println!("it passes every rule");

    let late = checks::check(&received, &verifier, EpochWindow::only(Epoch(6)), &Chain);
    println!("an epoch later: {}", late.err().context("a late receipt passed")?);

    let mut changed = received;
    changed.receipt.bytes += 1;
    let changed = checks::check(&changed, &verifier, EpochWindow::only(Epoch(5)), &Chain);
    ensure!(changed.is_err(), "a changed receipt passed");
    println!("one byte more: nobody that may sign for this payer did");
    Ok(())
}
