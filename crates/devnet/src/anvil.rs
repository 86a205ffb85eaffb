//! An Ethereum chain of one machine: anvil, one block a second, on the loopback interface.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tatum_primitives::{Address, U256};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::{Process, foundry, free_port};

/// A running anvil.
#[derive(Debug)]
pub struct Anvil {
    rpc_url: String,
    process: Process,
}

/// How the chain is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnvilSettings<'a> {
    /// Its port; a free one unless it is named.
    pub port: Option<u16>,
    /// The file that it goes on from, and that it is written to at its end; otherwise it is gone then.
    pub state: Option<&'a Path>,
}

impl Anvil {
    /// Starts the chain and waits until it answers.
    pub async fn start(settings: AnvilSettings<'_>, logs: &Path) -> anyhow::Result<Self> {
        let port = settings.port.map_or_else(free_port, Ok)?;
        let mut command = Command::new(foundry("anvil")?);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        command.args(["--chain-id", "31337", "--block-time", "1", "--hardfork", "prague"]);
        command.args(["--accounts", "5", "--order", "fifo"]).stdout(std::process::Stdio::null());
        if let Some(state) = settings.state {
            command.arg("--state").arg(state);
        }
        // Ctrl-C at a terminal is for whoever started us: the chain ends last, when the others are done with it.
        command.stdin(std::process::Stdio::null()).process_group(0);
        let process = Process::spawn("anvil", command, logs)?;
        let mut anvil = Self { rpc_url: format!("http://127.0.0.1:{port}"), process };
        let deadline = Instant::now() + Duration::from_secs(20);
        while let Err(error) = anvil.request("eth_blockNumber", json!([])).await {
            anvil.process.check_runs()?;
            ensure!(Instant::now() < deadline, "anvil does not answer: {error:#}");
            sleep(Duration::from_millis(50)).await;
        }
        Ok(anvil)
    }

    /// Ends it, and has its state written where it has a file for it.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.process.terminate().await
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Where it answers.
    pub fn rpc_url(&self) -> &str {
        &self.rpc_url
    }

    /// Gives an account ether for gas.
    pub async fn fund(&self, account: Address) -> anyhow::Result<()> {
        give_coin(&self.rpc_url, account).await
    }

    /// Moves the chain's clock forward and mines a block.
    pub async fn advance(&self, seconds: u64) -> anyhow::Result<()> {
        self.request("evm_increaseTime", json!([seconds])).await?;
        self.request("evm_mine", json!([])).await.map(drop)
    }

    /// Replaces the newest `depth` blocks by others, without the transactions that were in them.
    pub async fn reorganise(&self, depth: u64) -> anyhow::Result<()> {
        self.request("anvil_reorg", json!([depth, []])).await.map(drop)
    }

    /// Mines `blocks` blocks at once.
    pub async fn mine(&self, blocks: u64) -> anyhow::Result<()> {
        self.request("anvil_mine", json!([format!("{blocks:#x}")])).await.map(drop)
    }

    /// Whether a block is mined each second.
    pub async fn set_mining(&self, on: bool) -> anyhow::Result<()> {
        self.request("evm_setIntervalMining", json!([u64::from(on)])).await.map(drop)
    }

    /// Whether a transaction of an account waits to be mined.
    pub async fn has_waiting(&self, account: Address) -> anyhow::Result<bool> {
        let count = async |block: &str| {
            self.request("eth_getTransactionCount", json!([account, block])).await
        };
        Ok(count("pending").await? != count("latest").await?)
    }

    async fn request(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        request(&self.rpc_url, method, params).await
    }
}

/// Gives an account a thousand of the coin of the anvil at `rpc_url`, for gas.
pub async fn give_coin(rpc_url: &str, account: Address) -> anyhow::Result<()> {
    let balance = U256::from(1_000_000_000_000_000_000_000u128);
    let params = json!([account, format!("{balance:#x}")]);
    request(rpc_url, "anvil_setBalance", params).await.map(drop)
}

async fn request(rpc_url: &str, method: &str, params: Value) -> anyhow::Result<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = reqwest::Client::new().post(rpc_url).json(&body).send().await?;
    let mut answer: Value = answer.json().await?;
    let error = answer.get("error").map(Value::to_string);
    ensure!(error.is_none(), "{method} failed: {}", error.unwrap_or_default());
    answer.get_mut("result").map(Value::take).with_context(|| format!("{method}: no result"))
}
