//! Delegation through the API: a stranger's wallet delegates, asks back and redeems, and is told the same figures as by the command line.

use serde_json::{Value, json};
use tatum_primitives::{Address, OperatorId, U256};
use tatum_test_utils::Devnet;
use tatum_test_utils::testnet as tatum;

use super::wallet::Wallet;
use super::{DATA, PARAMETERS, Served, data};

fn wei(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

pub(super) fn of(action: &str, more: Value) -> Value {
    let mut body = json!({ "action": action, "operator": 0 });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

/// Why the first step would be refused.
pub(super) fn refused(prepared: &Value) -> &str {
    prepared["steps"][0]["refused"].as_str().unwrap_or_default()
}

impl Served {
    /// Somebody's operator 0 with a pool, and operator 1 without.
    pub(super) async fn pooled(&self) -> anyhow::Result<tatum_chain::Chain> {
        let owner = Devnet::account("owner");
        self.devnet.fund(owner.address(), U256::from(20_000 * DATA)).await?;
        let chain = self.devnet.connect(&owner).await?;
        let bond = chain.minimum_bond_wei().await?.to::<u128>();
        for name in ["pooled", "alone"] {
            chain.register_operator(owner.address(), bond, u64::MAX, name.to_owned()).await?;
        }
        chain.create_delegation_pool(OperatorId(0), 1_000).await?;
        self.caught_up().await?;
        Ok(chain)
    }

    /// The pool, and the wallet's part of it, which the command line tells alike.
    async fn part(&self, account: Address) -> anyhow::Result<Value> {
        self.caught_up().await?;
        let shown = self.get(&format!("/v1/operators/0/delegation/{account}")).await?;
        assert!(shown["as_of"]["block"].is_u64(), "{shown}");
        assert_eq!(shown["next"], Value::Null);
        let account = account.to_string();
        let words = ["delegate", "status", "--operator", "0", "--account", &account];
        let told: Value = tatum::json(tatum::command(&self.devnet, &words)?).await?;
        assert_eq!(shown["pool"], told, "as the command line has it");
        Ok(told)
    }

    async fn epoch(&self) -> anyhow::Result<u64> {
        self.caught_up().await?;
        Ok(self.get("/v1/network").await?["epoch"].as_u64().unwrap_or_default())
    }
}

#[tokio::test]
async fn a_wallet_delegates_asks_back_and_redeems() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let (wallet, owner) = (served.wallet.address(), served.pooled().await?);
    let pool = served.get("/v1/operators/0/delegation").await?;
    assert_eq!(
        (wei(&pool["pool"]["active_wei"]), &pool["pool"]["cut_bps"]),
        (5_000 * DATA, &json!(1_000))
    );
    assert_eq!(
        (&pool["pool"]["delegator"], &pool["pool"]["retired"]),
        (&Value::Null, &json!(false))
    );
    let none = served.get(&format!("/v1/accounts/{wallet}/delegations")).await?;
    assert_eq!((&none["delegations"], &none["next"]), (&json!([]), &Value::Null));

    let delegate = of("delegate", json!({ "amount_wei": data(500) }));
    let done = served.done(delegate.clone()).await?;
    assert_eq!(done["steps"].as_array().map(Vec::len), Some(2), "approve, delegate: {done}");
    assert!(done["warnings"][0].as_str().is_some_and(|text| text.contains("a slash")), "{done}");
    let part = served.part(wallet).await?;
    assert_eq!(wei(&part["delegator"]["worth_wei"]), 500 * DATA);
    assert_eq!(wei(&part["balance_wei"]), 500 * DATA, "it lies in the pool until it is collected");
    served.done(of("collect_delegation", json!({}))).await?;
    let part = served.part(wallet).await?;
    assert_eq!((wei(&part["balance_wei"]), wei(&part["bond_wei"])), (0, 5_500 * DATA));
    let held = served.get(&format!("/v1/accounts/{wallet}/delegations")).await?;
    assert_eq!(held["delegations"][0]["operator"], 0);
    assert_eq!(held["delegations"][0]["shares"], part["delegator"]["shares"]);
    assert_eq!(wei(&held["delegations"][0]["worth_wei"]), 500 * DATA);
    owner.set_delegation_cut(OperatorId(0), 1_200).await?;
    let part = served.part(wallet).await?;
    assert_eq!((&part["cut_bps"], &part["next_cut_bps"]), (&json!(1_000), &json!(1_200)));

    let epoch = served.epoch().await?;
    let asked = served.done(of("request_delegation", json!({ "amount_wei": data(200) }))).await?;
    assert_eq!(asked["steps"].as_array().map(Vec::len), Some(2), "ask, take out: {asked}");
    assert!(asked["warnings"][0].as_str().is_some_and(|text| text.contains("no way to take")));
    let part = served.part(wallet).await?;
    let request = part["delegator"]["requests"][0].clone();
    assert_eq!((wei(&request["worth_wei"]), &request["requested"]), (200 * DATA, &json!(epoch)));
    assert_eq!(wei(&part["delegator"]["worth_wei"]), 300 * DATA);
    assert_eq!(wei(&part["bond_wei"]), 5_300 * DATA, "it is on its way out of the bond");
    let redeem = of("redeem_delegation", json!({ "requested": epoch }));
    let early = served.prepared(redeem.clone()).await?;
    assert!(refused(&early).contains("it is redeemed from epoch"), "{early}");

    let unbonding = part["unbonding_epochs"].as_u64().unwrap_or_default();
    served.devnet.anvil().advance(unbonding * PARAMETERS.epoch_length_s).await?;
    assert_eq!(served.part(wallet).await?["delegator"]["requests"][0]["redeemable"], true);
    let before = wei(&served.account(wallet).await?["balance_wei"]);
    served.done(redeem.clone()).await?;
    assert_eq!(wei(&served.account(wallet).await?["balance_wei"]) - before, 200 * DATA);
    assert_eq!(served.part(wallet).await?["delegator"]["requests"], json!([]));
    let again = served.prepared(redeem).await?;
    assert!(refused(&again).contains("was redeemed already"), "{again}");

    served.done(of("request_delegation_all", json!({}))).await?;
    let part = served.part(wallet).await?;
    assert_eq!((wei(&part["delegator"]["shares"]), wei(&part["leaving_wei"])), (0, 300 * DATA));
    Ok(())
}

#[tokio::test]
async fn requests_of_many_epochs_come_in_pages_and_none_is_lost() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let wallet = served.wallet.address();
    served.pooled().await?;
    served.done(of("delegate", json!({ "amount_wei": data(500) }))).await?;
    let mut epochs = Vec::new();
    for amount in 1..=3 {
        epochs.push(served.epoch().await?);
        served.done(of("request_delegation", json!({ "amount_wei": data(amount) }))).await?;
        served.devnet.anvil().advance(PARAMETERS.epoch_length_s).await?;
    }
    served.caught_up().await?;
    let path = format!("/v1/operators/0/delegation/{wallet}");
    let requested = |page: &Value| -> Vec<u64> {
        let requests = page["pool"]["delegator"]["requests"].as_array().into_iter().flatten();
        requests.filter_map(|request| request["requested"].as_u64()).collect()
    };
    assert_eq!(requested(&served.get(&path).await?), epochs, "oldest first");
    let newest = served.get(&format!("{path}?limit=2")).await?;
    assert_eq!((requested(&newest), &newest["next"]), (epochs[1..].to_vec(), &json!(epochs[1])));
    let oldest = served.get(&format!("{path}?limit=2&before={}", epochs[1])).await?;
    assert_eq!((requested(&oldest), &oldest["next"]), (epochs[..1].to_vec(), &Value::Null));
    Ok(())
}

