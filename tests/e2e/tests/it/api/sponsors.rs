//! Sponsors' vaults through the API: a stranger's wallet makes one, pays into it by each way, asks back and redeems, and is told the same
//! figures as by the command line.

use serde_json::{Value, json};
use tatum_primitives::{Address, B256, U256};
use tatum_test_utils::Devnet;
use tatum_test_utils::testnet as tatum;

use super::delegations::refused;
use super::{DATA, PARAMETERS, Served, data};

const END: u64 = 20;

fn wei(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn of(vault: &str, action: &str, more: Value) -> Value {
    let mut body = json!({ "action": action, "vault": vault });
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

fn create(end_epoch: u64) -> Value {
    let owner = Devnet::account("stream owner").address().to_string();
    json!({
        "action": "create_sponsor_vault", "stream_owner": owner, "end_epoch": end_epoch,
        "streams": B256::repeat_byte(7).to_string(),
    })
}

impl Served {
    /// The vault that the wallet makes.
    async fn vault(&self) -> anyhow::Result<String> {
        self.done(create(END)).await?;
        let listed = self.get("/v1/sponsors").await?;
        assert_eq!(listed["vaults"].as_array().map(Vec::len), Some(1), "{listed}");
        Ok(listed["vaults"][0]["vault"].as_str().unwrap_or_default().to_owned())
    }

    /// The vault, and somebody's part of it, which the command line tells alike.
    async fn sponsored(&self, vault: &str, account: Address) -> anyhow::Result<Value> {
        self.caught_up().await?;
        let shown = self.get(&format!("/v1/sponsors/{vault}/{account}")).await?;
        assert_eq!(shown["next"], Value::Null);
        let account = account.to_string();
        let words = ["sponsor", "status", "--vault", vault, "--account", &account];
        let told: Value = tatum::json(tatum::command(&self.devnet, &words)?).await?;
        assert_eq!(shown["vault"], told, "as the command line has it");
        Ok(told)
    }
}

#[tokio::test]
async fn a_wallet_sponsors_by_each_way_asks_back_and_redeems() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let wallet = served.wallet.address();
    let vault = served.vault().await?;
    let sponsor = |amount: u128, by: &str| {
        of(&vault, "sponsor", json!({ "amount_wei": data(amount), "by": by }))
    };

    // A permit that the wallet signs for the vault; used up, it is refused before it is sent.
    let prepared = served.prepared(sponsor(10, "permit")).await?;
    let step = &prepared["steps"][0];
    assert_eq!((step["kind"].as_str(), step["answer"].as_str()), (Some("sign"), Some("permit")));
    assert!(prepared["warnings"][0].as_str().is_some_and(|text| text.contains("a fee of 1 %")));
    let mut permitted = sponsor(10, "permit");
    permitted["permit"] = json!({
        "deadline_s": step["typed_data"]["message"]["deadline"],
        "signature": served.wallet.sign(step).await?,
    });
    served.done(permitted.clone()).await?;
    let again = served.prepared(permitted).await?;
    assert!(!refused(&again).is_empty(), "a permit is good once: {again}");
    let approved = served.done(sponsor(20, "approve")).await?;
    assert_eq!(approved["steps"].as_array().map(Vec::len), Some(2), "approve, sponsor: {approved}");
    served.done(sponsor(70, "transfer_and_call")).await?;
    let part = served.sponsored(&vault, wallet).await?;
    assert_eq!((wei(&part["idle_wei"]), wei(&part["staked_wei"])), (100 * DATA, 0));
    assert_eq!(wei(&part["sponsor"]["worth_wei"]), 100 * DATA);
    served.done(of(&vault, "stake_sponsored", json!({}))).await?;
    let part = served.sponsored(&vault, wallet).await?;
    assert_eq!((wei(&part["idle_wei"]), wei(&part["staked_wei"])), (0, 100 * DATA));
    let held = served.get(&format!("/v1/accounts/{wallet}/sponsored")).await?;
    assert_eq!(held["sponsored"].as_array().map(Vec::len), Some(1));
    assert_eq!(wei(&held["sponsored"][0]["worth_wei"]), 100 * DATA);

    let asked = of(&vault, "request_sponsored", json!({ "amount_wei": data(40) }));
    let asked = served.done(asked).await?;
    assert!(asked["warnings"][0].as_str().is_some_and(|text| text.contains("no way to take")));
    served.devnet.anvil().advance(PARAMETERS.epoch_length_s).await?;
    served.caught_up().await?;
    served.done(of(&vault, "request_sponsored_all", json!({}))).await?;
    let part = served.sponsored(&vault, wallet).await?;
    let requests = part["sponsor"]["requests"].as_array().cloned().unwrap_or_default();
    assert_eq!(requests.len(), 2, "of two epochs: {part}");
    let path = format!("/v1/sponsors/{vault}/{wallet}");
    let newest = served.get(&format!("{path}?limit=1")).await?;
    let requested = |page: &Value| page["vault"]["sponsor"]["requests"][0]["requested"].as_u64();
    assert_eq!((requested(&newest), newest["next"].as_u64()), (Some(1), Some(1)));
    let oldest = served.get(&format!("{path}?limit=1&before=1")).await?;
    assert_eq!((requested(&oldest), &oldest["next"]), (Some(0), &Value::Null));

    let redeem = |epoch: u64| of(&vault, "redeem_sponsored", json!({ "requested": epoch }));
    let early = served.prepared(redeem(0)).await?;
    assert!(refused(&early).contains("it is redeemed from epoch"), "{early}");
    served.devnet.anvil().advance(6 * PARAMETERS.epoch_length_s).await?;
    served.caught_up().await?;
    served.done(of(&vault, "collect_sponsored", json!({}))).await?;
    let before = wei(&served.account(wallet).await?["balance_wei"]);
    served.done(redeem(0)).await?;
    served.done(redeem(1)).await?;
    let got = wei(&served.account(wallet).await?["balance_wei"]) - before;
    let promised = wei(&requests[0]["worth_wei"]) + wei(&requests[1]["worth_wei"]);
    assert!(got.abs_diff(promised) <= 10 && got > 97 * DATA, "{got} of {promised}");
    assert_eq!(served.sponsored(&vault, wallet).await?["sponsor"]["requests"], json!([]));
    let again = served.prepared(redeem(0)).await?;
    assert!(refused(&again).contains("was redeemed already"), "{again}");
    Ok(())
}

#[tokio::test]
async fn the_streams_owner_names_keys_and_a_vault_ends() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let (wallet, key) = (served.wallet.address(), Devnet::account("gate"));
    let others = served.vault().await?;
    let mut mine = create(2);
    mine["stream_owner"] = wallet.to_string().into();
    served.done(mine).await?;
    let listed = served.get(&format!("/v1/sponsors?owner={wallet}")).await?;
    assert_eq!(listed["vaults"].as_array().map(Vec::len), Some(1), "{listed}");
    let vault: Address = listed["vaults"][0]["vault"].as_str().unwrap_or_default().parse()?;
    let domain = served.devnet.deployment().domain();
    let proof = tatum_chain::session_key_proof(domain, vault, &key).to_string();
    let vault = vault.to_string();
    let named = json!({ "key": key.address().to_string(), "proof": proof });
    let stranger = served.prepared(of(&others, "authorize_sponsored_key", named.clone())).await?;
    assert!(refused(&stranger).contains("does not own the streams"), "{stranger}");
    let done = served.done(of(&vault, "authorize_sponsored_key", named)).await?;
    assert!(
        done["warnings"][0].as_str().is_some_and(|text| text.contains("billed to the sponsors"))
    );
    let shown = served.sponsored(&vault, wallet).await?;
    assert_eq!(shown["keys"][0]["state"], "active", "{shown}");
    let key = json!({ "key": key.address().to_string() });
    served.done(of(&vault, "revoke_sponsored_key", key)).await?;
    let shown = served.sponsored(&vault, wallet).await?;
    assert_eq!(shown["keys"][0]["state"], "revoked", "{shown}");

    let handed = json!({ "amount_wei": data(5), "by": "transfer_and_call" });
    served.done(of(&vault, "sponsor", handed.clone())).await?;
    served.done(of(&vault, "stake_sponsored", json!({}))).await?;
    let early = served.prepared(of(&vault, "end_sponsored", json!({}))).await?;
    assert!(refused(&early).contains("goes on until epoch 2"), "{early}");
    served.devnet.anvil().advance(2 * PARAMETERS.epoch_length_s).await?;
    served.caught_up().await?;
    let late = served.prepared(of(&vault, "sponsor", handed)).await?;
    assert!(refused(&late).contains("ended"), "{late}");
    served.done(of(&vault, "end_sponsored", json!({}))).await?;
    let shown = served.sponsored(&vault, wallet).await?;
    assert_eq!((wei(&shown["staked_wei"]), &shown["ended"]), (0, &json!(true)));
    Ok(())
}

