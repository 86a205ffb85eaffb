//! What costs money, through the real binary: asked before it is done, never done twice, and always in view.

use serde_json::Value;
use tatum_chain::Chain;
use tatum_primitives::{OperatorId, U256, WEI_PER_DATA as DATA};
use tatum_receipt::SessionKey;
use tatum_test_utils::testnet as tatum;
use tatum_test_utils::{Devnet, DevnetParameters};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };

fn data(amount: u128) -> U256 {
    U256::from(amount * DATA)
}

async fn run(devnet: &Devnet, account: &SessionKey, arguments: &[&str]) -> anyhow::Result<Value> {
    let mut command = tatum::command(devnet, arguments)?;
    command.env("TATUM_PRIVATE_KEY", tatum::hex(account));
    tatum::json(command).await
}

async fn refused(devnet: &Devnet, account: &SessionKey, arguments: &[&str]) -> String {
    format!("{:#}", run(devnet, account, arguments).await.unwrap_err())
}

async fn funded(devnet: &Devnet, name: &str, amount: u128) -> anyhow::Result<(SessionKey, Chain)> {
    let account = Devnet::account(name);
    devnet.fund(account.address(), data(amount)).await?;
    let chain = devnet.connect(&account).await?;
    Ok((account, chain))
}

#[tokio::test]
async fn nothing_that_costs_money_happens_unasked_or_twice() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let (account, chain) = funded(&devnet, "operator", 30_000).await?;
    let told = refused(&devnet, &account, &["operator", "register"]).await;
    assert!(told.contains("--yes") && told.contains("5000 DATA"), "{told}");
    let checked = run(&devnet, &account, &["operator", "register", "--dry-run"]).await?;
    assert_eq!(checked["dry_run"], true);
    let little = ["operator", "register", "--yes", "--bond", "1.5"];
    let told = refused(&devnet, &account, &little).await;
    assert!(told.contains("1.5 DATA is too little"), "{told}");
    assert_eq!(chain.operators_of(account.address()).await?, []);
    assert_eq!(chain.balance_wei(account.address()).await?, data(30_000));

    run(&devnet, &account, &["operator", "register", "--yes"]).await?;
    let told = refused(&devnet, &account, &["operator", "register", "--yes"]).await;
    assert!(told.contains("owns operator 0 already") && told.contains("--another"), "{told}");
    assert_eq!(chain.balance_wei(account.address()).await?, data(25_000));
    run(&devnet, &account, &["operator", "register", "--yes", "--another"]).await?;
    let owned = chain.operators_of(account.address()).await?;
    assert_eq!(owned, [OperatorId(0), OperatorId(1)]);
    assert_eq!(chain.balance_wei(account.address()).await?, data(20_000));
    Ok(())
}

#[tokio::test]
async fn an_operator_grows_changes_hands_and_leaves_with_its_bond() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let (account, _) = funded(&devnet, "operator", 10_000).await?;
    let (heir, chain) = funded(&devnet, "heir", 0).await?;
    let of = |command: &'static str, more: &[&str]| -> Vec<String> {
        let words = ["operator", command, "--operator", "0"];
        words.iter().chain(more).map(ToString::to_string).collect()
    };
    let act = async |account: &SessionKey, command: &'static str, more: &[&str]| {
        let words = of(command, more);
        run(&devnet, account, &words.iter().map(String::as_str).collect::<Vec<_>>()).await
    };
    run(&devnet, &account, &["operator", "register", "--yes"]).await?;
    let told = format!("{:#}", act(&account, "withdraw-bond", &[]).await.unwrap_err());
    assert!(told.contains("has not asked to leave"), "{told}");
    act(&account, "add-bond", &["500", "--yes"]).await?;
    let heirs = heir.address().to_string();
    act(&account, "payout", &[&heirs, "--yes"]).await?;
    act(&account, "rename", &["acme"]).await?;
    act(&account, "hand-over", &[&heirs, "--yes"]).await?;
    act(&heir, "accept", &[]).await?;
    let told = format!("{:#}", act(&account, "leave", &["--yes"]).await.unwrap_err());
    assert!(told.contains("does not own the operator"), "{told}");
    let status = chain.operator_status(OperatorId(0)).await?;
    assert_eq!((status.owner, status.payout), (heir.address(), heir.address()));
    assert_eq!(status.bond_wei, data(5_500));

    let left = act(&heir, "leave", &["--yes"]).await?;
    let told = format!("{:#}", act(&heir, "withdraw-bond", &[]).await.unwrap_err());
    assert!(told.contains(&format!("until epoch {}", left["bond_free_from"])));
    let free = chain.operator_status(OperatorId(0)).await?.bond_free_from.unwrap();
    devnet.anvil().advance(PARAMETERS.epoch_length_s * free.0).await?;
    let out = act(&heir, "withdraw-bond", &[]).await?;
    assert_eq!(out["withdrawn_wei"], "5500000000000000000000");
    assert_eq!(chain.balance_wei(heir.address()).await?, data(5_500));
    Ok(())
}

