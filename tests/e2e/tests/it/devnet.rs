//! `tatum devnet`: it ends in order, and goes on where it stopped.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tatum_test_utils::{repository, schema, tatum_binary};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

const PATIENCE: Duration = Duration::from_secs(90);

struct Network {
    child: Child,
    told: Value,
}

impl Network {
    async fn start(data: &Path, out: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(tatum_binary()?);
        command.args(["devnet", "--json", "--free-ports", "--epoch-length", "15", "--relays", "1"]);
        command.arg("--data").arg(data).current_dir(repository()).kill_on_drop(true);
        command
            .stdout(std::fs::File::create(out)?)
            .stderr(std::fs::File::create(out.with_extension("log"))?);
        let mut child = command.spawn()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = std::fs::read_to_string(out)?;
            if let Ok(told) = serde_json::from_str(&text) {
                schema::check(&["devnet".to_owned()], &told)?;
                return Ok(Self { child, told });
            }
            let ended = child.try_wait()?;
            ensure!(ended.is_none() && Instant::now() < deadline, "it is not ready: {text}");
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// As Ctrl-C does.
    async fn interrupt(mut self) -> anyhow::Result<()> {
        let id = self.child.id().context("it has ended")?;
        let sent = Command::new("kill").args(["-INT", &id.to_string()]).status().await?;
        ensure!(sent.success(), "no signal was sent");
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ensure!(ended.context("it does not end")??.success(), "it did not end in order");
        Ok(())
    }

    async fn command(&self, words: &[&str]) -> anyhow::Result<Value> {
        let text = |name: &str| self.told[name].as_str().unwrap_or_default().to_owned();
        let mut command = Command::new(tatum_binary()?);
        command.args(words).arg("--json").env("TATUM_RPC", text("rpc"));
        command.env("TATUM_DEPLOYMENT", text("deployment"));
        let output = command.output().await?;
        let printed = serde_json::from_slice(&output.stdout)?;
        schema::check(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), &printed)?;
        ensure!(output.status.success(), "{words:?}: {printed}");
        Ok(printed)
    }

    fn id_of(&self, name: &str) -> String {
        let accounts = self.told["accounts"].as_array().into_iter().flatten();
        let found = accounts.filter(|account| account["name"] == name);
        let mut ids = found.filter_map(|account| account["id"].as_str());
        ids.next().unwrap_or_default().to_owned()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_of_one_machine_ends_in_order_and_goes_on_where_it_stopped() -> anyhow::Result<()>
{
    let home = tempfile::tempdir()?;
    let data = home.path().join("net");
    let network = Network::start(&data, &home.path().join("first.json")).await?;
    let publisher = network.id_of("publisher");
    let stake = network.command(&["stake", "status", "--payer", &publisher]).await?;
    assert_ne!(stake["quota_bytes"], "0", "its stake counts when it is ready: {stake}");
    let fund = ["devnet", "fund", &publisher, "--amount", "12.5", "--data"];
    let funded = network.command(&[&fund[..], &[&data.display().to_string()]].concat()).await?;
    assert_eq!(funded["given_wei"], "12500000000000000000");
    let before = network.told.clone();
    network.interrupt().await?;

    let network = Network::start(&data, &home.path().join("second.json")).await?;
    assert_eq!(network.told, before, "the same accounts answer at the same places");
    let stake = network.command(&["stake", "status", "--payer", &publisher]).await?;
    assert_eq!(stake["balance_wei"], "12500000000000000000", "what it was given is still there");
    let operators = network.command(&["operator", "list"]).await?;
    assert_eq!(operators.as_array().map(Vec::len), Some(1), "nobody was registered twice");
    network.interrupt().await
}
