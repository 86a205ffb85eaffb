//! A payer without the chain's coin stakes by its permit, an operator is claimed for, and the purse is all that pays.

use std::time::Duration;

use anyhow::Context;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tatum_primitives::{Nano, OperatorId, U256};
use tatum_test_utils::Devnet;
use tatum_test_utils::testnet as tatum;
use tokio::time::sleep;

use super::super::{DATA, Served, data};
use super::{BOUNDS, Payer, assert_no_secret, purse};
use crate::closed_epoch::Closed;

#[tokio::test]
async fn nobodys_gas_is_paid_unless_a_key_is_given() -> anyhow::Result<()> {
    let served = Served::start().await?;
    assert_eq!(served.get("/v1/relay").await?["relay"], Value::Null);
    let off = served.looked_at().await?;
    assert_eq!(off["verdict"], "ok", "{off}");
    assert!(off["found"].as_str().is_some_and(|found| found.contains("is off")), "{off}");
    let payer = Payer::new("payer");
    let (status, problem) = served.pay_for(&payer.asks(&served, 10, 0)).await?;
    assert_eq!((status.as_u16(), &problem["code"]), (403, &json!("relay_off")), "{problem}");
    for code in ["relay_off", "relay_spent", "relay_empty"] {
        let page = served.asked(reqwest::Method::GET, &format!("/problems/{code}")).await?;
        assert_eq!(page.0.as_u16(), 200, "{page:?}");
    }
    // A key without bounds is a mistake that is told at once.
    let mut command = tatum::command(&served.devnet, &["api", "run", "--listen", "127.0.0.1:0"])?;
    command.env("TATUM_RELAY_PRIVATE_KEY", tatum::hex(&purse()));
    let output = command.output().await?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("--relay-coin-per-hour"), "{told}");
    Ok(())
}

