//! Payment channels as the API tells them: figures after real transactions, from either side, and the same as the command line has.

use serde_json::{Value, json};
use tatum_primitives::{Address, B256, NodeId, OperatorId, StreamKey, U256};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};
use tatum_test_utils::Devnet;
use tatum_test_utils::testnet as tatum;

use super::{DATA, Served, data};

const WINDOW_MINUTES: u16 = 60;

/// However it is written.
pub(super) fn is(value: &Value, address: Address) -> bool {
    value.as_str().is_some_and(|text| text.parse() == Ok(address))
}

fn operators(page: &Value) -> Vec<u64> {
    let channels = page["channels"].as_array().into_iter().flatten();
    channels.filter_map(|channel| channel["operator"].as_u64()).collect()
}

impl Served {
    async fn registers(&self, name: &str) -> anyhow::Result<()> {
        let payout = self.wallet.address().to_string();
        let register = json!({
            "action": "register_operator", "payout": payout, "bond_wei": data(5_000), "metadata": name,
        });
        self.done(register).await.map(drop)
    }

    async fn opens(&self, operator: u32, amount: u128) -> anyhow::Result<()> {
        self.done(json!({
            "action": "open_channel", "operator": operator, "deposit_wei": data(amount),
            "window_minutes": WINDOW_MINUTES,
        }))
        .await
        .map(drop)
    }

    async fn channel(&self, operator: u32, payer: Address) -> anyhow::Result<Value> {
        self.caught_up().await?;
        let shown = self.get(&format!("/v1/operators/{operator}/channels/{payer}")).await?;
        assert!(shown["as_of"]["block"].is_u64(), "{shown}");
        let operator = operator.to_string();
        let payer = payer.to_string();
        let words = ["channel", "status", "--operator", &operator, "--payer", &payer];
        let told: Value = tatum::json(tatum::command(&self.devnet, &words)?).await?;
        assert_eq!(shown["channel"], told, "as the command line has it");
        Ok(told)
    }

    /// The payer signs for so much, and anybody redeems it.
    async fn redeems(&self, payer: &SessionKey, amount: u128) -> anyhow::Result<()> {
        let chain = self.devnet.connect(payer).await?;
        let channel = chain.channel(payer.address(), OperatorId(0)).await?.id();
        let receipt = DeliveryReceipt {
            payer: payer.address(),
            node: NodeId(B256::repeat_byte(7)),
            stream_key: StreamKey(B256::repeat_byte(8)),
            sequence: 1,
            messages: 10,
            bytes: 1_000,
            bytes_on_time: 900,
            channel,
            owed: amount * DATA,
            ..DeliveryReceipt::default()
        };
        let verifier = Verifier::new(self.devnet.deployment().domain());
        chain.redeem_receipts(&[SignedReceipt::sign(receipt, payer, &verifier)]).await?;
        Ok(())
    }
}

