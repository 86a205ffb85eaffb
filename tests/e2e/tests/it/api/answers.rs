//! What is answered: figures that are of the newest block, and a problem of its own for every kind of wrong question.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Served, data};

#[tokio::test]
async fn figures_are_of_the_newest_block_and_none_of_a_branch_that_was_left() -> anyhow::Result<()>
{
    let served = Served::start().await?;
    let network = served.get("/v1/network").await?;
    assert_eq!((network["chain_id"].as_u64(), network["epoch"].as_u64()), (Some(31_337), Some(0)));
    assert_eq!(network["minimum_bond_wei"], data(5_000));
    assert_eq!(network["finalized_epoch"], Value::Null);
    let plan = served.get("/v1/plan?rate_per_s=100&size_bytes=1000&epochs=3").await?;
    assert_eq!(plan["needed_bytes_per_epoch"], (100 * 1_000 * 4 * 3_600_u64).to_string());
    assert!(plan["as_of"]["block"].is_u64() && plan["stake_needed_wei"].is_string(), "{plan}");
    let prices = served.get("/v1/prices").await?;
    assert_eq!(prices["prices"].as_array().map(Vec::len), Some(1));

    // So that the contracts stay where they are.
    served.devnet.anvil().mine(10).await?;
    let address = served.wallet.address();
    served
        .done(json!({ "action": "stake", "amount_wei": data(9), "by": "transfer_and_call" }))
        .await?;
    assert_eq!(served.account(address).await?["stake"]["stake_wei"], data(9));
    served.devnet.anvil().set_mining(false).await?;
    served.devnet.anvil().reorganise(6).await?;
    served.devnet.anvil().mine(1).await?;
    for _ in 0..100 {
        if served.account(address).await?["stake"]["stake_wei"] == "0" {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("a stake of a branch that was left is still told")
}

#[tokio::test]
async fn every_wrong_question_has_a_problem_of_its_own() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let cases = [
        ("/v1/nothing", 404, "not_found"),
        ("/v1/accounts/0x12", 400, "bad_request"),
        ("/v1/accounts/zz", 400, "bad_request"),
        ("/v1/plan", 400, "bad_request"),
        ("/v1/plan?rate_per_s=0&size_bytes=1", 400, "bad_request"),
        ("/v1/plan?rate_per_s=1&size_bytes=1&more=1", 400, "bad_request"),
        ("/v1/operators?limit=0", 400, "bad_request"),
        ("/v1/operators/0", 404, "not_found"),
        ("/v1/operators/-1", 400, "bad_request"),
        ("/v1/operators?limit=x", 400, "bad_request"),
        ("/v1/transactions/0x12", 400, "bad_request"),
        ("/v1/epochs/9223372036854775808", 400, "bad_request"),
        ("/v1/epochs/1/receipts?offset=9223372036854775808", 400, "bad_request"),
        // Nothing listens at the aggregator's address.
        ("/v1/epochs", 503, "busy"),
        ("/v1/epochs/0/operators/0", 503, "busy"),
        ("/problems/none", 404, "not_found"),
    ];
    served.refuses(&cases).await?;
    let (status, body) = served.asked(Method::DELETE, "/v1/network").await?;
    assert!(status.as_u16() == 405 && body.contains("method_not_allowed"), "{status}: {body}");
    Ok(())
}

#[tokio::test]
async fn wrong_bodies_are_named_and_change_nothing() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let account = served.wallet.address().to_string();
    let cases = [
        json!({}),
        json!({ "account": account }),
        json!({ "account": account, "action": "dance" }),
        json!({ "account": "0x1", "action": "withdraw_stake" }),
        json!({ "account": account, "action": "stake", "amount_wei": 5 }),
        json!({ "account": account, "action": "stake", "amount_wei": "-5" }),
        json!({ "account": account, "action": "stake", "amount_wei": "05" }),
        json!({ "account": account, "action": "stake", "amount_wei": "5", "by": "theft" }),
        json!({ "account": account, "action": "claim", "operators": [] }),
        json!({ "account": account, "action": "register_operator", "payout": account, "bond_wei": "1", "metadata": "x".repeat(300) }),
    ];
    for body in cases {
        let (status, problem) = served.post("/v1/actions", &body).await?;
        assert_eq!((status.as_u16(), &problem["code"]), (400, &json!("bad_request")), "{body}");
    }
    let url = format!("{}/v1/actions", served.base);
    let plain = served.http.post(&url).body("{}").send().await?;
    assert_eq!(plain.status().as_u16(), 415);
    let large = served.http.post(&url).header("content-type", "application/json");
    let large = large.body(" ".repeat(600_000)).send().await?;
    assert_eq!(large.status().as_u16(), 413);
    Ok(())
}

#[tokio::test]
async fn one_client_cannot_ask_without_end() -> anyhow::Result<()> {
    let served = Served::with(&["--requests-per-s", "10"]).await?;
    let mut refused = 0;
    for _ in 0..200 {
        let answer = served.http.get(format!("{}/health", served.base)).send().await?;
        if answer.status().as_u16() == 429 {
            assert!(answer.headers().contains_key("retry-after"));
            refused += 1;
        }
    }
    assert!(refused > 100, "only {refused} of 200 requests at once were refused");
    Ok(())
}

#[tokio::test]
async fn every_answer_says_how_it_may_be_used() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let answer = served.http.get(format!("{}/v1/network", served.base)).send().await?;
    let header = |name: &str| {
        answer
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(header("x-content-type-options"), "nosniff");
    assert_eq!(header("referrer-policy"), "no-referrer");
    assert_eq!(header("access-control-allow-origin"), "*");
    assert!(!header("x-request-id").is_empty());
    let openapi = served.get("/openapi.json").await?;
    assert!(openapi["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let (status, docs) = served.asked(Method::GET, "/docs/").await?;
    assert!(status.as_u16() == 200 && docs.contains("swagger"), "{status}");
    let metrics = served.asked(Method::GET, "/metrics").await?.1;
    assert!(metrics.contains("# HELP tatum_api_answers_total"), "{metrics}");
    Ok(())
}
