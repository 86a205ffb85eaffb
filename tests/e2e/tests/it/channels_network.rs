//! Two subscribers pay by channel over real nodes; one of them leaves with an old receipt while the operator is away.

use std::path::Path;

use serde_json::Value;
use tatum_database::NodeStore;
use tatum_primitives::U256;
use tatum_receipt::{SessionKey, SignedReceipt, Verifier};
use tatum_test_utils::testnet::{
    Cast, MESSAGE_WEI, Network, Payer, RecordedStream, command, compare, hex, json,
};
use tatum_test_utils::{Devnet, DevnetParameters};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 20, challenge_window_s: 3, grace_s: 4, force_s: 0 };
const RECORDS: u128 = 1_000;
const RATE: u32 = 200;
/// What a channel holds.
const DEPOSIT_WEI: u128 = 50_000 * MESSAGE_WEI;
/// The window of channels unless told otherwise.
const WINDOW_S: u64 = 86_400;

async fn run(devnet: &Devnet, account: &SessionKey, arguments: &[&str]) -> anyhow::Result<Value> {
    let mut command = command(devnet, arguments)?;
    command.env("TATUM_PRIVATE_KEY", hex(account));
    json(command).await
}

/// A receipt that the payer signed, or could have, when one message had come.
async fn old_receipt(devnet: &Devnet, payer: &Payer, node: &str) -> anyhow::Result<SignedReceipt> {
    let store = NodeStore::open_file(&Path::new(node).join("node.db")).await?;
    let lanes = store.lanes().await?;
    store.close().await;
    let of_payer = lanes.iter().find(|lane| lane.receipt().payer == payer.account.address());
    let mut receipt = of_payer.ok_or_else(|| anyhow::anyhow!("no lane"))?.receipt().clone();
    assert_eq!(receipt.owed, MESSAGE_WEI * RECORDS);
    (receipt.messages, receipt.owed) = (1, MESSAGE_WEI);
    let verifier = Verifier::new(devnet.deployment().domain());
    Ok(SignedReceipt::sign(receipt, &payer.session, &verifier))
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_with_an_old_receipt_pays_all_though_the_operator_was_away() -> anyhow::Result<()>
{
    let folder = tempfile::tempdir()?;
    let records = (0..RECORDS).map(|n| format!("{{\"reading\":{n}}}")).collect();
    let streams = [RecordedStream::new("readings", records)?];
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
    let mut cast = Cast::assemble(&devnet, &streams, &[1], 2).await?;
    for subscriber in 0..2 {
        cast.open_channels(&devnet, subscriber).await?;
    }
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    network.until_epoch(schedule, cast.first_epoch).await;
    network.deliver(&devnet, &cast, &streams, RATE).await?;
    let delivery = compare(&streams, folder.path())?;
    assert_eq!((delivery.lost, delivery.surplus, delivery.in_order), (0, 0, true));
    let relay = &cast.relays[0].name;
    network.kill(relay).await?;
    let node = network.data(relay);
    let operator = &cast.operators[0].account;
    let chain = devnet.connect(operator).await?;
    let before_wei = chain.balance_wei(operator.address()).await?;

    let cheat = &cast.subscribers[0];
    let old = folder.path().join("old.json");
    std::fs::write(&old, serde_json::to_vec(&[old_receipt(&devnet, cheat, &node).await?])?)?;
    let old = old.display().to_string();
    let paid = run(&devnet, &cheat.account, &["channel", "redeem", "--receipts", &old]).await?;
    assert_eq!(paid["redeemed_wei"], MESSAGE_WEI.to_string());
    run(&devnet, &cheat.account, &["channel", "exit", "--operator", "0", "--yes"]).await?;

    // An hour is left when the operator's folder is looked at again.
    devnet.anvil().advance(WINDOW_S - 3_600).await?;
    let tower = Devnet::account("tower");
    devnet.fund(tower.address(), U256::ONE).await?;
    let look = ["watchtower", "run", "--once", "--redeem-at", "0.5", "--data", &node];
    let seen = run(&devnet, &tower, &look).await?;
    assert_eq!((&seen["exits"], &seen["answered"]), (&1.into(), &1.into()), "{seen}");
    let gained_wei = chain.balance_wei(operator.address()).await? - before_wei;
    assert_eq!(gained_wei, U256::from(2 * RECORDS * MESSAGE_WEI), "both paid for all");

    devnet.anvil().advance(3_700).await?;
    let address = cheat.account.address().to_string();
    let settle = ["channel", "settle", "--operator", "0", "--payer", &address];
    let settled = run(&devnet, &tower, &settle).await?;
    let rest_wei = U256::from(DEPOSIT_WEI - RECORDS * MESSAGE_WEI);
    assert_eq!(settled["returned_wei"], rest_wei.to_string());
    Ok(())
}
