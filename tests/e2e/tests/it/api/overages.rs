//! Overage through the API: a stranger's wallet bills a payer of a real network by the aggregator's proof, and the payer sees it.

use serde_json::{Value, json};
use tatum_primitives::{Address, B256, Epoch, OperatorId, StreamKey};
use tatum_receipt::{DeliveryReceipt, SignedReceipt, Verifier};
use tatum_test_utils::Devnet;

use super::Served;
use super::channels::is;
use crate::closed_epoch::{Closed, node};

fn payer(number: u8) -> Address {
    Devnet::account(&format!("payer {number}")).address()
}

fn wei(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Three times a payer's quota, with an operator each.
async fn too_much(closed: &Closed, epoch: Epoch, number: u8) -> anyhow::Result<Vec<SignedReceipt>> {
    let key = Devnet::account(&format!("payer {number}"));
    let words = ["stake", "status", "--payer", &key.address().to_string()];
    let quota: u64 = wei(&closed.json(&words).await?["quota_bytes"]).try_into()?;
    let verifier = Verifier::new(closed.devnet.deployment().domain());
    let receipt = |operator: u8| {
        let receipt = DeliveryReceipt {
            payer: key.address(),
            operator_id: OperatorId(operator.into()),
            node: node(operator),
            stream_key: StreamKey(B256::repeat_byte(number + 1)),
            epoch,
            sequence: 1,
            messages: 10,
            bytes: quota,
            bytes_on_time: quota,
            ..Default::default()
        };
        SignedReceipt::sign(receipt, &key, &verifier)
    };
    Ok((0..3).map(receipt).collect())
}

#[tokio::test]
async fn whoever_has_a_wallet_bills_who_signed_for_more_than_its_quota() -> anyhow::Result<()> {
    // So that the aggregator leaves it to whoever finds it worth the gas.
    let closed = Closed::start_with(&["--overage-reward", "1000000"]).await?;
    let epoch = closed.running().await?;
    let mut receipts = too_much(&closed, epoch, 0).await?;
    receipts.extend(too_much(&closed, epoch, 1).await?);
    closed.close_with(epoch, &receipts).await?;
    let of = epoch.to_string();
    let listed = closed.json(&["overage", "list", "--epoch", &of]).await?;
    let (devnet, aggregator) = closed.apart();
    let served = Served::beside(devnet, &aggregator.url, &[]).await?;

    // Who owes, as the command line finds it in the dataset.
    let path = format!("/v1/epochs/{epoch}/overages");
    let owed = served.get(&path).await?;
    assert_eq!((&owed["is_final"], &owed["next"]), (&json!(true), &Value::Null));
    assert_eq!(owed["overages"].as_array().map(Vec::len), Some(2), "{owed}");
    for (one, other) in owed["overages"]
        .as_array()
        .into_iter()
        .flatten()
        .zip(listed["overages"].as_array().into_iter().flatten())
    {
        for field in ["payer", "quota_bytes", "units", "bill_wei", "is_filed"] {
            assert_eq!(one[field], other[field], "{field} of {one} and {other}");
        }
        assert!(wei(&one["bill_wei"]) > 0 && one["is_filed"] == false, "{one}");
    }
    let first = served.get(&format!("{path}?limit=1")).await?;
    let after = first["next"].as_str().unwrap_or_default();
    let second = served.get(&format!("{path}?limit=1&after={after}")).await?;
    assert_eq!(second["next"], Value::Null);
    assert_eq!(
        [&first["overages"][0], &second["overages"][0]],
        [&owed["overages"][0], &owed["overages"][1]]
    );

    served.bills(epoch, payer(0), &path).await?;
    served.refuses_to_bill(epoch).await
}

impl Served {
    async fn bills(&self, epoch: Epoch, payer: Address, path: &str) -> anyhow::Result<()> {
        let of_payer = format!("/v1/accounts/{payer}/overages");
        assert_eq!(self.get(&of_payer).await?["overages"], json!([]));
        let wallet = self.wallet.address();
        let before = wei(&self.account(wallet).await?["balance_wei"]);
        let staked = wei(&self.account(payer).await?["stake"]["stake_wei"]);
        let file = json!({ "action": "file_overage", "epoch": epoch, "payer": payer.to_string() });
        self.done(file.clone()).await?;
        self.caught_up().await?;

        let billed = self.get(&of_payer).await?;
        assert!(billed["as_of"]["block"].is_u64() && billed["next"].is_null(), "{billed}");
        let bill = &billed["overages"][0];
        assert_eq!(
            (bill["epoch"].as_u64(), billed["overages"].as_array().map(Vec::len)),
            (Some(epoch.0), Some(1))
        );
        assert!(is(&bill["prover"], wallet) && is(&bill["payer"], payer), "{bill}");
        let charged = wei(&bill["charged_wei"]);
        assert!(charged > 0 && charged == wei(&bill["bill_wei"]), "{bill}");
        assert_eq!(wei(&self.account(wallet).await?["balance_wei"]) - before, charged / 10);
        assert!(wei(&self.account(payer).await?["stake"]["stake_wei"]) + charged <= staked);
        let owed = self.get(path).await?;
        let filed = |payer| {
            let all = owed["overages"].as_array().into_iter().flatten();
            all.clone().find(|one| is(&one["payer"], payer)).map(|one| one["is_filed"].clone())
        };
        assert_eq!(
            [filed(payer), filed(super::overages::payer(1))],
            [Some(json!(true)), Some(json!(false))]
        );

        let again = self.prepared(file).await?;
        let refused = again["steps"][0]["refused"].as_str().unwrap_or_default();
        assert!(refused.contains("billed"), "{again}");
        Ok(())
    }

    async fn refuses_to_bill(&self, epoch: Epoch) -> anyhow::Result<()> {
        let honest = Devnet::account("honest").address();
        assert_eq!(
            self.get(&format!("/v1/accounts/{honest}/overages")).await?["overages"],
            json!([])
        );
        for (epoch, payer) in [(epoch.0, honest), (epoch.0 + 1_000, payer(1))] {
            let file =
                json!({ "action": "file_overage", "epoch": epoch, "payer": payer.to_string() });
            let (status, problem) = self.post("/v1/actions", &self.of_wallet(file)).await?;
            assert_eq!(
                (status.as_u16(), &problem["code"]),
                (404, &json!("not_found")),
                "{problem}"
            );
        }
        self.refuses(&[
            (&format!("/v1/epochs/{}/overages", epoch.0 + 1_000), 404, "not_found"),
            (&format!("/v1/epochs/{epoch}/overages?limit=51"), 400, "bad_request"),
            (&format!("/v1/epochs/{epoch}/overages?after=1"), 400, "bad_request"),
            ("/v1/epochs/x/overages", 400, "bad_request"),
            (&format!("/v1/accounts/{honest}/overages?limit=201"), 400, "bad_request"),
            (&format!("/v1/accounts/{honest}/overages?before=-1"), 400, "bad_request"),
            ("/v1/accounts/0x12/overages", 400, "bad_request"),
        ])
        .await
    }
}