#[tokio::test]
async fn a_stake_on_its_way_out_is_in_view_with_its_date_and_its_fees() -> anyhow::Result<()> {
    let logs = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, logs.path()).await?;
    let (payer, chain) = funded(&devnet, "payer", 100).await?;
    let told = refused(&devnet, &payer, &["stake", "add", "50"]).await;
    assert!(told.contains("would stake 50 DATA"), "{told}");
    let told = refused(&devnet, &payer, &["stake", "add", "--yes", "101"]).await;
    assert!(told.contains("holds 100 DATA, 101 DATA are needed"), "{told}");
    let told = refused(&devnet, &payer, &["stake", "add", "--yes", "0.0001"]).await;
    assert!(told.contains("the stake would be 0.0001 DATA"), "{told}");
    run(&devnet, &payer, &["stake", "add", "--yes", "50"]).await?;
    devnet.anvil().advance(PARAMETERS.epoch_length_s).await?;
    let removed = run(&devnet, &payer, &["stake", "remove", "--yes", "20"]).await?;
    let going = &removed["unbonding"][0];
    assert_eq!(going["amount_wei"], (20 * DATA).to_string());
    let epoch = going["withdrawable_epoch"].as_u64().unwrap();
    let schedule = chain.schedule().await?;
    let begins_s = schedule.start_ms(tatum_primitives::Epoch(epoch)) / 1_000;
    assert_eq!(going["withdrawable_at_s"].as_u64(), Some(begins_s));
    assert_ne!(removed["fees_paid_wei"], "0", "an epoch's fee was taken");
    assert!(removed["fee_rate_ppb"].as_u64().unwrap() > 0);
    let told = refused(&devnet, &payer, &["stake", "withdraw"]).await;
    assert!(told.contains("nothing can be withdrawn yet"), "{told}");

    // Nobody makes a distribution final, so it takes three times as long.
    devnet.anvil().advance(PARAMETERS.epoch_length_s * epoch).await?;
    let waiting = run(&devnet, &payer, &["stake", "status"]).await?;
    assert_eq!(waiting["withdrawable_wei"], "0");
    assert_ne!(waiting["unbonding_wei"], "0");
    let told = refused(&devnet, &payer, &["stake", "withdraw"]).await;
    assert!(told.contains("distribution of its epoch to be final"), "{told}");
    devnet.anvil().advance(PARAMETERS.epoch_length_s * 2 * epoch).await?;
    let status = run(&devnet, &payer, &["stake", "status"]).await?;
    assert_eq!(status["unbonding"].as_array().unwrap().len(), 0);
    assert_ne!(status["withdrawable_wei"], "0");
    run(&devnet, &payer, &["stake", "withdraw"]).await?;
    assert!(chain.balance_wei(payer.address()).await? > data(69));
    Ok(())
}
