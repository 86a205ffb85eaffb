//! `tatum stake keep` through the real binary and a real chain: it buys what is needed, once, and never beyond its budget.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tatum_chain::Chain;
use tatum_primitives::{Epoch, U256, WEI_PER_DATA as DATA};
use tatum_receipt::SessionKey;
use tatum_test_utils::testnet as tatum;
use tatum_test_utils::{Devnet, DevnetParameters, Process};
use tokio::process::Command;

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };
/// What the documentation promises for a budget that is too small.
const DIFFERS: i32 = 3;
const RATE: [&str; 6] = ["--rate", "1000/s", "--size", "1KB", "--copies", "1"];
/// What that comes to in an epoch.
const NEEDED: u128 = 1_000 * 1_000 * 3_600;

struct Payer {
    devnet: Devnet,
    key: SessionKey,
    chain: Chain,
    folder: tempfile::TempDir,
}

impl Payer {
    async fn with(amount: u128) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
        let key = Devnet::account("payer");
        devnet.fund(key.address(), U256::from(amount * DATA)).await?;
        let chain = devnet.connect(&key).await?;
        Ok(Self { devnet, key, chain, folder })
    }

    fn keep(&self, more: &[&str]) -> anyhow::Result<Command> {
        let words = [&["stake", "keep"], RATE.as_slice(), more].concat();
        let mut command = tatum::command(&self.devnet, &words)?;
        command
            .env("TATUM_PRIVATE_KEY", tatum::hex(&self.key))
            .env("TATUM_STATE", self.folder.path());
        Ok(command)
    }

    async fn told(&self, more: &[&str]) -> anyhow::Result<Value> {
        tatum::json(self.keep(more)?).await
    }

    async fn refused(&self, more: &[&str]) -> anyhow::Result<(Option<i32>, String)> {
        let output = self.keep(more)?.output().await?;
        Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    }

    async fn stake_wei(&self) -> anyhow::Result<U256> {
        Ok(self.chain.stake_status(self.key.address()).await?.stake_wei)
    }

    /// Where what was spent is kept.
    fn budget(&self) -> anyhow::Result<std::path::PathBuf> {
        let folders =
            std::fs::read_dir(self.folder.path())?.filter_map(|entry| Some(entry.ok()?.path()));
        let found = folders.map(|folder| folder.join("budget.json")).find(|file| file.exists());
        found.ok_or_else(|| anyhow::anyhow!("nothing was kept"))
    }

    fn spent_wei(&self) -> anyhow::Result<String> {
        let kept: Value = serde_json::from_slice(&std::fs::read(self.budget()?)?)?;
        Ok(kept["spent_wei"].as_str().unwrap_or_default().to_owned())
    }

    async fn waits_for_stake(&self, least_wei: U256) -> anyhow::Result<U256> {
        loop {
            let stake_wei = self.stake_wei().await?;
            if stake_wei > least_wei {
                return Ok(stake_wei);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[tokio::test]
async fn a_stake_is_topped_up_once_to_what_is_needed_and_within_the_budget() -> anyhow::Result<()> {
    let payer = Payer::with(100_000).await?;
    let (code, told) = payer.refused(&["--budget", "90000", "--once"]).await?;
    assert!(code == Some(1) && told.contains("would stake up to 90000 DATA"), "{told}");
    let (code, told) = payer.refused(&["--budget", "0.0001", "--once", "--yes"]).await?;
    assert!(code == Some(DIFFERS) && told.contains("give a larger --budget"), "{told}");
    assert_eq!(payer.stake_wei().await?, U256::ZERO, "nothing was sent so far");

    let address = payer.key.address().to_string();
    let plan = async |more: &[&str]| -> anyhow::Result<Value> {
        let words = [&["stake", "plan", "--payer", &address], RATE.as_slice(), more].concat();
        tatum::json(tatum::command(&payer.devnet, &words)?).await
    };
    let planned = plan(&[]).await?;
    assert_eq!(planned["payer"]["missing_wei"], planned["stake_needed_wei"]);
    assert_eq!(planned["payer"]["lasts_epochs"], 0);
    let first = payer.told(&["--budget", "90000", "--once", "--yes"]).await?;
    assert_eq!(first["added_wei"], planned["stake_needed_wei"], "what was planned is added");
    let planned = plan(&["--epochs", "3"]).await?;
    assert_eq!(planned["payer"]["lasts_epochs"], 1);
    assert_ne!(planned["payer"]["missing_wei"], "0", "three epochs need more than one");
    let status = payer.chain.stake_status(payer.key.address()).await?;
    assert!(status.next_quota_bytes >= U256::from(NEEDED), "{status:?}");
    assert_eq!(first["added_wei"], status.stake_wei.to_string());
    assert_eq!(first["needed_bytes"], NEEDED.to_string());
    let again = payer.told(&["--budget", "90000", "--once", "--yes"]).await?;
    assert_eq!((again["added_wei"].as_str(), &again["transaction"]), (Some("0"), &Value::Null));
    assert_eq!(again["spent_wei"], first["added_wei"], "it is remembered over restarts");
    assert_eq!(payer.stake_wei().await?, status.stake_wei);

    std::fs::write(payer.budget()?, "{\"spent_wei\":")?;
    let (code, told) = payer.refused(&["--budget", "90000", "--once", "--yes"]).await?;
    let names_it = told.contains("budget.json does not say what was spent");
    assert!(code == Some(1) && names_it, "{told}");
    Ok(())
}

#[tokio::test]
async fn it_goes_on_over_epochs_a_kill_and_a_second_copy_of_itself() -> anyhow::Result<()> {
    let payer = Payer::with(100_000).await?;
    let words = ["--budget", "90000", "--yes"];
    let logs: &Path = payer.folder.path();
    let running = Process::spawn("keep", payer.keep(&words)?, logs)?;
    let first_wei = payer.waits_for_stake(U256::ZERO).await?;
    let (code, told) = payer.refused(&words).await?;
    assert!(code == Some(1) && told.contains("is in use by process"), "{told}");
    assert!(told.contains("name another folder with TATUM_STATE"), "{told}");
    let mut command = tatum::command(&payer.devnet, &["stake", "add", "0.001", "--yes"])?;
    command
        .env("TATUM_PRIVATE_KEY", tatum::hex(&payer.key))
        .env("TATUM_STATE", payer.folder.path());
    tatum::json::<Value>(command).await?;
    running.kill().await?;
    assert_eq!(payer.spent_wei()?, first_wei.to_string());

    // The fee of an epoch makes the stake smaller, and it is topped up again.
    payer.devnet.anvil().advance(PARAMETERS.epoch_length_s).await?;
    let left_wei = payer.stake_wei().await?;
    assert!(left_wei < first_wei, "a fee was taken");
    let _running = Process::spawn("keep-again", payer.keep(&words)?, logs)?;
    let second_wei = payer.waits_for_stake(left_wei).await?;
    assert_eq!(payer.spent_wei()?, (first_wei + second_wei - left_wei).to_string());
    let status = payer.chain.stake_status(payer.key.address()).await?;
    assert_eq!(status.epoch, Epoch(1));
    assert!(status.next_quota_bytes >= U256::from(NEEDED), "{status:?}");
    Ok(())
}