#[tokio::test]
async fn what_is_no_vault_or_cannot_be_done_with_one_says_why() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let wallet = served.wallet.address();
    let vault = served.vault().await?;
    let token = served.devnet.deployment().token.to_string();
    served
        .refuses(&[
            (&format!("/v1/sponsors/{token}"), 404, "not_found"),
            (&format!("/v1/sponsors/{token}/{wallet}"), 404, "not_found"),
            ("/v1/sponsors/0x12", 400, "bad_request"),
            ("/v1/sponsors?limit=201", 400, "bad_request"),
            ("/v1/sponsors?owner=acme", 400, "bad_request"),
            (&format!("/v1/sponsors/{vault}/{wallet}?limit=51"), 400, "bad_request"),
            (&format!("/v1/accounts/{wallet}/sponsored?limit=0"), 400, "bad_request"),
        ])
        .await?;
    let one = json!({ "amount_wei": data(1) });
    let cases = [
        (of(&token, "sponsor", one.clone()), 404, "not_found", "no sponsors' vault"),
        (of(&token, "end_sponsored", json!({})), 404, "not_found", "no sponsors' vault"),
        (of(&vault, "request_sponsored", one), 409, "refused", "holds no shares"),
        (of(&vault, "sponsor", json!({ "amount_wei": 5 })), 400, "bad_request", "string"),
    ];
    for (body, expected, code, words) in cases {
        let (status, problem) = served.post("/v1/actions", &served.of_wallet(body)).await?;
        assert_eq!((status.as_u16(), &problem["code"]), (expected, &json!(code)), "{problem}");
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(words)), "{problem}");
    }
    let twice = served.prepared(create(END)).await?;
    assert!(refused(&twice).contains("there may be one already"), "{twice}");
    let past = served.prepared(create(0)).await?;
    assert!(refused(&past).contains("ends in an epoch from 1 to 1000"), "{past}");
    let little =
        json!({ "amount_wei": U256::from(DATA / 20).to_string(), "by": "transfer_and_call" });
    let little = served.prepared(of(&vault, "sponsor", little)).await?;
    assert!(refused(&little).contains("give 0.1 DATA at least"), "{little}");
    let nobody = Devnet::account("nobody").address();
    let none = served.sponsored(&vault, nobody).await?;
    assert_eq!(none["sponsor"]["shares"], "0");
    Ok(())
}
