//! Who wants to drain the purse of the relay, or to have it pay twice, and what that comes to.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context;
use futures_util::{StreamExt, stream};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tatum_primitives::U256;
use tatum_test_utils::testnet as tatum;
use tatum_test_utils::{Devnet, Process, free_port};
use tokio::time::{sleep, timeout};

use super::super::{DATA, Served, serving};
use super::{BOUNDS, Payer, assert_no_secret, purse};

const REQUESTS: usize = 300;
const PAYERS: usize = 120;
/// In the hour's budget there is room for so many transactions beside two that are open; in an address's for so many beside one.
const IN_ALL: u128 = 40;
const OF_ONE: u128 = 6;
const GENEROUS: [&str; 6] = [
    "--relay-coin-per-hour",
    "1",
    "--relay-coin-per-address-hour",
    "1",
    "--requests-per-s",
    "100000",
];

/// So many wei as the flags take them.
fn coin(wei: u128) -> String {
    format!("{}.{:018}", wei / DATA, wei % DATA)
}

/// Asks from another address of this machine, as another client would.
async fn asked_from(
    served: &Served,
    last: u8,
    asked: &Value,
) -> anyhow::Result<(StatusCode, Value, Option<u64>)> {
    let from = IpAddr::from([127, 0, 1, last]);
    let client = Client::builder().local_address(from).build()?;
    let answer = client.post(format!("{}/v1/relay", served.base)).json(asked).send().await?;
    let after_s = answer.headers().get("retry-after").and_then(|s| s.to_str().ok()?.parse().ok());
    Ok((answer.status(), answer.json().await?, after_s))
}

#[tokio::test]
async fn many_requests_of_one_address_and_of_many_spend_no_more_than_the_budget()
-> anyhow::Result<()> {
    let served = Served::paying(&GENEROUS).await?;
    let payers: Vec<Payer> = (0..=PAYERS).map(|n| Payer::new(&format!("crowd {n}"))).collect();
    served.hand_out(&payers, 20).await?;
    // The base fee sinks to its least, so that every transaction costs the same, and is mined at once.
    served.devnet.anvil().set_automine(true).await?;
    served.devnet.anvil().mine(300).await?;
    served.caught_up().await?;
    let before_wei = served.purse_wei().await?;
    served.pay_for(&payers[PAYERS].asks(&served, 5, 0)).await?;
    served.booked().await?;
    let one_wei: u128 = (before_wei - served.purse_wei().await?).to();
    let most_wei = most_wei(&served)?;
    assert!(one_wei > 0 && most_wei > one_wei, "{one_wei} of {most_wei}");
    let (hour_wei, address_wei) = (2 * most_wei + IN_ALL * one_wei, most_wei + OF_ONE * one_wei);
    let (hour, address) = (coin(hour_wei), coin(address_wei));
    let small = [
        "--relay-coin-per-hour",
        &hour,
        "--relay-coin-per-address-hour",
        &address,
        "--requests-per-s",
        "100000",
    ];
    let secret = tatum::hex(&purse());
    let variables = [("TATUM_RELAY_PRIVATE_KEY", secret.as_str())];
    let served = served.killed_and_started(&small, &variables).await?;
    assert_eq!(served.left_wei().await?, hour_wei - one_wei, "what was spent before counts");

    // One address asks for everybody, eight times at once.
    let (mut sent, mut spent) = (0_u64, 0_u64);
    let answers: Vec<_> = stream::iter(0..REQUESTS)
        .map(|n| {
            let asked = payers[n % (PAYERS / 2)].asks(&served, 5, 0);
            let served = &served;
            async move { asked_from(served, 1, &asked).await }
        })
        .buffer_unordered(8)
        .collect()
        .await;
    for answer in answers {
        let (status, answer, after_s) = answer?;
        match (status.as_u16(), answer["code"].as_str()) {
            (202, _) => sent += 1,
            (429, Some("relay_spent")) => {
                assert!(after_s.is_some_and(|s| (1..=3_600).contains(&s)), "{answer}");
                spent += 1;
            }
            // Too many at once, or one that is under way.
            (503, Some("busy")) | (429, Some("too_many_requests")) | (409, Some("refused")) => {}
            other => panic!("{other:?}: {answer}"),
        }
    }
    assert!(sent > 0 && spent > 0, "{sent} were sent, {spent} were told to wait");
    served.booked().await?;
    let by_one_wei = before_wei - served.purse_wei().await? - U256::from(one_wei);
    assert!(by_one_wei <= U256::from(address_wei), "{by_one_wei} of {address_wei}");
    assert!(by_one_wei >= U256::from(one_wei));

    // A crowd: each asks for itself, from an address of its own.
    let mut refused = 0;
    for round in 0..2 {
        for (n, payer) in payers.iter().take(PAYERS).enumerate() {
            let asked = payer.asks(&served, 5, round);
            let (_, answer, _) =
                asked_from(&served, u8::try_from(n)?.wrapping_add(2), &asked).await?;
            refused += u32::from(answer["code"] == "relay_spent");
        }
    }
    served.booked().await?;
    let in_all_wei = before_wei - served.purse_wei().await?;
    assert!(in_all_wei <= U256::from(hour_wei), "{in_all_wei} of {hour_wei}");
    assert!(
        in_all_wei > U256::from(hour_wei / 3),
        "the budget was used: {in_all_wei} of {hour_wei}"
    );
    assert!(refused > 50, "only {refused} were refused");
    let left_wei = served.left_wei().await?;
    assert!(left_wei < most_wei, "no other fits");
    assert_eq!(in_all_wei, U256::from(hour_wei - left_wei), "the book is true");

    // A restart gives nothing back.
    let served = served.killed_and_started(&small, &variables).await?;
    assert_eq!(served.left_wei().await?, left_wei);
    let (_, answer, _) = asked_from(&served, 200, &payers[0].asks(&served, 5, 7)).await?;
    assert!(answer["code"] == "refused" || answer["code"] == "relay_spent", "{answer}");
    assert_eq!(before_wei - served.purse_wei().await?, in_all_wei);
    assert_no_secret(&served)
}

