//! A wallet as pages have one: it holds a key that nobody else sees, signs what it is shown, and sends that itself.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tatum_primitives::Address;

/// The account of anvil's own, which signs whatever it is asked.
const ACCOUNT: Address = Address::new([
    0xf3, 0x9f, 0xd6, 0xe5, 0x1a, 0xad, 0x88, 0xf6, 0xf4, 0xce, 0x6a, 0xb8, 0x82, 0x72, 0x79, 0xcf,
    0xff, 0xb9, 0x22, 0x66,
]);

pub(super) struct Wallet {
    rpc_url: String,
    http: Client,
}

impl Wallet {
    pub(super) fn new(rpc_url: &str) -> Self {
        Self { rpc_url: rpc_url.to_owned(), http: Client::new() }
    }

    pub(super) fn address(&self) -> Address {
        ACCOUNT
    }

    pub(super) async fn request(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer: Value = self.http.post(&self.rpc_url).json(&body).send().await?.json().await?;
        ensure!(answer["error"].is_null(), "{method}: {}", answer["error"]);
        Ok(answer["result"].clone())
    }

    pub(super) async fn block(&self) -> anyhow::Result<u64> {
        let number = self.request("eth_blockNumber", json!([])).await?;
        let digits = number.as_str().and_then(|text| text.strip_prefix("0x"));
        Ok(u64::from_str_radix(digits.context("no number")?, 16)?)
    }

    /// Signs a message as EIP-712 has it.
    pub(super) async fn sign(&self, step: &Value) -> anyhow::Result<String> {
        let params = json!([ACCOUNT, step["typed_data"]]);
        let signature = self.request("eth_signTypedData_v4", params).await?;
        Ok(signature.as_str().context("no signature")?.to_owned())
    }

    /// The transaction of a step, as a wallet makes it.
    pub(super) fn transaction(step: &Value) -> Value {
        let mut transaction = json!({ "from": ACCOUNT, "to": step["to"], "data": step["data"] });
        if let Some(gas) = step["gas"].as_str().and_then(|gas| gas.parse::<u64>().ok()) {
            transaction["gas"] = format!("{gas:#x}").into();
        }
        transaction
    }

    /// Sends a step and waits until it is mined and has succeeded.
    pub(super) async fn send(&self, step: &Value) -> anyhow::Result<String> {
        let sent = self.request("eth_sendTransaction", json!([Self::transaction(step)])).await?;
        let hash = sent.as_str().context("no hash")?.to_owned();
        for _ in 0..100 {
            let receipt = self.request("eth_getTransactionReceipt", json!([hash])).await?;
            if let Some(status) = receipt["status"].as_str() {
                ensure!(status == "0x1", "{} was reverted: {receipt}", step["label"]);
                return Ok(hash);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("{} was not mined", step["label"])
    }
}
