//! What wallets sign: every action through a real wallet on a real chain, and what the contracts would refuse, in words.

use serde_json::{Value, json};
use tatum_test_utils::Devnet;

use super::{DATA, Served, data};

/// A public key that is none of the weak ones: the first one of RFC 8032.
const NODE: &str = "0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn stake(amount: u128, by: &str) -> Value {
    json!({ "action": "stake", "amount_wei": data(amount), "by": by })
}

/// A stake by a permit that the wallet signs.
async fn permitted(served: &Served, amount: u128) -> anyhow::Result<Value> {
    let prepared = served.prepared(stake(amount, "permit")).await?;
    let step = &prepared["steps"][0];
    assert_eq!((step["kind"].as_str(), step["answer"].as_str()), (Some("sign"), Some("permit")));
    let mut action = stake(amount, "permit");
    action["permit"] = json!({
        "deadline_s": step["typed_data"]["message"]["deadline"],
        "signature": served.wallet.sign(step).await?,
    });
    Ok(action)
}

#[tokio::test]
async fn a_wallet_stakes_by_each_way_and_takes_it_back() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let address = served.wallet.address();
    let staked = async || -> anyhow::Result<Value> {
        Ok(served.account(address).await?["stake"]["stake_wei"].clone())
    };
    let permit = permitted(&served, 10).await?;
    served.done(permit.clone()).await?;
    assert_eq!(staked().await?, data(10));

    let again = served.prepared(permit).await?;
    let refused = again["steps"][0]["refused"].as_str().unwrap_or_default();
    assert!(!refused.is_empty(), "a permit is good once: {again}");

    let approved = served.done(stake(5, "approve")).await?;
    assert_eq!(approved["steps"].as_array().map(Vec::len), Some(2), "{approved}");
    assert_eq!(staked().await?, data(15));
    served.done(stake(7, "transfer_and_call")).await?;
    let account = served.account(address).await?;
    assert_eq!(account["stake"]["stake_wei"], data(22));
    assert_eq!(account["balance_wei"], data(100_000 - 22));
    assert_eq!(account["allowance_wei"], "0", "nothing is left of what was approved");

    let little = served.prepared(json!({ "action": "unstake", "amount_wei": data(1_000) })).await?;
    let refused = little["steps"][0]["refused"].as_str().unwrap_or_default();
    assert!(refused.contains("1000 DATA were asked for, and 22 DATA are staked"), "{little}");
    let left = served.done(json!({ "action": "unstake", "amount_wei": data(4) })).await?;
    assert!(left["warnings"][0].as_str().is_some_and(|text| text.contains("epochs later")));
    let stake = served.account(address).await?["stake"].clone();
    assert_eq!(stake["stake_wei"], data(18));
    assert_eq!(stake["unbonding"][0]["amount_wei"], data(4), "{stake}");
    let early = served.prepared(json!({ "action": "withdraw_stake" })).await?;
    assert!(early["steps"][0]["refused"].as_str().is_some_and(|text| text.contains("yet")));
    // Past the waiting, the wallet gets it.
    served.devnet.anvil().advance(9 * 3_600).await?;
    served.caught_up().await?;
    served.done(json!({ "action": "withdraw_stake" })).await?;
    let account = served.account(address).await?;
    assert_eq!(account["stake"]["unbonding"], json!([]));
    let got = account["balance_wei"].as_str().unwrap_or_default().parse::<u128>()?;
    let before = (100_000 - 22) * DATA;
    assert!(got > before + 3 * DATA && got < before + 4 * DATA, "four DATA but for fees: {got}");
    Ok(())
}

#[tokio::test]
async fn a_permit_that_is_late_or_for_another_amount_is_refused_before_it_is_sent()
-> anyhow::Result<()> {
    let served = Served::start().await?;
    let mut other = permitted(&served, 10).await?;
    other["amount_wei"] = data(11).into();
    let prepared = served.prepared(other).await?;
    assert!(!prepared["steps"][0]["refused"].is_null(), "{prepared}");
    let mut late = permitted(&served, 10).await?;
    late["permit"]["deadline_s"] = 1.into();
    let prepared = served.prepared(late).await?;
    assert!(!prepared["steps"][0]["refused"].is_null(), "{prepared}");

    // Somebody who saw the permit uses it first: the allowance is there then, and the stake goes through.
    let first = permitted(&served, 10).await?;
    served.done(first).await?;
    assert_eq!(served.account(served.wallet.address()).await?["stake"]["stake_wei"], data(10));
    Ok(())
}

