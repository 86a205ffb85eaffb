//! `tatum deploy`: the contracts on a chain, whoever is killed on the way and whatever the parameters say.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, ensure};
use serde_json::Value;
use tatum_chain::deploy::{Begun, Parameters, Plan};
use tatum_chain::{Chain, Deployment};
use tatum_devnet::{Anvil, AnvilSettings, give_coin};
use tatum_primitives::Address;
use tatum_receipt::SessionKey;
use tatum_test_utils::{Devnet, schema, tatum_binary};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

const TIMELOCK_PROPOSER: &str = "timelockProposer=0x00000000000000000000000000000000000000aa";

/// A chain, and somebody who deploys on it.
struct Desk {
    chain: Anvil,
    folder: tempfile::TempDir,
    account: SessionKey,
}

impl Desk {
    async fn new() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let chain = Anvil::start(AnvilSettings::default(), &folder.path().join("logs")).await?;
        Ok(Self { chain, folder, account: Devnet::account("somebody who deploys") })
    }

    async fn with_coin() -> anyhow::Result<Self> {
        let desk = Self::new().await?;
        give_coin(desk.chain.rpc_url(), desk.account.address()).await?;
        Ok(desk)
    }

    fn out(&self) -> std::path::PathBuf {
        self.folder.path().join("deployment.json")
    }

    fn begun(&self) -> std::path::PathBuf {
        self.folder.path().join("deployment.begun.json")
    }

    fn command(&self, more: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(tatum_binary()?);
        command.args(["deploy", "--parameters", "local", "--rpc", self.chain.rpc_url(), "--out"]);
        command.arg(self.out()).args(["--set", "timelockDelay=60", "--set", TIMELOCK_PROPOSER]);
        command.args(more).stdin(Stdio::null());
        command.env("TATUM_PRIVATE_KEY", self.account.to_bytes().to_string());
        command.env("TATUM_STATE", self.folder.path().join("state"));
        Ok(command)
    }

    async fn run(&self, more: &[&str]) -> anyhow::Result<(Option<i32>, Value)> {
        let output = self.command(more)?.arg("--json").output().await?;
        let text = String::from_utf8_lossy(&output.stdout);
        let printed = serde_json::from_str(&text)
            .with_context(|| format!("{text}{}", String::from_utf8_lossy(&output.stderr)))?;
        schema::check(&["deploy".to_owned()], &printed)?;
        Ok((output.status.code(), printed))
    }

    /// Refused, in these words, with nothing sent.
    async fn refuses(&self, more: &[&str], saying: &[&str]) -> anyhow::Result<()> {
        let (code, printed) = self.run(more).await?;
        let error = printed["error"].as_str().unwrap_or_default();
        ensure!(code == Some(1) && saying.iter().all(|words| error.contains(words)), "{printed}");
        ensure!(!self.out().exists() && !self.begun().exists(), "something was begun: {error}");
        Ok(())
    }

    /// Kills it when it has told of so many contracts.
    async fn killed_after(&self, contracts: usize) -> anyhow::Result<()> {
        let mut child = self.command(&["--yes"])?.stderr(Stdio::piped()).spawn()?;
        let stderr = child.stderr.take().context("no standard error")?;
        let mut lines = BufReader::new(stderr).lines();
        let mut told = 0;
        while told < contracts {
            let line = lines.next_line().await?.context("it ended by itself")?;
            told += usize::from(line.contains(" 0x") && !line.contains("going to"));
        }
        Ok(child.kill().await?)
    }
}

