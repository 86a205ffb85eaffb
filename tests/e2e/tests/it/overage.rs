//! Payers that sign for more than their quotas, through the real binary: billed by the aggregator where a tenth is worth it, by hand where
//! not, named by the audit, and shown to whom it was taken from.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tatum_primitives::{Address, B256, Epoch, OperatorId, StreamKey};
use tatum_receipt::{DeliveryReceipt, SignedReceipt, Verifier};
use tatum_test_utils::Devnet;
use tokio::time::{Instant, sleep};

use crate::closed_epoch::{Closed, node};

const PATIENCE: Duration = Duration::from_secs(60);

/// Payer 1 has twice the stake of payer 0: a tenth of its bill is more than 5 DATA, of the other's less.
const REWARD: &str = "5";

fn payer(number: u8) -> Address {
    Devnet::account(&format!("payer {number}")).address()
}

/// What a payer signs for with operators 0, 1, … .
fn signed(closed: &Closed, epoch: Epoch, number: u8, units: &[u64]) -> Vec<SignedReceipt> {
    let key = Devnet::account(&format!("payer {number}"));
    let verifier = Verifier::new(closed.devnet.deployment().domain());
    let receipt = |(operator, units): (u8, &u64)| {
        let receipt = DeliveryReceipt {
            payer: key.address(),
            operator_id: OperatorId(operator.into()),
            node: node(operator),
            stream_key: StreamKey(B256::repeat_byte(number + 1)),
            epoch,
            sequence: 1,
            messages: 10,
            bytes: *units,
            bytes_on_time: *units,
            ..Default::default()
        };
        SignedReceipt::sign(receipt, &key, &verifier)
    };
    (0..).zip(units).map(receipt).collect()
}

async fn status(closed: &Closed, number: u8) -> anyhow::Result<Value> {
    closed.json(&["stake", "status", "--payer", &payer(number).to_string()]).await
}

/// However it is written.
fn is(value: &Value, address: Address) -> bool {
    value.as_str().is_some_and(|text| text.parse() == Ok(address))
}

fn wei(value: &Value) -> u128 {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// Until the aggregator has billed a payer.
async fn billed(closed: &Closed, number: u8) -> anyhow::Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = status(closed, number).await?;
        if status["overages"].as_array().is_some_and(|all| !all.is_empty()) {
            return Ok(status);
        }
        ensure!(Instant::now() < deadline, "payer {number} was not billed: {status}");
        sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn who_signs_for_more_than_its_quota_is_billed_by_its_own_signatures() -> anyhow::Result<()> {
    let closed = Closed::start_with(&["--overage-reward", REWARD]).await?;
    let epoch = closed.running().await?;
    let mut receipts = Vec::new();
    let mut stakes_wei = Vec::new();
    for number in 0..2 {
        let status = status(&closed, number).await?;
        let quota: u64 = wei(&status["quota_bytes"]).try_into()?;
        receipts.extend(signed(&closed, epoch, number, &[quota, quota, quota]));
        stakes_wei.push(wei(&status["stake_wei"]));
    }
    closed.close_with(epoch, &receipts).await?;

    // The larger by the aggregator: four times what it steered, nine tenths of one per cent of its stake.
    let shown = billed(&closed, 1).await?;
    let bill = &shown["overages"][0];
    let (bill_wei, charged_wei) = (wei(&bill["bill_wei"]), wei(&bill["charged_wei"]));
    let steered_wei = stakes_wei[1] / 100 * 9 / 10;
    assert!(bill_wei.abs_diff(4 * steered_wei) < 8_000_000_000, "{bill} of {}", stakes_wei[1]);
    assert_eq!((bill_wei, bill["epoch"].as_u64()), (charged_wei, Some(epoch.0)));
    assert!(is(&bill["prover"], Devnet::account("proposer").address()), "{bill}");

    // The smaller is left for whoever finds it worth the gas.
    let of = epoch.to_string();
    let listed = closed.json(&["overage", "list", "--epoch", &of]).await?;
    let filed = |listed: &Value, number: u8| {
        let all = listed["overages"].as_array().into_iter().flatten();
        all.clone().find(|one| is(&one["payer"], payer(number))).map(|one| one["is_filed"].clone())
    };
    assert_eq!(filed(&listed, 1), Some(true.into()), "{listed}");
    assert_eq!(filed(&listed, 0), Some(false.into()), "{listed}");
    assert_eq!(status(&closed, 0).await?["overages"], Value::Array(vec![]));
    let by_hand = closed.json(&["overage", "file", "--epoch", &of]).await?;
    assert_eq!(by_hand.as_array().map(Vec::len), Some(1), "{by_hand}");
    assert!(by_hand[0]["transaction"].is_string(), "{by_hand}");
    let shown = status(&closed, 0).await?;
    let charged_wei = wei(&shown["overages"][0]["charged_wei"]);
    let left_wei = stakes_wei[0] - stakes_wei[0] / 100 - wei(&shown["stake_wei"]);
    assert!(left_wei.abs_diff(charged_wei) < stakes_wei[0] / 100, "{shown}");
    assert!(is(&shown["overages"][0]["prover"], Devnet::account("operator").address()), "{shown}");
    let (code, told) = closed.told(&["overage", "file", "--epoch", &of]).await?;
    assert!(code == Some(1) && told.contains("was filed before"), "{told}");

    // The audit names it, and finds nothing wrong.
    let (code, told) = closed.told(&["audit", "epoch", &of]).await?;
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(told.matches("of a quota of").count(), 2, "{told}");

    // Within the tolerance nothing is owed; what was charged is in the next pot, and everything adds up.
    let epoch = closed.running().await?;
    let quota: u64 = wei(&status(&closed, 0).await?["quota_bytes"]).try_into()?;
    closed.close_with(epoch, &signed(&closed, epoch, 0, &[quota, quota / 20])).await?;
    let of = epoch.to_string();
    let listed = closed.json(&["overage", "list", "--epoch", &of]).await?;
    assert_eq!((&listed["overages"], &listed["is_final"]), (&Value::Array(vec![]), &true.into()));
    let (code, told) = closed.told(&["overage", "file", "--epoch", &of]).await?;
    assert!(code == Some(1) && told.contains("nobody"), "{told}");
    let audited = closed.json(&["audit", "epoch", &of]).await.context("auditing the next")?;
    assert_eq!(audited["ok"], true, "{audited}");
    let report = &audited["proposals"][0]["report"];
    let available_nano = wei(&report["pot_nano"]);
    assert!(available_nano > 9 * charged_wei / 10 / 1_000_000_000, "{report}");
    Ok(())
}