#[tokio::test]
async fn an_operator_registers_changes_everything_and_leaves() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let owner = served.wallet.address().to_string();
    let too_little = json!({
        "action": "register_operator", "payout": owner, "bond_wei": data(1), "metadata": "acme",
    });
    let prepared = served.prepared(too_little).await?;
    // Without the allowance the bond is not looked at yet; with it the contract's words are there.
    served.wallet.send(&prepared["steps"][0]).await?;
    served.caught_up().await?;
    let prepared = served.prepared(json!({
        "action": "register_operator", "payout": owner, "bond_wei": data(1), "metadata": "acme",
    }));
    let prepared = prepared.await?;
    let refused = prepared["steps"][0]["refused"].as_str().unwrap_or_default();
    assert!(refused.contains("the bond is 1 DATA; it has to be 5000 DATA"), "{prepared}");

    served.done(json!({
        "action": "register_operator", "payout": owner, "bond_wei": data(6_000), "metadata": "acme",
    })).await?;
    let of = |action: &str, more: Value| {
        let mut body = json!({ "action": action, "operator": 0 });
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        body
    };
    // The neutral element, for which everybody can sign.
    let neutral = format!("0x01{}", "00".repeat(31));
    let weak = served.prepared(of("add_node", json!({ "node": neutral }))).await?;
    assert!(!weak["steps"][0]["refused"].is_null(), "a weak key is refused: {weak}");
    served.done(of("add_node", json!({ "node": NODE }))).await?;
    served.done(of("declare_capacity", json!({ "capacity_bytes": "1000000000" }))).await?;
    served.done(of("add_bond", json!({ "amount_wei": data(100) }))).await?;
    let heir = Devnet::account("heir").address().to_string();
    served.done(of("set_payout", json!({ "payout": heir }))).await?;
    served.caught_up().await?;

    let operator = served.get("/v1/operators/0").await?;
    assert_eq!(operator["operator"]["bond_wei"], data(6_100));
    assert_eq!(operator["operator"]["declared_bytes"], "1000000000");
    assert_eq!(operator["nodes"], json!([NODE]));
    assert_eq!(operator["earned"], Value::Null);
    let payout = operator["operator"]["payout"].as_str().unwrap_or_default();
    assert!(payout.eq_ignore_ascii_case(&heir), "{payout} is {heir}");
    let listed = served.get("/v1/operators").await?;
    assert_eq!(listed["operators"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["next"], Value::Null);
    assert_eq!(served.account(served.wallet.address()).await?["operators"], json!([0]));

    served.done(of("remove_node", json!({ "node": NODE }))).await?;
    let left = served.done(of("leave", json!({}))).await?;
    assert!(left["warnings"][0].as_str().is_some_and(|text| text.contains("no way back")));
    served.caught_up().await?;
    let early = served.prepared(of("withdraw_bond", json!({}))).await?;
    assert!(early["steps"][0]["refused"].as_str().is_some_and(|text| text.contains("locked")));
    Ok(())
}

#[tokio::test]
async fn a_session_key_is_authorised_by_its_own_word_and_revoked() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let payer = served.wallet.address();
    let key = Devnet::account("session");
    let domain = served.devnet.deployment().domain();
    let proof = tatum_chain::session_key_proof(domain, payer, &key).to_string();
    let authorize = |proof: &str| json!({ "action": "authorize_session_key", "key": key.address().to_string(), "proof": proof });
    let wrong = format!("0x{}1b", "11".repeat(64));
    let prepared = served.prepared(authorize(&wrong)).await?;
    let refused = prepared["steps"][0]["refused"].as_str().unwrap_or_default();
    assert!(refused.contains("did not agree"), "{prepared}");
    served.done(authorize(&proof)).await?;
    let keys = served.account(payer).await?["session_keys"].clone();
    assert_eq!(keys[0]["state"], "active", "{keys}");
    let revoke = json!({ "action": "revoke_session_key", "key": key.address().to_string() });
    let revoked = served.done(revoke).await?;
    assert!(revoked["warnings"][0].as_str().is_some_and(|text| text.contains("may finish")));
    let keys = served.account(payer).await?["session_keys"].clone();
    assert_eq!((&keys[0]["state"], keys.as_array().map(Vec::len)), (&json!("revoked"), Some(1)));
    Ok(())
}

#[tokio::test]
async fn a_channel_is_opened_topped_up_left_and_settled() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let owner = served.wallet.address().to_string();
    served.done(json!({
        "action": "register_operator", "payout": owner, "bond_wei": data(5_000), "metadata": "acme",
    })).await?;
    served
        .done(json!({
            "action": "open_channel", "operator": 0, "deposit_wei": data(10), "window_minutes": 60,
        }))
        .await?;
    served
        .done(json!({ "action": "top_up_channel", "operator": 0, "deposit_wei": data(2) }))
        .await?;
    let left = served.done(json!({ "action": "exit_channel", "operator": 0 })).await?;
    assert!(left["warnings"][0].as_str().is_some_and(|text| text.contains("newest receipts")));
    let settle = json!({ "action": "settle_channel", "payer": owner, "operator": 0 });
    let early = served.prepared(settle.clone()).await?;
    assert!(early["steps"][0]["refused"].as_str().is_some_and(|text| text.contains("not over")));
    served.devnet.anvil().advance(2 * 3_600).await?;
    served.done(settle).await?;
    let account = served.account(served.wallet.address()).await?;
    assert_eq!(account["balance_wei"], data(100_000 - 5_000));
    Ok(())
}