/// The most that the transaction which the relay sent first could have cost, by its log.
fn most_wei(served: &Served) -> anyhow::Result<u128> {
    let log = served.log()?;
    let line = log.lines().find(|line| line.contains("pays for a transaction"));
    let told =
        line.and_then(|line| line.split("most_wei=").nth(1)).context("no price in the log")?;
    let digits: String = told.chars().take_while(char::is_ascii_digit).collect();
    Ok(digits.parse()?)
}

#[tokio::test]
async fn killed_in_the_middle_it_sends_nothing_twice_and_its_budget_is_not_refilled()
-> anyhow::Result<()> {
    let served = Served::paying(&BOUNDS).await?;
    let payer = [Payer::new("payer of a crash")];
    served.hand_out(&payer, 100).await?;
    let (secret, [payer]) = (tatum::hex(&purse()), payer);
    let chain = served.devnet.connect(&purse()).await?;
    let before_wei = served.purse_wei().await?;
    served.devnet.anvil().set_mining(false).await?;
    let asked = payer.asks(&served, 10, 0);
    let (status, sent) = served.pay_for(&asked).await?;
    assert_eq!(status, StatusCode::ACCEPTED, "{sent}");
    let open_left_wei = served.left_wei().await?;
    assert!(open_left_wei < DATA, "what it may cost is taken before it is mined");

    let served =
        served.killed_and_started(&BOUNDS, &[("TATUM_RELAY_PRIVATE_KEY", &secret)]).await?;
    assert_eq!(served.left_wei().await?, open_left_wei);
    // A second process with the same key would give out the same numbers.
    let listen = format!("127.0.0.1:{}", free_port()?);
    let variables = [("TATUM_RELAY_PRIVATE_KEY", secret.as_str())];
    let second = serving(&served.devnet, &listen, "http://127.0.0.1:9", &BOUNDS, &variables)?;
    let ended = Process::spawn("second", second, served.logs.path())?;
    assert!(ended.success(Duration::from_secs(20)).await.is_err());
    let told = std::fs::read_to_string(served.logs.path().join("second.log"))?;
    assert!(told.contains("in use by process"), "{told}");

    // Asked again, it first learns what became of what the killed one sent.
    let (answer, mined) = tokio::join!(served.pay_for(&asked), async {
        sleep(Duration::from_secs(1)).await;
        served.devnet.anvil().set_mining(true).await?;
        served.devnet.anvil().mine(1).await
    });
    mined?;
    let (status, problem) = answer?;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("refused")), "{problem}");
    assert_eq!(served.over(&sent).await?, "succeeded");
    let stake = served.account(payer.address()).await?["stake"]["stake_wei"].clone();
    assert_eq!(stake, (10 * DATA).to_string(), "once");
    let nonce =
        served.wallet.request("eth_getTransactionCount", json!([purse().address(), "latest"]));
    assert_eq!(nonce.await?, "0x1", "one transaction in all");
    let left_wei = served.left_wei().await?;
    assert_eq!(left_wei, open_left_wei, "what it did cost is not known to who did not see it");
    let paid_wei = before_wei - chain.gas_balance_wei(purse().address()).await?;
    assert!(paid_wei <= U256::from(DATA - left_wei));
    // It goes on.
    let (_, sent) = served.pay_for(&payer.asks(&served, 5, 1)).await?;
    assert_eq!(served.over(&sent).await?, "succeeded");
    assert_no_secret(&served)
}

