//! What a node without an archive refuses: calls that need the state of an old block. It still has all blocks and logs.

use serde_json::{Value, json};

use super::{Habit, Shared};

/// What go-ethereum says when a block's state is gone.
const GONE: Habit = Habit::Error(-32000, "missing trie node (this node keeps no archive)");

/// Whether the call asks for state that is older than the node keeps.
pub(super) async fn refuses(shared: &Shared, method: &str, params: &Value) -> Option<Habit> {
    let kept = shared.desk().rules.state_blocks?;
    let asked = params.get(place(method)?)?;
    let block = match asked.as_str() {
        Some(number) => quantity(number)?,
        None => named(shared, asked).await?,
    };
    let head = quantity(ask(shared, "eth_blockNumber", json!([])).await?.as_str()?)?;
    (head.saturating_sub(block) > kept).then_some(GONE)
}

/// Where a method that needs state names the block.
fn place(method: &str) -> Option<usize> {
    match method {
        "eth_call"
        | "eth_estimateGas"
        | "eth_getBalance"
        | "eth_getCode"
        | "eth_getTransactionCount" => Some(1),
        "eth_getStorageAt" | "eth_getProof" => Some(2),
        _ => None,
    }
}

/// The number of a block that is named by an object, as EIP-1898 has it.
async fn named(shared: &Shared, block: &Value) -> Option<u64> {
    if let Some(number) = block.get("blockNumber") {
        return quantity(number.as_str()?);
    }
    let hash = block.get("blockHash")?;
    let found = ask(shared, "eth_getBlockByHash", json!([hash, false])).await?;
    quantity(found.get("number")?.as_str()?)
}

async fn ask(shared: &Shared, method: &str, params: Value) -> Option<Value> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    let answer = shared.http.post(&shared.upstream).json(&body).send().await.ok()?;
    answer.json::<Value>().await.ok()?.get_mut("result").map(Value::take)
}

/// A number as JSON-RPC writes it; nothing for `latest` and its like.
fn quantity(text: &str) -> Option<u64> {
    u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()
}