#[tokio::test]
async fn what_a_wallet_signed_for_a_pool_is_passed_on_and_for_a_stranger_is_not()
-> anyhow::Result<()> {
    let served = Served::start().await?;
    served.pooled().await?;
    let mut step = served.prepared(of("collect_delegation", json!({}))).await?["steps"][0].clone();
    let signed = async |step: &Value| -> anyhow::Result<Value> {
        let mut transaction = Wallet::transaction(step);
        let nonce = json!([served.wallet.address(), "latest"]);
        transaction["nonce"] = served.wallet.request("eth_getTransactionCount", nonce).await?;
        transaction["gas"] = "0x7a120".into();
        transaction["maxFeePerGas"] = "0x4a817c800".into();
        transaction["maxPriorityFeePerGas"] = "0x3b9aca00".into();
        let raw = served.wallet.request("eth_signTransaction", json!([transaction])).await?;
        Ok(if raw.is_object() { raw["raw"].clone() } else { raw })
    };
    let raw = signed(&step).await?;
    let (status, sent) = served.post("/v1/transactions", &json!({ "raw": raw })).await?;
    assert_eq!(status.as_u16(), 202, "{sent}");
    step["to"] = Devnet::account("stranger").address().to_string().into();
    let raw = signed(&step).await?;
    let (status, problem) = served.post("/v1/transactions", &json!({ "raw": raw })).await?;
    assert!(status.is_client_error() && problem["code"] == "refused", "{status}: {problem}");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_delegated_asked_back_or_told_says_why() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let wallet = served.wallet.address();
    served.pooled().await?;
    served
        .refuses(&[
            ("/v1/operators/7/delegation", 404, "not_found"),
            ("/v1/operators/1/delegation", 404, "not_found"),
            (&format!("/v1/operators/1/delegation/{wallet}"), 404, "not_found"),
            ("/v1/operators/0/delegation/0x12", 400, "bad_request"),
            (&format!("/v1/operators/0/delegation/{wallet}?limit=51"), 400, "bad_request"),
            (
                &format!("/v1/operators/0/delegation/{wallet}?before=9223372036854775808"),
                400,
                "bad_request",
            ),
            (&format!("/v1/accounts/{wallet}/delegations?limit=0"), 400, "bad_request"),
            ("/v1/accounts/zz/delegations", 400, "bad_request"),
        ])
        .await?;
    let nobody = Devnet::account("nobody").address();
    let none = served.get(&format!("/v1/operators/0/delegation/{nobody}")).await?;
    assert_eq!(none["pool"]["delegator"]["shares"], "0");

    let without = json!({ "action": "delegate", "operator": 1, "amount_wei": data(1) });
    let unknown = json!({ "action": "delegate", "operator": 7, "amount_wei": data(1) });
    let ask = of("request_delegation", json!({ "amount_wei": data(1) }));
    let text = of("delegate", json!({ "amount_wei": 5 }));
    let cases = [
        (without, 404, "not_found", "no pool of delegators"),
        (unknown, 404, "not_found", "no operator 7"),
        (ask, 409, "refused", "holds no shares"),
        (text, 400, "bad_request", "string"),
    ];
    for (body, expected, code, words) in cases {
        let (status, problem) = served.post("/v1/actions", &served.of_wallet(body)).await?;
        assert_eq!((status.as_u16(), &problem["code"]), (expected, &json!(code)), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(words)), "{problem}");
    }

    // What only the contract knows, in its words: too little, more than the owner's part carries, more than anybody has.
    served.done(of("delegate", json!({ "amount_wei": data(10) }))).await?;
    let much = of("request_delegation", json!({ "amount_wei": data(11) }));
    let (_, problem) = served.post("/v1/actions", &served.of_wallet(much)).await?;
    assert!(
        problem["detail"].as_str().is_some_and(|text| text.contains("is worth 10 DATA")),
        "{problem}"
    );
    let approved = served.prepared(of("delegate", json!({ "amount_wei": data(99_000) }))).await?;
    served.wallet.send(&approved["steps"][0]).await?;
    served.caught_up().await?;
    for (amount, words) in [("1", "too little"), (&data(96_000), "less than a twentieth")] {
        let prepared = served.prepared(of("delegate", json!({ "amount_wei": amount }))).await?;
        assert!(refused(&prepared).contains(words), "{prepared}");
    }
    let most = of("delegate", json!({ "amount_wei": u128::MAX.to_string() }));
    let (status, answer) = served.post("/v1/actions", &served.of_wallet(most)).await?;
    assert!(status.is_success() || status.is_client_error(), "{status}: {answer}");
    Ok(())
}
