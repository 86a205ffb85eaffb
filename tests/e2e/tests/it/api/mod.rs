//! The web API through the real binary: what wallets, pages and scripts ask it, and what a real chain makes of that.

mod actions;
mod answers;
mod browser;
mod channels;
mod claims;
mod delegations;
mod events;
mod operators;
mod overages;
mod pools;
mod prices;
mod relay;
mod sponsors;
mod streams;
mod transactions;
mod wallet;

use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use tatum_primitives::{Address, U256};
use tatum_test_utils::testnet as tatum;
use tatum_test_utils::{Devnet, DevnetParameters, Process, free_port};

use tokio::process::Command;

use wallet::Wallet;

const DATA: u128 = 1_000_000_000_000_000_000;
const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };

/// So much DATA, in wei, as the API takes it.
fn data(amount: u128) -> String {
    (amount * DATA).to_string()
}

/// The command that serves.
fn serving(
    devnet: &Devnet,
    listen: &str,
    aggregator: &str,
    flags: &[&str],
    variables: &[(&str, &str)],
) -> anyhow::Result<Command> {
    let words = ["api", "run", "--listen", listen, "--aggregator", aggregator];
    let words = [&words, ["--poll-ms", "100"].as_slice(), flags].concat();
    let mut command = tatum::command(devnet, &words)?;
    command.envs(variables.iter().copied());
    Ok(command)
}

/// A chain with the API beside it, and a wallet that holds DATA.
struct Served {
    devnet: Devnet,
    wallet: Wallet,
    http: Client,
    base: String,
    aggregator: String,
    process: Process,
    logs: tempfile::TempDir,
}

impl Served {
    async fn start() -> anyhow::Result<Self> {
        Self::with(&[]).await
    }

    /// With more flags.
    async fn with(flags: &[&str]) -> anyhow::Result<Self> {
        let logs = tempfile::tempdir()?;
        let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
        // Nothing listens at the aggregator's address: what needs it says so, and everything else goes on.
        Self::beside(devnet, "http://127.0.0.1:9", flags).await
    }

    /// Beside a chain and an aggregator that are there.
    async fn beside(devnet: Devnet, aggregator: &str, flags: &[&str]) -> anyhow::Result<Self> {
        Self::set_up(devnet, aggregator, flags, &[]).await
    }

    /// The same, with variables.
    async fn set_up(
        devnet: Devnet,
        aggregator: &str,
        flags: &[&str],
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let logs = tempfile::tempdir()?;
        let wallet = Wallet::new(devnet.rpc_url());
        devnet.fund(wallet.address(), U256::from(100_000 * DATA)).await?;
        let listen = format!("127.0.0.1:{}", free_port()?);
        let command = serving(&devnet, &listen, aggregator, flags, variables)?;
        let mut process = Process::spawn("api", command, logs.path())?;
        let base = format!("http://{listen}");
        process.until_healthy(&format!("{base}/ready"), Duration::from_secs(20)).await?;
        let aggregator = aggregator.to_owned();
        Ok(Self { devnet, wallet, http: Client::new(), base, aggregator, process, logs })
    }

    /// Kills it as a power cut would, and starts it again where it was.
    async fn killed_and_started(
        self,
        flags: &[&str],
        variables: &[(&str, &str)],
    ) -> anyhow::Result<Self> {
        let Self { devnet, wallet, base, aggregator, process, logs, .. } = self;
        process.kill().await?;
        let listen = base.trim_start_matches("http://");
        let command = serving(&devnet, listen, &aggregator, flags, variables)?;
        let mut process = Process::spawn("api", command, logs.path())?;
        process.until_healthy(&format!("{base}/ready"), Duration::from_secs(20)).await?;
        // None of the connections that were open then.
        Ok(Self { devnet, wallet, http: Client::new(), base, aggregator, process, logs })
    }

    /// All that it has logged.
    fn log(&self) -> anyhow::Result<String> {
        Ok(std::fs::read_to_string(self.logs.path().join("api.log"))?)
    }

    /// What is at `path`, which has to be there.
    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let answer = self.http.get(format!("{}{path}", self.base)).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// What is answered to a body.
    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<(StatusCode, Value)> {
        let answer = self.http.post(format!("{}{path}", self.base)).json(body).send().await?;
        Ok((answer.status(), answer.json().await?))
    }

    /// The status and the body of any request.
    async fn asked(&self, method: Method, path: &str) -> anyhow::Result<(StatusCode, String)> {
        let answer = self.http.request(method, format!("{}{path}", self.base)).send().await?;
        Ok((answer.status(), answer.text().await?))
    }

    /// Makes sure that each path is answered with a status, and a problem of that code whose page there is.
    async fn refuses(&self, cases: &[(&str, u16, &str)]) -> anyhow::Result<()> {
        for (path, expected, code) in cases {
            let (status, body) = self.asked(Method::GET, path).await?;
            let problem: Value = serde_json::from_str(&body)?;
            let got = (status.as_u16(), problem["code"].as_str());
            assert_eq!(got, (*expected, Some(*code)), "{path}: {body}");
            assert_eq!(problem["type"], format!("/problems/{code}"));
            let (found, _) = self.asked(Method::GET, &format!("/problems/{code}")).await?;
            assert_eq!(found.as_u16(), 200, "the page of {code}");
        }
        Ok(())
    }

    /// What the wallet has to sign for an action.
    async fn prepared(&self, action: Value) -> anyhow::Result<Value> {
        let (status, prepared) = self.post("/v1/actions", &self.of_wallet(action)).await?;
        anyhow::ensure!(status == StatusCode::OK, "{status}: {prepared}");
        Ok(prepared)
    }

    fn of_wallet(&self, mut action: Value) -> Value {
        action["account"] = self.wallet.address().to_string().into();
        action
    }

    /// Has the wallet send every step, and returns once the API knows what came of them.
    async fn done(&self, action: Value) -> anyhow::Result<Value> {
        let prepared = self.prepared(action).await?;
        for step in prepared["steps"].as_array().into_iter().flatten() {
            anyhow::ensure!(step["refused"].is_null(), "{step}");
            self.wallet.send(step).await?;
        }
        self.caught_up().await?;
        Ok(prepared)
    }

    /// The account as the API sees it, once it has seen the newest block.
    async fn account(&self, address: Address) -> anyhow::Result<Value> {
        self.caught_up().await?;
        self.get(&format!("/v1/accounts/{address}")).await
    }

    /// Waits until the API knows the block that is the newest now.
    async fn caught_up(&self) -> anyhow::Result<()> {
        let newest = self.wallet.block().await?;
        loop {
            let seen = self.get("/v1/network").await?["as_of"]["block"].as_u64();
            if seen.is_some_and(|seen| seen >= newest) {
                // The followed events are read beside the newest block.
                tokio::time::sleep(Duration::from_millis(250)).await;
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
