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
    http: reqwest::Client,
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
        // What it keeps of old blocks stays where it is when it is killed: in our folder it goes with that, at home it would fill the disk.
        let states = logs.join("anvil-states");
        if settings.state.is_some() {
            // A folder that outlives its chain; what an earlier one left is of no use, and may not be there.
            let _ = std::fs::remove_dir_all(&states);
        }
        command.arg("--cache-path").arg(states);
        // Ctrl-C at a terminal is for whoever started us: the chain ends last, when the others are done with it.
        command.stdin(std::process::Stdio::null()).process_group(0);
        let process = Process::spawn("anvil", command, logs)?;
        let (rpc_url, http) = (format!("http://127.0.0.1:{port}"), reqwest::Client::new());
        let mut anvil = Self { rpc_url, http, process };
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
        self.put_forward(seconds).await?;
        self.request("evm_mine", json!([])).await.map(drop)
    }

    /// Replaces the newest `depth` blocks by others, without the transactions that were in them.
    ///
    /// A block that is mined meanwhile leaves anvil with a state that its logs do not lead to, for good; so no block comes by itself until it
    /// is done, and one that is asked for comes after one that is under way. Its clock goes on from the last block that stays: it is put right,
    /// or a network that goes on for long is an epoch behind its nodes.
    pub async fn reorganise(&self, depth: u64) -> anyhow::Result<()> {
        let every = self.request("anvil_getIntervalMining", json!([])).await?;
        if every.is_null() {
            return self.replace(depth).await;
        }
        self.request("evm_setIntervalMining", json!([0])).await?;
        self.request("evm_mine", json!([])).await?;
        let reorganised = self.replace(depth + 1).await;
        self.request("evm_setIntervalMining", json!([every])).await?;
        reorganised
    }

    async fn replace(&self, depth: u64) -> anyhow::Result<()> {
        let ahead_s = self.put_forward(0).await?;
        self.request("anvil_reorg", json!([depth, []])).await?;
        let lost_s = ahead_s - self.put_forward(0).await?;
        self.put_forward(u64::try_from(lost_s).unwrap_or_default()).await.map(drop)
    }

    /// Puts its clock forward, and gives how far it is before this machine's then.
    async fn put_forward(&self, seconds: u64) -> anyhow::Result<i64> {
        let ahead = self.request("evm_increaseTime", json!([seconds])).await?;
        ahead.as_i64().context("evm_increaseTime: no number")
    }

    /// Mines each transaction at once until `work` is done, and goes on as before: what nobody watches need not take a second each.
    /// Several blocks are of one second then.
    pub async fn hurry<T>(
        &self,
        work: impl Future<Output = anyhow::Result<T>>,
    ) -> anyhow::Result<T> {
        let every = self.request("anvil_getIntervalMining", json!([])).await?;
        self.set_automine(true).await?;
        let done = work.await;
        if !every.is_null() {
            self.request("evm_setIntervalMining", json!([every])).await?;
        }
        done
    }

    /// Mines `blocks` blocks at once.
    pub async fn mine(&self, blocks: u64) -> anyhow::Result<()> {
        self.request("anvil_mine", json!([format!("{blocks:#x}")])).await.map(drop)
    }

    /// Mines a block of a time, in seconds since 1970, and with a base fee.
    pub async fn mine_at(&self, time_s: u64, base_fee_wei: u64) -> anyhow::Result<()> {
        let base_fee = json!([format!("{base_fee_wei:#x}")]);
        self.request("anvil_setNextBlockBaseFeePerGas", base_fee).await?;
        self.request("evm_mine", json!([{ "timestamp": time_s }])).await.map(drop)
    }

    /// Keeps the chain as it is for [`Self::revert`].
    pub async fn snapshot(&self) -> anyhow::Result<String> {
        let id = self.request("evm_snapshot", json!([])).await?;
        Ok(id.as_str().context("evm_snapshot: no text")?.to_owned())
    }

    /// Goes back to a snapshot, which is gone then.
    pub async fn revert(&self, snapshot: &str) -> anyhow::Result<()> {
        let reverted = self.request("evm_revert", json!([snapshot])).await?;
        ensure!(reverted == true, "there is no snapshot {snapshot}");
        Ok(())
    }

    /// The most that a transaction of an account in a block pays for a unit of gas, if there is one.
    pub async fn most_fee_wei(&self, account: Address, block: u64) -> anyhow::Result<Option<u128>> {
        let params = json!([format!("{block:#x}"), true]);
        let block = self.request("eth_getBlockByNumber", params).await?;
        let account = json!(account);
        let all = block.get("transactions").and_then(Value::as_array).into_iter().flatten();
        let of_account = all.filter(|transaction| transaction.get("from") == Some(&account));
        let fee = |transaction: &Value| {
            let text = transaction.get("maxFeePerGas")?.as_str()?;
            u128::from_str_radix(text.trim_start_matches("0x"), 16).ok()
        };
        Ok(of_account.filter_map(fee).max())
    }

    /// Whether a block is mined for each transaction at once, instead of each second; without it no block is mined by itself.
    pub async fn set_automine(&self, on: bool) -> anyhow::Result<()> {
        self.request("evm_setAutomine", json!([on])).await.map(drop)
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
        request(&self.http, &self.rpc_url, method, params).await
    }
}

/// Gives an account a thousand of the coin of the anvil at `rpc_url`, for gas.
pub async fn give_coin(rpc_url: &str, account: Address) -> anyhow::Result<()> {
    let balance = U256::from(1_000_000_000_000_000_000_000u128);
    let params = json!([account, format!("{balance:#x}")]);
    request(&reqwest::Client::new(), rpc_url, "anvil_setBalance", params).await.map(drop)
}

async fn request(
    http: &reqwest::Client,
    rpc_url: &str,
    method: &str,
    params: Value,
) -> anyhow::Result<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = http.post(rpc_url).json(&body).send().await?;
    let mut answer: Value = answer.json().await?;
    let error = answer.get("error").map(Value::to_string);
    ensure!(error.is_none(), "{method} failed: {}", error.unwrap_or_default());
    answer.get_mut("result").map(Value::take).with_context(|| format!("{method}: no result"))
}