#[tokio::test]
async fn a_payer_without_the_chains_coin_stakes_by_its_permit() -> anyhow::Result<()> {
    let served = Served::paying(&BOUNDS).await?;
    let payers = [Payer::new("payer one"), Payer::new("payer two")];
    served.hand_out(&payers, 100).await?;
    let [payer, other] = &payers;
    let (before_wei, asked) = (served.purse_wei().await?, payer.asks(&served, 10, 0));
    let (status, sent) = served.pay_for(&asked).await?;
    assert_eq!(status, StatusCode::ACCEPTED, "{sent}");
    // The same at once, a few times, is the same transaction.
    for _ in 0..3 {
        assert_eq!(served.pay_for(&asked).await?, (StatusCode::ACCEPTED, sent.clone()));
    }
    assert_eq!(served.over(&sent).await?, "succeeded");
    assert_eq!(served.pay_for(&asked).await?.1, sent, "and still after it was mined");
    assert_eq!(served.staked_wei(payer).await?, data(10));
    assert_eq!(served.account(payer.address()).await?["allowance_wei"], "0");
    served.booked().await?;
    let paid_wei = before_wei - served.purse_wei().await?;
    let left_wei = served.left_wei().await?;
    assert_eq!(U256::from(DATA - left_wei), paid_wei, "the book says what the purse paid");
    let full = served.looked_at().await?;
    assert_eq!(full["verdict"], "ok", "{full}");
    let purse_wei = served.purse_wei().await?;
    for (holds_wei, verdict) in [(U256::from(DATA - 1), "warning"), (U256::ZERO, "problem")] {
        served.wallet.request("anvil_setBalance", json!([purse().address(), holds_wei])).await?;
        let poor = served.looked_at().await?;
        assert_eq!(poor["verdict"], verdict, "{poor}");
    }
    served.wallet.request("anvil_setBalance", json!([purse().address(), purse_wei])).await?;

    let cases = [
        (other.asks_until(&served, 10, 0, 1), 409, "refused", "was good until 1,"),
        (other.asks(&served, 10, 1), 409, "refused", "stake from the payer's own wallet"),
        (other.asks(&served, 101, 0), 409, "refused", "Nothing was sent"),
        (other.asks(&served, 0, 0), 409, "refused", "paid from 1 DATA on"),
        (
            with(other.asks(&served, 10, 0), "amount_wei", json!(data(11))),
            409,
            "refused",
            "signed for something else",
        ),
        (
            with(other.asks(&served, 10, 0), "payer", json!(payer.address())),
            409,
            "refused",
            "sign another",
        ),
        (with(other.asks(&served, 10, 0), "data", json!("0x00")), 400, "bad_request", "data"),
        (json!({ "action": "unstake", "amount_wei": "1" }), 400, "bad_request", "unstake"),
        (json!({ "action": "claim", "operator": 7 }), 404, "not_found", "no operator 7"),
    ];
    for (asked, expected, code, words) in cases {
        let (status, problem) = served.pay_for(&asked).await?;
        let got = (status.as_u16(), problem["code"].as_str());
        assert_eq!(got, (expected, Some(code)), "{asked}: {problem}");
        let detail = problem["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(words), "{asked}: {problem}");
    }
    assert_eq!(served.left_wei().await?, left_wei, "what is refused costs nothing");
    let (_, sent) = served.pay_for(&other.asks(&served, 20, 0)).await?;
    assert_eq!(served.over(&sent).await?, "succeeded", "its permit is still good");
    assert_eq!(served.staked_wei(other).await?, data(20));
    assert_eq!(served.figure("tatum_api_relay_requests_total{outcome=\"sent\"}").await?, 2);
    assert_eq!(served.figure("tatum_api_relay_requests_total{outcome=\"refused\"}").await?, 5);
    assert_eq!(served.figure("tatum_api_relay_transactions_total{became=\"reverted\"}").await?, 0);
    assert!(served.figure("tatum_api_relay_spent_gwei_total").await? > 0);
    assert_no_secret(&served)
}

fn with(mut asked: Value, field: &str, value: Value) -> Value {
    asked[field] = value;
    asked
}

#[tokio::test]
async fn an_operator_without_the_chains_coin_is_claimed_for() -> anyhow::Result<()> {
    let closed = Closed::start().await?;
    closed.close().await?;
    let chain = closed.chain.clone();
    let (devnet, aggregator) = closed.apart();
    let little = [&BOUNDS[..], &["--relay-at-least", "0.001"]].concat();
    let served = Served::paying_beside(devnet, &aggregator.url, &little).await?;
    let owner = Devnet::account("operator").address();
    let poor = json!([owner, "0x0"]);
    served.wallet.request("anvil_setBalance", poor).await?;
    served.caught_up().await?;
    let earned = served.get("/v1/operators/0").await?["earned"]["claimable_nano"].clone();
    let earned_nano: u64 = earned.as_str().context("nothing was earned")?.parse()?;
    let before_wei = chain.balance_wei(owner).await?;

    let claim = json!({ "action": "claim", "operator": 0 });
    let (status, sent) = served.pay_for(&claim).await?;
    assert_eq!(status, StatusCode::ACCEPTED, "{sent}");
    assert_eq!(served.pay_for(&claim).await?.1, sent);
    assert_eq!(served.over(&sent).await?, "succeeded");
    assert_eq!(chain.claimed_nano(OperatorId(0)).await?, Nano(earned_nano));
    assert_eq!(chain.balance_wei(owner).await? - before_wei, Nano(earned_nano).to_wei());
    assert!(chain.gas_balance_wei(owner).await?.is_zero(), "it paid nothing");
    // The fourth did nothing, so there is nothing to claim.
    let (status, problem) = served.pay_for(&json!({ "action": "claim", "operator": 3 })).await?;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("not_yet")), "{problem}");
    // After a moment the first has nothing left either.
    sleep(Duration::from_secs(11)).await;
    let (status, problem) = served.pay_for(&claim).await?;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("not_yet")), "{problem}");
    assert_eq!(served.figure("tatum_api_relay_requests_total{outcome=\"sent\"}").await?, 1);
    Ok(())
}
