//! An operator's owner through the API: makes a pool of delegators, changes its cut, and runs the operator by the pool from then on.

use serde_json::{Value, json};
use tatum_primitives::OperatorId;
use tatum_test_utils::Devnet;

use super::delegations::{of, refused};
use super::{PARAMETERS, Served, data};

/// A public key that is none of the weak ones: the first one of RFC 8032.
const NODE: &str = "0xd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";

fn create(cut_bps: u32) -> Value {
    of("create_delegation_pool", json!({ "cut_bps": cut_bps }))
}

fn cut(cut_bps: u32) -> Value {
    of("set_delegation_cut", json!({ "cut_bps": cut_bps }))
}

impl Served {
    /// The wallet's own operator 0.
    pub(super) async fn registered(&self) -> anyhow::Result<()> {
        let payout = self.wallet.address().to_string();
        self.done(json!({
            "action": "register_operator", "payout": payout, "bond_wei": data(5_000), "metadata": "own",
        }))
        .await?;
        self.caught_up().await
    }

    pub(super) async fn operator(&self) -> anyhow::Result<Value> {
        self.caught_up().await?;
        self.get("/v1/operators/0").await
    }

    async fn pool(&self) -> anyhow::Result<Value> {
        self.caught_up().await?;
        Ok(self.get("/v1/operators/0/delegation").await?["pool"].clone())
    }

    /// What an action's first warning says.
    async fn warned(&self, action: Value) -> anyhow::Result<String> {
        let prepared = self.prepared(action).await?;
        Ok(prepared["warnings"][0].as_str().unwrap_or_default().to_owned())
    }
}

#[tokio::test]
async fn an_owner_makes_a_pool_and_runs_the_operator_by_it() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let wallet = served.wallet.address();
    served.registered().await?;
    assert_eq!(served.operator().await?["pool_owner"], Value::Null);

    let first = served.prepared(create(1_000)).await?;
    let warning = first["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("no way back") && warning.contains("10 %"), "{first}");
    let steps = first["steps"].as_array().cloned().unwrap_or_default();
    assert_eq!(steps.len(), 2, "offer, make: {first}");
    assert_eq!(steps[0]["refused"], Value::Null);
    // The offer alone has changed nothing; asked for again, what is left is tried with its gas.
    served.wallet.send(&steps[0]).await?;
    served.caught_up().await?;
    let second = served.prepared(create(1_000)).await?;
    assert_eq!(second["steps"].as_array().map(Vec::len), Some(1), "{second}");
    assert_eq!(second["steps"][0]["data"], steps[1]["data"]);
    assert!(second["steps"][0]["gas"].is_string(), "{second}");
    served.wallet.send(&second["steps"][0]).await?;

    let operator = served.operator().await?;
    let pool = served.pool().await?;
    let lower = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    assert_eq!(lower(&operator["operator"]["owner"]), lower(&pool["pool"]));
    assert_eq!(lower(&operator["operator"]["payout"]), lower(&pool["pool"]));
    let address = wallet.to_string().to_lowercase();
    assert_eq!((lower(&operator["pool_owner"]), lower(&pool["owner"])), (address.clone(), address));
    assert_eq!((&pool["cut_bps"], &pool["active_wei"]), (&json!(1_000), &json!(data(5_000))));
    assert_eq!(served.account(wallet).await?["operators"], json!([0]), "it is run by the wallet");

    served.done(of("add_node", json!({ "node": NODE }))).await?;
    served.done(of("declare_capacity", json!({ "capacity_bytes": "700000000" }))).await?;
    let operator = served.operator().await?;
    assert_eq!(operator["nodes"], json!([NODE]));
    assert_eq!(operator["operator"]["declared_bytes"], "700000000");
    served.done(of("remove_node", json!({ "node": NODE }))).await?;
    assert_eq!(served.operator().await?["nodes"], json!([]));
    // What the pool has no function for is refused; what would be given away says so.
    let payout = of("set_payout", json!({ "payout": wallet.to_string() }));
    assert!(refused(&served.prepared(payout).await?).contains("does not own"));
    let gift = served.warned(of("add_bond", json!({ "amount_wei": data(1) }))).await?;
    assert!(gift.contains("belongs to all who hold shares"), "{gift}");
    served.done(of("leave", json!({}))).await?;
    assert_eq!(served.pool().await?["retired"], true);
    Ok(())
}