fn deployment(file: &Path) -> anyhow::Result<Deployment> {
    Ok(Deployment::load(file)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_is_killed_goes_on_and_comes_to_the_same_addresses() -> anyhow::Result<()>
{
    let desk = Desk::with_coin().await?;
    for contracts in [0, 1, 4] {
        desk.killed_after(contracts).await?;
        ensure!(!desk.out().exists(), "the file was written before all was there");
    }
    let begun = Begun::load(&desk.begun())?.context("what was begun is not written down")?;
    let (code, printed) = desk.run(&["--yes"]).await?;
    ensure!(code == Some(0), "{printed}");
    let deployed = deployment(&desk.out())?;
    assert_eq!((begun.first_nonce, begun.account), (0, desk.account.address()));
    assert_eq!(deployed, Plan::of(&begun).deployment(&begun), "it went on with the same contracts");
    let timelock = Plan::of(&begun).timelock();
    let told: Option<Address> =
        printed["deployment"]["timelock"].as_str().and_then(|text| text.parse().ok());
    assert_eq!(told, Some(timelock), "{printed}");
    assert_ne!(timelock, Address::ZERO, "the parameters want one");
    assert!(!desk.begun().exists(), "what was begun is done");
    let chain = Chain::connect(&desk.chain.rpc_url().parse()?, deployed).await?;
    let schedule = chain.schedule().await?;
    assert_eq!((schedule.genesis_s, schedule.length_s), (begun.parameters.genesis, 3_600));

    let (code, printed) = desk.run(&["--yes"]).await?;
    let error = printed["error"].as_str().unwrap_or_default();
    assert!(code == Some(1) && error.contains("never replaced"), "{printed}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_it_costs_and_sends_nothing() -> anyhow::Result<()> {
    let desk = Desk::with_coin().await?;
    let (code, printed) = desk.run(&["--dry-run"]).await?;
    let would = printed["would"].as_str().unwrap_or_default();
    let gas = would.split(" gas").next().and_then(|text| text.rsplit(' ').next());
    let gas: u64 = gas.unwrap_or_default().parse().with_context(|| would.to_owned())?;
    assert!(code == Some(0) && (20_000_000..80_000_000).contains(&gas), "{printed}");
    assert!(!desk.out().exists() && !desk.begun().exists());
    assert!(!desk.chain.has_waiting(desk.account.address()).await?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_deployed_is_refused_before_anything_is_sent() -> anyhow::Result<()> {
    let desk = Desk::new().await?;
    desk.refuses(&["--yes"], &["has 0 wei of the chain's coin", "send it more"]).await?;
    give_coin(desk.chain.rpc_url(), desk.account.address()).await?;
    let refused = "the contract refused";
    for (setting, saying) in [
        ("unbondingEpochs=0", [refused, "stake pool"]),
        ("poolBps=20000", [refused, "stake pool"]),
        ("answerEpochs=0", [refused, "operator registry"]),
        ("windows.challenge=0", [refused, "forced receipts"]),
        ("baseBondWei=0", [refused, "distributor"]),
        ("windows.challenges=1", ["windows.challenges", "--print-parameters"]),
        (
            "token=0x0000000000000000000000000000000000000001",
            ["no contract at", "0x0000000000000000000000000000000000000001"],
        ),
        (
            "timelockProposer=0x0000000000000000000000000000000000000000",
            ["timelockProposer", "can never act"],
        ),
        ("tokenSupplyWei=0", ["name the token", "tokenSupplyWei"]),
    ] {
        desk.refuses(&["--yes", "--set", setting], &saying).await.context(setting)?;
    }
    // Without anybody's word it does nothing either.
    desk.refuses(&[], &["nothing was sent", "--yes"]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_does_not_go_on_as_another_one() -> anyhow::Result<()> {
    let desk = Desk::with_coin().await?;
    desk.killed_after(2).await?;
    let (code, printed) = desk.run(&["--yes", "--set", "epochLength=60"]).await?;
    let error = printed["error"].as_str().unwrap_or_default();
    assert!(code == Some(1) && error.contains("other parameters"), "{printed}");
    // What is begun names what it needs, so nobody else's transaction may come between.
    let begun = Begun::load(&desk.begun())?.context("nothing was begun")?;
    assert_eq!(begun.parameters.token, Address::ZERO);
    assert_eq!(begun.parameters.epoch_length, Parameters::well_known("local")?.epoch_length);
    Ok(())
}
