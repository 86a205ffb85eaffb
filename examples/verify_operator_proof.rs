//! Verifies an operator's proof as an aggregator serves it (`/v1/epochs/{e}/operators/{id}`) against the root on chain.
//!
//! `cargo run --release -p tatum-examples --example verify_operator_proof`

use anyhow::{Context, ensure};
use tatum_merkle::{Entry, SumTree};
use tatum_primitives::{Address, B256, Epoch, Nano, OperatorId};
use tatum_protocol::OperatorProof;

fn main() -> anyhow::Result<()> {
    // What an aggregator has: everybody's amounts. Here three operators.
    let entry = |id: u32| Entry {
        operator_id: OperatorId(id),
        payout: Address::repeat_byte(0xa0),
        cumulative_nano: Nano(1_000 * u64::from(id)),
    };
    let tree = SumTree::build((0..3).map(entry).collect())?;
    let served = OperatorProof::new(&tree, Epoch(3), B256::repeat_byte(9), OperatorId(2))?;
    let json = serde_json::to_string_pretty(&served)?;

    // What an operator has: that text, and the root that `Distributor` names.
    let root_on_chain = tree.root();
    let proof: OperatorProof = serde_json::from_str(&json).context("no proof")?;
    ensure!(proof.root == root_on_chain, "it is a proof for another distribution");
    proof.verify()?;
    println!("operator {} is promised {} nano in all", proof.operator_id, proof.cumulative_nano.0);

    let greedy = OperatorProof { cumulative_nano: Nano(2_001), ..proof };
    println!("one nano more: {}", greedy.verify().err().context("a wrong proof holds")?);
    Ok(())
}