#[tokio::test]
async fn a_cut_falls_at_once_and_rises_after_an_unbonding() -> anyhow::Result<()> {
    let served = Served::start().await?;
    served.registered().await?;
    served.done(create(1_000)).await?;
    let pool = served.pool().await?;
    let unbonding = pool["unbonding_epochs"].as_u64().unwrap_or_default();
    let from = pool["epoch"].as_u64().unwrap_or_default() + unbonding + 1;

    let said = served.warned(cut(1_500)).await?;
    assert!(said.contains(&format!("from 10 % to 15 % in epoch {from}")), "{said}");
    served.done(cut(1_500)).await?;
    let pool = served.pool().await?;
    let rise = (&pool["cut_bps"], &pool["next_cut_bps"], &pool["next_cut_from"]);
    assert_eq!(rise, (&json!(1_000), &json!(1_500), &json!(from)));
    let much = served.prepared(cut(1_501)).await?;
    assert!(refused(&much).contains("may by 5 % at once"), "{much}");

    let said = served.warned(cut(800)).await?;
    assert!(said.contains("from 10 % to 8 % at once"), "{said}");
    served.done(cut(800)).await?;
    let pool = served.pool().await?;
    assert_eq!((&pool["cut_bps"], &pool["next_cut_bps"]), (&json!(800), &Value::Null));

    served.done(cut(1_300)).await?;
    served.devnet.anvil().advance((unbonding + 1) * PARAMETERS.epoch_length_s).await?;
    let pool = served.pool().await?;
    assert_eq!((&pool["cut_bps"], &pool["next_cut_bps"]), (&json!(1_300), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn a_pool_that_cannot_be_made_or_a_cut_that_cannot_be_set_says_why() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let stranger = Devnet::account("stranger").address().to_string();
    // Operator 0 is somebody's, with a pool; 1 is somebody's without; the wallet's own is 2.
    let chain = served.pooled().await?;
    let cases = [
        (create(1_000), 409, "refused", "has its pool already"),
        (create(5_001), 400, "bad_request", "at most 5000"),
        (create(70_000), 400, "bad_request", "u16"),
        (cut(5_001), 400, "bad_request", "at most 5000"),
        (
            json!({ "action": "set_delegation_cut", "operator": 1, "cut_bps": 1 }),
            404,
            "not_found",
            "no pool",
        ),
        (
            json!({ "action": "set_delegation_cut", "operator": 9, "cut_bps": 1 }),
            404,
            "not_found",
            "no operator 9",
        ),
        (
            json!({ "action": "create_delegation_pool", "operator": 1 }),
            400,
            "bad_request",
            "cut_bps",
        ),
    ];
    for (body, expected, code, words) in cases {
        let (status, problem) = served.post("/v1/actions", &served.of_wallet(body)).await?;
        assert_eq!((status.as_u16(), &problem["code"]), (expected, &json!(code)), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(words)), "{problem}");
    }
    assert!(refused(&served.prepared(cut(1)).await?).contains("does not own the pool"));
    for (operator, words) in [(1, "does not own"), (9, "no operator 9")] {
        let create =
            json!({ "action": "create_delegation_pool", "operator": operator, "cut_bps": 0 });
        let prepared = served.prepared(create).await?;
        assert_eq!(prepared["steps"].as_array().map(Vec::len), Some(1), "nothing is offered");
        assert!(refused(&prepared).contains(words), "{prepared}");
        let node = json!({ "action": "add_node", "operator": operator, "node": NODE });
        let prepared = served.prepared(node).await?;
        assert!(refused(&prepared).contains(words), "{prepared}");
    }

    let payout = served.wallet.address().to_string();
    let register = json!({
        "action": "register_operator", "payout": payout, "bond_wei": data(5_000), "metadata": "",
    });
    served.done(register).await?;
    let mine = |action: &str| json!({ "action": action, "operator": 2, "cut_bps": 0 });
    let mut of_stranger = mine("create_delegation_pool");
    of_stranger["account"] = stranger.into();
    let (status, prepared) = served.post("/v1/actions", &of_stranger).await?;
    assert!(status.is_success() && refused(&prepared).contains("does not own"), "{prepared}");
    served.done(mine("leave")).await?;
    let retired = served.prepared(mine("create_delegation_pool")).await?;
    assert_eq!(retired["steps"].as_array().map(Vec::len), Some(1), "nothing is offered");
    assert!(refused(&retired).contains("asked to leave"), "{retired}");
    served.caught_up().await?;
    assert!(!chain.has_delegation_pool(OperatorId(2)).await?);
    Ok(())
}
