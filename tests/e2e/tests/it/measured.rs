//! What simulations and measurements print is what `docs/cli.json` says of it: they need no chain, so no other test looks.

use serde_json::Value;
use tatum_test_utils::tatum_binary;
use tatum_test_utils::testnet::json;
use tokio::process::Command;

#[tokio::test]
async fn every_measure_prints_what_its_schema_says() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let put = folder.path().display().to_string();
    for words in [
        "simulate network --nodes 32 --messages 5",
        "simulate economy --scenario controller --epochs 120 --runs 1",
        "bench outbox --receipts 500",
        "bench ingest --receipts 500",
        "bench rollup --payers 50 --operators 10",
        "bench channel --receipts 100",
        "bench relay --messages 500 --steady-s 1",
    ] {
        let mut command = Command::new(tatum_binary()?);
        command.args(words.split(' '));
        if words.starts_with("bench") && !words.starts_with("bench channel") {
            command.args(["--folder", &put]);
        }
        let printed: Value = json(command).await?;
        anyhow::ensure!(printed.is_object() || printed.is_array(), "{words}: {printed}");
    }
    Ok(())
}