#[tokio::test]
async fn channels_are_told_from_either_side_from_their_opening_to_their_end() -> anyhow::Result<()>
{
    let served = Served::start().await?;
    let (wallet, payer) = (served.wallet.address(), Devnet::account("payer"));
    for name in ["acme", "brand", "corner"] {
        served.registers(name).await?;
    }
    served.opens(0, 10).await?;
    served.opens(2, 20).await?;
    served.devnet.fund(payer.address(), U256::from(100 * DATA)).await?;
    let theirs = served.devnet.connect(&payer).await?;
    theirs.open_channel(OperatorId(0), WINDOW_MINUTES, U256::from(50 * DATA)).await?;
    served.redeems(&payer, 20).await?;

    let channel = served.channel(0, payer.address()).await?;
    assert_eq!(
        (&channel["deposited_wei"], &channel["paid_wei"]),
        (&json!(data(50)), &json!(data(20)))
    );
    assert_eq!((&channel["left_wei"], &channel["state"]), (&json!(data(30)), &json!("open")));
    assert!(is(&channel["payee"], wallet), "{channel}");

    // The payer's side, in pages.
    let of_wallet = format!("/v1/accounts/{wallet}/channels");
    let all = served.get(&of_wallet).await?;
    assert_eq!((operators(&all), &all["next"]), (vec![0, 2], &Value::Null));
    let first = served.get(&format!("{of_wallet}?limit=1")).await?;
    assert_eq!((operators(&first), &first["next"]), (vec![0], &json!(0)));
    let second = served.get(&format!("{of_wallet}?limit=1&after=0")).await?;
    assert_eq!((operators(&second), &second["next"]), (vec![2], &Value::Null));

    // The operator's.
    let both = served.get("/v1/operators/0/channels").await?;
    assert_eq!((operators(&both).len(), &both["next"]), (2, &Value::Null));
    let first = served.get("/v1/operators/0/channels?limit=1").await?;
    let next = first["next"].as_str().unwrap_or_default();
    let second = served.get(&format!("/v1/operators/0/channels?limit=1&after={next}")).await?;
    assert_eq!(second["next"], Value::Null);
    for address in [wallet, payer.address()] {
        let pages = [&first, &second].map(|page| is(&page["channels"][0]["payer"], address));
        assert_ne!(pages[0], pages[1], "each is on one page");
    }
    assert_eq!(served.get("/v1/operators/1/channels").await?["channels"], json!([]));

    served.leaves_and_settles(wallet).await
}

impl Served {
    async fn leaves_and_settles(&self, wallet: Address) -> anyhow::Result<()> {
        self.done(json!({ "action": "exit_channel", "operator": 2 })).await?;
        let leaving = self.channel(2, wallet).await?;
        assert_eq!(leaving["state"], "exiting");
        let began_s =
            self.get("/v1/network").await?["as_of"]["time_s"].as_u64().unwrap_or_default();
        let ends_s = leaving["exit_ends_s"].as_u64().unwrap_or_default();
        assert!(ends_s.abs_diff(began_s + u64::from(WINDOW_MINUTES) * 60) < 60, "{leaving}");
        self.devnet.anvil().advance(u64::from(WINDOW_MINUTES) * 60 + 60).await?;
        assert_eq!(self.channel(2, wallet).await?["state"], "exit_over");
        let settle =
            json!({ "action": "settle_channel", "payer": wallet.to_string(), "operator": 2 });
        self.done(settle).await?;
        let over = self.channel(2, wallet).await?;
        assert_eq!((&over["state"], &over["generation"]), (&json!("not_open"), &json!(1)));
        assert_eq!(over["deposited_wei"], "0");
        let left = self.get(&format!("/v1/accounts/{wallet}/channels")).await?;
        assert_eq!(operators(&left), [0], "only what is open is listed");
        Ok(())
    }
}

#[tokio::test]
async fn channels_of_nobody_are_none_and_wrong_questions_have_problems() -> anyhow::Result<()> {
    let served = Served::start().await?;
    let nobody = Devnet::account("nobody").address();
    let none = served.get(&format!("/v1/accounts/{nobody}/channels")).await?;
    assert_eq!((&none["channels"], &none["next"]), (&json!([]), &Value::Null));
    served
        .refuses(&[
            (&format!("/v1/accounts/{nobody}/channels?limit=0"), 400, "bad_request"),
            (&format!("/v1/accounts/{nobody}/channels?limit=51"), 400, "bad_request"),
            (&format!("/v1/accounts/{nobody}/channels?after=x"), 400, "bad_request"),
            (&format!("/v1/accounts/{nobody}/channels?more=1"), 400, "bad_request"),
            ("/v1/accounts/0x12/channels", 400, "bad_request"),
            ("/v1/operators/0/channels", 404, "not_found"),
            ("/v1/operators/x/channels", 400, "bad_request"),
            ("/v1/operators/0/channels?after=0x12", 400, "bad_request"),
            (&format!("/v1/operators/0/channels/{nobody}"), 404, "not_found"),
            ("/v1/operators/0/channels/0x12", 400, "bad_request"),
        ])
        .await
}