/// `permit(owner, pool, value, deadline, v, r, s)` as anybody hands it to the token.
fn handed_to_the_token(served: &Served, asked: &Value) -> anyhow::Result<Value> {
    let field =
        |value: &Value| value.as_str().unwrap_or_default().trim_start_matches("0x").to_owned();
    let signature = field(&asked["permit"]["signature"]);
    let (rs, v) = signature.split_at(128);
    let (owner, pool) = (field(&asked["payer"]), served.devnet.deployment().stake_pool);
    let value: u128 = field(&asked["amount_wei"]).parse()?;
    let until = asked["permit"]["deadline_s"].as_u64().unwrap_or_default();
    let pool = format!("{pool:x}");
    let words = format!("{owner:0>64}{pool:0>64}{value:064x}{until:064x}{v:0>64}{rs}");
    Ok(json!({
        "from": served.wallet.address(), "to": served.devnet.deployment().token, "gas": "0x30d40",
        "data": format!("0xd505accf{}", words.to_lowercase()),
        "maxFeePerGas": "0x174876e800", "maxPriorityFeePerGas": "0x174876e800",
    }))
}

#[tokio::test]
async fn a_permit_that_somebody_uses_first_costs_the_relay_gas_and_the_payer_nothing()
-> anyhow::Result<()> {
    let served = Served::paying(&BOUNDS).await?;
    let payers = [Payer::new("payer in a race")];
    served.hand_out(&payers, 100).await?;
    let [payer] = &payers;
    let before_wei = served.purse_wei().await?;
    served.devnet.anvil().set_mining(false).await?;
    let asked = payer.asks(&served, 10, 0);
    let (_, sent) = served.pay_for(&asked).await?;
    // Another request of the payer waits until this one is over.
    let (status, waits) = served.pay_for(&payer.asks(&served, 20, 0)).await?;
    assert_eq!((status.as_u16(), &waits["code"]), (429, &json!("too_many_requests")), "{waits}");
    // It is seen in the pool, and overtaken: whoever makes the block leaves it for the next one.
    let front_run = handed_to_the_token(&served, &asked)?;
    served.wallet.request("anvil_dropTransaction", json!([sent["hash"]])).await?;
    served.wallet.request("eth_sendTransaction", json!([front_run])).await?;
    served.devnet.anvil().mine(1).await?;
    served.devnet.anvil().set_mining(true).await?;
    served.becomes(&sent, "reverted").await?;
    served.booked().await?;
    let paid_wei = before_wei - served.purse_wei().await?;
    assert_eq!(paid_wei, U256::from(DATA - served.left_wei().await?), "an undone one is paid too");
    assert_eq!(served.figure("tatum_api_relay_transactions_total{became=\"reverted\"}").await?, 1);

    // The payer has lost nothing: the allowance is there, for its own wallet.
    let account = served.account(payer.address()).await?;
    assert_eq!(account["allowance_wei"], (10 * DATA).to_string(), "{account}");
    sleep(Duration::from_secs(11)).await;
    let (status, problem) = served.pay_for(&asked).await?;
    assert_eq!((status.as_u16(), &problem["code"]), (409, &json!("refused")), "{problem}");
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("was used before") && detail.contains("own wallet"), "{problem}");
    served.devnet.anvil().fund(payer.address()).await?;
    let own = Devnet::account("payer in a race");
    served.devnet.connect(&own).await?.stake(U256::from(10 * DATA)).await?;
    let stake = served.account(payer.address()).await?["stake"]["stake_wei"].clone();
    assert_eq!(stake, (10 * DATA).to_string());
    Ok(())
}

