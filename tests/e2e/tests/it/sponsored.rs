//! A sponsored stream through real processes: two sponsors put a stake together, the streams' owner names a key, a subscriber with that key is
//! served with the vault as its payer, the epoch is closed, the relay's operator is paid of the vault's fee, and a sponsor gets its part back.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::Value;
use tatum_primitives::{Address, Epoch, Nano, U256};
use tatum_receipt::SessionKey;
use tatum_test_utils::testnet::{
    Cast, Network, Payer, RecordedStream, audit_all, claim_all, command, compare, hex, json,
    recompute,
};
use tatum_test_utils::{Devnet, DevnetParameters};
use tokio::time::{Instant, sleep};

use crate::sponsors::{data, wei};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 20, challenge_window_s: 3, grace_s: 4, force_s: 0 };
const RECORDS: usize = 600;
const RATE: u32 = 100;
const PATIENCE: Duration = Duration::from_secs(120);

async fn sponsor(devnet: &Devnet, key: &SessionKey, words: &[&str]) -> anyhow::Result<Value> {
    let mut command = command(devnet, &[&["sponsor"], words].concat())?;
    command.env("TATUM_PRIVATE_KEY", hex(key));
    json(command).await
}

/// A vault with 2 and 98 DATA for a stream, by two sponsors, and the subscriber's key named by the stream's owner.
async fn put_together(
    devnet: &Devnet,
    stream: &RecordedStream,
    subscriber: &mut Payer,
    sponsors: &[SessionKey; 2],
) -> anyhow::Result<()> {
    for sponsor in sponsors {
        devnet.fund(sponsor.address(), data(100)).await?;
    }
    let create = ["create", "--stream", stream.id.as_str(), "--epochs", "500", "--yes"];
    let made = sponsor(devnet, &sponsors[0], &create).await?;
    let vault = made["vault"].as_str().context("no vault")?;
    sponsor(devnet, &sponsors[0], &["add", "2", "--vault", vault, "--yes"]).await?;
    let added = sponsor(devnet, &sponsors[1], &["add", "98", "--vault", vault, "--yes"]).await?;
    assert_eq!(wei(&added["staked_wei"]), data(100), "together it is a stake: {added}");
    let mut authorize = command(devnet, &["sponsor", "authorize", "--vault", vault, "--yes"])?;
    authorize
        .env("TATUM_PRIVATE_KEY", hex(&stream.owner()))
        .env("TATUM_SESSION_KEY", hex(&subscriber.session));
    let _: Value = json(authorize).await?;
    subscriber.vault = Some(vault.parse()?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_without_a_stake_is_served_and_the_vault_pays_the_operator() -> anyhow::Result<()>
{
    let folder = tempfile::tempdir()?;
    let records = (0..RECORDS).map(|n| format!("{{\"reading\":{n}}}")).collect();
    let streams = [RecordedStream::new("readings", records)?];
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let mut cast = Cast::assemble(&devnet, &streams, &[1], 0).await?;
    let name = "readings-subscriber-1".to_owned();
    let mut reader = Payer::new(name, Devnet::account("reader without a stake"), 0);
    let sponsors = ["first sponsor", "second sponsor"].map(Devnet::account);
    devnet
        .anvil()
        .hurry(Box::pin(put_together(&devnet, &streams[0], &mut reader, &sponsors)))
        .await?;
    let vault = reader.address();
    cast.subscribers.push(reader);
    let chain = devnet.connect(&Devnet::account("auditor")).await?;
    let schedule = chain.schedule().await?;
    let (_, now_s) = chain.head().await?;
    let counts_from = schedule.epoch_at_ms(now_s * 1_000).next();

    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    network.start_api(&devnet).await?;
    network.until_epoch(schedule, counts_from).await;
    let shown = chain.vault_status(vault, None).await?;
    assert!(shown.quota_bytes > U256::ZERO && shown.next_quota_bytes > U256::ZERO, "{shown:?}");
    network.grant(&devnet, &cast, &streams).await?;
    network.subscribe(&devnet, &cast, &streams).await?;
    network.publish(&devnet, &cast, &streams, RATE)?;
    network.until_published(&streams, |_| {}).await?;
    network.stop_subscribers(&streams).await?;
    let delivery = compare(&streams, folder.path())?;
    assert_eq!((delivery.delivered, delivery.lost, delivery.surplus), (RECORDS, 0, 0));

    let vault_text = vault.to_string();
    let remove = ["remove", "--all", "--vault", &vault_text, "--yes"];
    let asked = sponsor(&devnet, &sponsors[1], &remove).await?;
    let last = schedule.epoch_at_ms(network.now_ms());
    network.until_finalized(&devnet, last, |_| {}).await?;
    operator_is_paid_of_the_vaults_fee(&devnet, &network, &cast, vault, last).await?;
    leaves(&devnet, &sponsors[1], vault, &asked).await?;
    network.stop().await
}

/// Receipts by the vault's key steered its fee to the operator, which claims it, and whoever audits that agrees.
async fn operator_is_paid_of_the_vaults_fee(
    devnet: &Devnet,
    network: &Network,
    cast: &Cast,
    vault: Address,
    last: Epoch,
) -> anyhow::Result<()> {
    let mut steered = 0;
    for epoch in (0..=last.0).map(Epoch) {
        let receipts = network.receipts(epoch).await?;
        let by_vault = receipts.iter().filter(|signed| signed.receipt.payer == vault).count();
        if by_vault == 0 {
            continue;
        }
        let number = epoch.to_string();
        let words = ["explain", "payout", "--operator", "0", "--epoch", &number, "--aggregator"];
        let words = [&words[..], &[network.aggregator_url()]].concat();
        let told: Value = json(command(devnet, &words)?).await?;
        let edges = told["work"].as_array().into_iter().flatten();
        let of_vault = edges.filter(|edge| {
            edge["payer"].as_str().and_then(|payer| payer.parse().ok()) == Some(vault)
        });
        let nano: u64 =
            of_vault.filter_map(|edge| edge["work_nano"].as_str()?.parse::<u64>().ok()).sum();
        let fee_wei = fee_of(devnet, epoch, vault).await?;
        let most = Nano::from_wei_down(fee_wei)?.0 * 9 / 10;
        // One operator serves all: what the vault steers is its, all of the fee but the pool's tenth.
        assert!(nano > 0 && nano.abs_diff(most) <= 1, "{nano} of {most} in epoch {epoch}: {told}");
        steered += nano;
    }
    ensure!(steered > 0, "no receipt names the vault");
    let recomputed = recompute(devnet, network, last).await?;
    let paid = claim_all(devnet, cast, network, &recomputed).await?;
    assert!(paid.iter().all(|operator| operator.is_paid_in_full()), "{paid:?}");
    assert_eq!(recomputed.messages_to_subscribers, RECORDS as u64);
    for epoch in audit_all(devnet, network, last).await? {
        assert_eq!(epoch.audit, "ok", "{epoch:?}");
    }
    Ok(())
}

async fn fee_of(devnet: &Devnet, epoch: Epoch, payer: Address) -> anyhow::Result<U256> {
    let inputs = devnet.connect(&Devnet::account("auditor")).await?.epoch_inputs(epoch).await?;
    let of = inputs.payers.iter().find(|input| input.payer == payer);
    Ok(of.context("the vault is no payer of that epoch")?.fee_wei)
}

/// After the unbonding, and the settlement of the epoch in which it asked, the sponsor has its part.
async fn leaves(
    devnet: &Devnet,
    leaver: &SessionKey,
    vault: Address,
    asked: &Value,
) -> anyhow::Result<()> {
    let request = &asked["sponsor"]["requests"][0];
    let promised = wei(&request["worth_wei"]);
    let fees = data(98) - promised;
    assert!(promised > data(90) && fees > data(98) / U256::from(100), "{asked}");
    let chain = devnet.connect(leaver).await?;
    let before = chain.balance_wei(leaver.address()).await?;
    let deadline = Instant::now() + PATIENCE;
    let vault = vault.to_string();
    let redeem = ["redeem", "--vault", &vault];
    let paid = loop {
        match sponsor(devnet, leaver, &redeem).await {
            Ok(paid) => break paid,
            Err(refused) => ensure!(Instant::now() < deadline, refused),
        }
        sleep(Duration::from_secs(1)).await;
    };
    let requested = request["requested"].as_u64().context("no epoch")?;
    let epoch = paid["epoch"].as_u64().context("no epoch")?;
    assert!(epoch >= requested + 2, "an unbonding later: {paid}");
    assert!(epoch < requested + 6, "and not the longest wait: {paid}");
    assert_eq!(wei(&paid["redeemed_wei"]), promised);
    assert_eq!(chain.balance_wei(leaver.address()).await? - before, promised);
    Ok(())
}
