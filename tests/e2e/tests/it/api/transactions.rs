//! Transactions that wallets signed: passed on, followed, and told apart from what is none of ours.

use reqwest::StatusCode;
use serde_json::{Value, json};

use super::wallet::Wallet;
use super::{Served, data};

/// A stake by ERC-677 as the wallet signs it: one transaction that needs nothing before it.
async fn signed(served: &Served, nonce: u64, price: u64) -> anyhow::Result<String> {
    let action = json!({ "action": "stake", "amount_wei": data(5), "by": "transfer_and_call" });
    let prepared = served.prepared(action).await?;
    let mut transaction = Wallet::transaction(&prepared["steps"][0]);
    transaction["gas"] = "0x7a120".into();
    transaction["nonce"] = format!("{nonce:#x}").into();
    transaction["maxFeePerGas"] = format!("{price:#x}").into();
    transaction["maxPriorityFeePerGas"] = format!("{price:#x}").into();
    let raw = served.wallet.request("eth_signTransaction", json!([transaction])).await?;
    let raw = if raw.is_object() { raw["raw"].clone() } else { raw };
    Ok(raw.as_str().unwrap_or_default().to_owned())
}

async fn passed_on(served: &Served, raw: &str) -> anyhow::Result<(StatusCode, Value)> {
    served.post("/v1/transactions", &json!({ "raw": raw })).await
}

async fn becomes(served: &Served, hash: &Value, state: &str) -> anyhow::Result<Value> {
    let path = format!("/v1/transactions/{}", hash.as_str().unwrap_or_default());
    for _ in 0..100 {
        let status = served.get(&path).await?;
        if status["state"] == state {
            return Ok(status);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("it never was {state}: {}", served.get(&path).await?)
}

const GWEI: u64 = 1_000_000_000;

#[tokio::test]
async fn a_signed_transaction_is_passed_on_and_followed_whatever_becomes_of_it()
-> anyhow::Result<()> {
    let served = Served::start().await?;
    let (status, sent) = passed_on(&served, &signed(&served, 0, 10 * GWEI).await?).await?;
    assert_eq!(status, StatusCode::ACCEPTED, "{sent}");
    let done = becomes(&served, &sent["hash"], "succeeded").await?;
    assert!(done["confirmations"].as_u64().is_some_and(|count| count >= 1), "{done}");

    served.devnet.anvil().set_mining(false).await?;
    let (_, first) = passed_on(&served, &signed(&served, 1, 10 * GWEI).await?).await?;
    becomes(&served, &first["hash"], "pending").await?;
    // The same once more is the same.
    let (_, dearer) = passed_on(&served, &signed(&served, 1, 20 * GWEI).await?).await?;
    served.devnet.anvil().mine(1).await?;
    becomes(&served, &dearer["hash"], "succeeded").await?;
    becomes(&served, &first["hash"], "replaced").await?;

    let (_, dropped) = passed_on(&served, &signed(&served, 2, 10 * GWEI).await?).await?;
    becomes(&served, &dropped["hash"], "pending").await?;
    served.wallet.request("anvil_dropTransaction", json!([dropped["hash"]])).await?;
    becomes(&served, &dropped["hash"], "unknown").await?;
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_was_undone_says_why_in_words() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let much = json!({ "action": "unstake", "amount_wei": data(3) });
    let prepared = served.prepared(much).await?;
    assert!(!prepared["steps"][0]["refused"].is_null(), "{prepared}");
    let mut transaction = Wallet::transaction(&prepared["steps"][0]);
    transaction["gas"] = "0x7a120".into();
    let hash = served.wallet.request("eth_sendTransaction", json!([transaction])).await?;
    let undone = becomes(&served, &hash, "reverted").await?;
    let reason = undone["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("nothing staked") || reason.contains("asked for"), "{undone}");
    Ok(())
}

#[tokio::test]
async fn what_is_no_transaction_of_ours_is_not_passed_on() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let elsewhere = json!({
        "from": served.wallet.address(), "to": format!("0x{:040x}", 9), "value": "0x1",
        "gas": "0x5208", "nonce": "0x0", "maxFeePerGas": "0x77359400", "maxPriorityFeePerGas": "0x1",
    });
    let raw = served.wallet.request("eth_signTransaction", json!([elsewhere])).await?;
    let raw = if raw.is_object() { raw["raw"].clone() } else { raw };
    let good = signed(&served, 0, GWEI * 10).await?;
    let cases = [
        (raw.as_str().unwrap_or_default().to_owned(), 409, "none of the deployment's contracts"),
        (format!("{good}00"), 409, "no signed transaction"),
        ("0x".to_owned(), 409, "no signed transaction"),
        ("02f8".to_owned(), 400, "hex with 0x"),
        ("0xzz".to_owned(), 400, "hex with 0x"),
        (signed(&served, 0, 1).await?, 409, "fee"),
    ];
    for (raw, expected, words) in cases {
        let (status, problem) = passed_on(&served, &raw).await?;
        assert_eq!(status.as_u16(), expected, "{raw}: {problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(words)), "{problem}");
    }
    Ok(())
}
