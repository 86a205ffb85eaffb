//! Realised prices through the API: the same figures as by the command line, in pages, and of no epoch before one is closed.
//! What relays ask is told beside real relays, in `asks.rs`.

use serde_json::{Value, json};
use tatum_primitives::U256;
use tatum_test_utils::Devnet;
use tatum_test_utils::testnet as tatum;

use super::{DATA, PARAMETERS, Served, data};

impl Served {
    /// The prices of an epoch, once the API knows what everybody paid in it.
    async fn realised(&self, epoch: u64) -> anyhow::Result<Value> {
        for _ in 0..100 {
            let told = self.get("/v1/prices/payers").await?;
            if told["epoch"] == json!(epoch) && told["is_complete"] == true {
                return Ok(told);
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        anyhow::bail!("the prices of epoch {epoch} are not told")
    }
}

#[tokio::test]
async fn what_payers_paid_is_told_as_by_the_command_line_and_in_pages() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let none = served.get("/v1/prices/payers").await?;
    assert_eq!((&none["epoch"], &none["payers"]), (&Value::Null, &json!([])));
    assert_eq!((&none["median_nano_per_gib"], &none["next"]), (&Value::Null, &Value::Null));
    let asks = served.get("/v1/prices/asks").await?;
    assert_eq!((&asks["asked_at_s"], &asks["relays"]), (&Value::Null, &json!([])));

    // A price needs capacity to be sold, and two payers make a median.
    let other = Devnet::account("other");
    served.devnet.fund(other.address(), U256::from(10_000 * DATA)).await?;
    let other = served.devnet.connect(&other).await?;
    let owner = served.wallet.address().to_string();
    served.done(json!({
        "action": "register_operator", "payout": owner, "bond_wei": data(6_000), "metadata": "acme",
    })).await?;
    let stake = json!({ "action": "stake", "amount_wei": data(500), "by": "transfer_and_call" });
    served.done(stake.clone()).await?;
    other.stake(U256::from(900 * DATA)).await?;
    for _ in 0..3 {
        served.devnet.anvil().advance(PARAMETERS.epoch_length_s).await?;
        served.caught_up().await?;
        // Whatever changes a stake closes the epochs before.
        served.done(stake.clone()).await?;
    }
    let closed = served.get("/v1/network").await?["closed_epochs"].as_u64().unwrap_or_default();
    assert!(closed >= 3, "{closed} epochs are closed");
    let told = served.realised(closed - 1).await?;
    let command = tatum::command(&served.devnet, &["operator", "prices"])?;
    let same: Value = tatum::json(command).await?;
    assert_eq!(same["epoch"], told["epoch"]);
    assert_eq!(same["median_nano_per_gib"], told["median_nano_per_gib"]);
    assert!(told["median_nano_per_gib"].is_string(), "{told}");
    let by_payer = |prices: &Value| -> Vec<String> {
        let all = prices["payers"].as_array().into_iter().flatten();
        let mut texts: Vec<String> = all.map(Value::to_string).collect();
        texts.sort_unstable();
        texts
    };
    assert_eq!((by_payer(&told).len(), by_payer(&told)), (2, by_payer(&same)));

    let first = served.get("/v1/prices/payers?limit=1").await?;
    let next = first["next"].as_str().unwrap_or_default().to_owned();
    assert_eq!(first["payers"][0]["payer"], first["next"]);
    assert_eq!(first["median_nano_per_gib"], told["median_nano_per_gib"], "it is of all");
    let second = served.get(&format!("/v1/prices/payers?limit=1&after={next}")).await?;
    assert_eq!((&second["payers"][0], &second["next"]), (&told["payers"][1], &Value::Null));

    served
        .refuses(&[
            ("/v1/prices/payers?limit=0", 400, "bad_request"),
            ("/v1/prices/payers?limit=201", 400, "bad_request"),
            ("/v1/prices/payers?after=zz", 400, "bad_request"),
            ("/v1/prices/payers?epoch=1", 400, "bad_request"),
            ("/v1/prices/nothing", 404, "not_found"),
        ])
        .await
}