#[tokio::test]
async fn while_the_base_fee_is_above_its_price_it_waits_and_is_made_no_dearer() -> anyhow::Result<()>
{
    const GWEI: u64 = 1_000_000_000;
    let served = Served::paying(&BOUNDS).await?;
    let payers = [Payer::new("payer in dear times")];
    served.hand_out(&payers, 100).await?;
    let before_wei = served.purse_wei().await?;
    let anvil = served.devnet.anvil();
    anvil.set_mining(false).await?;
    let (_, sent) = served.pay_for(&payers[0].asks(&served, 10, 0)).await?;
    let charged_wei = DATA - served.left_wei().await?;
    let (_, head_s) = served.devnet.connect(&purse()).await?.head().await?;
    for second in 1..=4 {
        anvil.mine_at(head_s + second, 10_000 * GWEI).await?;
        // Long enough for the block to be seen, and for what another transaction would do then.
        sleep(Duration::from_millis(400)).await;
        // A pool may forget what cannot be mined, and is given it again.
        let state = served.state_of(&sent).await?;
        assert!(state == "pending" || state == "unknown", "{state}");
    }
    anvil.mine_at(head_s + 5, 1).await?;
    anvil.set_mining(true).await?;
    // By the hash that was answered.
    served.becomes(&sent, "succeeded").await?;
    served.booked().await?;
    assert!(before_wei - served.purse_wei().await? <= U256::from(charged_wei));
    Ok(())
}

#[tokio::test]
async fn an_empty_purse_says_so_and_the_rest_goes_on() -> anyhow::Result<()> {
    let served = Served::paying(&BOUNDS).await?;
    let payers = [Payer::new("payer of an empty purse")];
    served.hand_out(&payers, 100).await?;
    served.wallet.request("anvil_setBalance", json!([purse().address(), "0x1"])).await?;
    let asked = payers[0].asks(&served, 10, 0);
    let (status, problem, after_s) = asked_from(&served, 1, &asked).await?;
    assert_eq!((status.as_u16(), &problem["code"]), (503, &json!("relay_empty")), "{problem}");
    assert_eq!(after_s, Some(600));
    assert_eq!(served.get("/v1/relay").await?["relay"]["purse_wei"], "1");
    assert_eq!(served.get("/ready").await?["ready"], true, "everything else is served");
    assert_eq!(served.left_wei().await?, DATA, "nothing is charged");
    served.devnet.anvil().fund(purse().address()).await?;
    let asking = async {
        let (_, sent) = served.pay_for(&asked).await?;
        served.over(&sent).await
    };
    assert_eq!(timeout(Duration::from_secs(30), asking).await??, "succeeded");
    Ok(())
}
