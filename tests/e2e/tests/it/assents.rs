//! Operators stand for an aggregator's list of receipts, through the real binary: whoever is left out does not sign and forces its own.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use tatum_database::NodeStore;
use tatum_primitives::{Epoch, OperatorId};
use tatum_protocol::client::AggregatorClient;
use tatum_receipt::{Contents, SessionKey, SignedReceipt};
use tatum_test_utils::{Devnet, DevnetParameters, Process, schema};
use tokio::time::{Instant, sleep};

use crate::closed_epoch::{Closed, PARAMETERS};

/// Half of the grace is for reading and signing, on a machine that has other work.
const TIMES: DevnetParameters = DevnetParameters { grace_s: 240, force_s: 120, ..PARAMETERS };
const PATIENCE: Duration = Duration::from_secs(90);

/// Operators 0 and 3 are the first owner's, with half of the bond; 1 and 2 are of an owner each, 1 by its pool of delegators.
fn owner(operator: u32) -> SessionKey {
    match operator {
        1 | 2 => Devnet::account(&format!("owner {operator}")),
        _ => Devnet::account("operator"),
    }
}

async fn hand_over(closed: &Closed, operator: u32) -> anyhow::Result<()> {
    let (id, owner) = (OperatorId(operator), owner(operator));
    closed.devnet.anvil().fund(owner.address()).await?;
    closed.chain.offer_operator(id, owner.address()).await?;
    closed.devnet.connect(&owner).await?.accept_operator(id).await?;
    Ok(())
}

/// A folder of an operator's node, with the receipts that it was given.
pub(crate) async fn folder_of(
    closed: &Closed,
    operator: u32,
    receipts: &[SignedReceipt],
) -> anyhow::Result<PathBuf> {
    let folder = closed.folder.path().join(format!("relay-{operator}"));
    std::fs::create_dir_all(&folder)?;
    let store = NodeStore::open_file(&folder.join("node.db")).await?;
    for signed in of(receipts, operator) {
        store.keep_own(&signed, &Contents::default()).await?;
    }
    store.close().await;
    Ok(folder)
}

fn of(receipts: &[SignedReceipt], operator: u32) -> Vec<SignedReceipt> {
    let is_its = |signed: &&SignedReceipt| signed.receipt.operator_id.0 == operator;
    receipts.iter().filter(is_its).cloned().collect()
}

/// An operator's process, whose node was given its part of `receipts`.
async fn spawn(
    closed: &Closed,
    operator: u32,
    receipts: &[SignedReceipt],
    more: &[&str],
) -> anyhow::Result<Process> {
    let folder = folder_of(closed, operator, receipts).await?;
    let folder = folder.to_str().context("the folder's name")?;
    let words = ["operator", "assent", "--data", folder, "--every", "1", "--json"];
    let mut command = closed.command(&[&words, more].concat())?;
    command.env("TATUM_PRIVATE_KEY", tatum_test_utils::testnet::hex(&owner(operator)));
    command.stdout(std::fs::File::create(printed_by(closed, operator))?);
    Process::spawn(&format!("assent-{operator}"), command, closed.folder.path())
}

fn printed_by(closed: &Closed, operator: u32) -> PathBuf {
    closed.folder.path().join(format!("assent-{operator}.json"))
}

/// How many values an operator's process printed, each as `docs/cli.json` says.
fn printed(closed: &Closed, operator: u32) -> anyhow::Result<usize> {
    let words = ["operator", "assent"].map(str::to_owned);
    let file = std::fs::File::open(printed_by(closed, operator))?;
    let values = serde_json::Deserializer::from_reader(file).into_iter::<serde_json::Value>();
    values
        .map(|value| schema::check(&words, &value?))
        .collect::<anyhow::Result<Vec<()>>>()
        .map(|all| all.len())
}

pub(crate) async fn until<T>(
    what: &str,
    look: impl AsyncFn() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        ensure!(Instant::now() < deadline, "not in time: {what}");
        sleep(Duration::from_millis(200)).await;
    }
}

async fn paid(closed: &Closed, epoch: Epoch, operator: u32) -> anyhow::Result<u128> {
    let payout =
        AggregatorClient::new(&closed.url)?.payout(epoch, OperatorId(operator), 0, 10).await?;
    Ok(u128::from(payout.work_nano.0))
}

#[tokio::test]
async fn operators_stand_for_the_list_and_who_is_left_out_forces_its_own() -> anyhow::Result<()> {
    let gathers = ["--gather-assents"];
    let mut closed = Closed::start_as(TIMES, &gathers).await?;
    for operator in [1, 2] {
        hand_over(&closed, operator).await?;
    }
    closed.devnet.connect(&owner(1)).await?.create_delegation_pool(OperatorId(1), 1_000).await?;
    // An aggregator settles one epoch after the other.
    closed.devnet.anvil().advance(TIMES.grace_s + TIMES.force_s).await?;
    closed.until_final(Epoch(0)).await?;
    let epoch = closed.running().await?;
    let traffic = closed.traffic(epoch);
    // Operator 2 is censored: its receipts do not come to the aggregator.
    closed.hand_in(&[of(&traffic, 0), of(&traffic, 1)].concat()).await?;
    let end_s = closed.chain.schedule().await?.end_ms(epoch) / 1000;
    let (_, now_s) = closed.chain.head().await?;
    closed.devnet.anvil().advance(end_s + TIMES.grace_s / 2 - now_s).await?;

    // Half of the bond is no assent. Killed with what was signed, the aggregator offers the same, and words are handed in again.
    let mut standing = vec![spawn(&closed, 0, &traffic, &[]).await?];
    let offered = until("the first owner's words", async || {
        let offered = AggregatorClient::new(&closed.url)?.offered_list(epoch).await.ok();
        Ok(offered.filter(|offered| !offered.standing.signed_wei.is_zero()))
    })
    .await?;
    assert!(!offered.standing.is_assent(), "{offered:?}");
    closed = closed.kill_aggregator(&gathers).await?;
    standing.push(spawn(&closed, 1, &traffic, &["--operator", "1"]).await?);
    let assent = until("an assent", async || Ok(closed.chain.assent_of(epoch).await?)).await?;
    assert_eq!((assent.list, assent.list.count), (offered.receipts, 4));
    // Who looks only now still sees that it was left out.
    standing.push(spawn(&closed, 2, &traffic, &["--force-up-to", "10"]).await?);
    let said = |operator: u32| {
        let log = closed.folder.path().join(format!("assent-{operator}.log"));
        std::fs::read_to_string(log).unwrap_or_default()
    };
    until("the censored operator's word", async || {
        Ok(said(2).contains("the list lacks receipts of ours: it is not signed").then_some(()))
    })
    .await?;

    // The grace is over: now it forces its own, which count beside the list.
    closed.devnet.anvil().advance(TIMES.grace_s / 2).await?;
    let forced = until("what was forced", async || {
        let forced = closed.chain.forced(epoch).await?.receipts;
        Ok((forced.len() >= 2).then_some(forced))
    })
    .await?;
    assert_eq!(forced.len(), 2, "each once");
    closed.devnet.anvil().advance(TIMES.force_s).await?;
    closed.until_final(epoch).await?;
    for operator in 0..3 {
        assert!(paid(&closed, epoch, operator).await? > 0, "operator {operator} is paid");
    }
    assert_eq!(closed.chain.forced(epoch).await?.receipts.len(), 2, "nothing is forced again");

    // Whoever audits fetches the list from whoever proposed by it.
    let (code, told) = closed.told(&["audit", "epoch", &epoch.to_string()]).await?;
    assert_eq!(code, Some(0), "{told}");
    for (operator, process) in (0..).zip(standing) {
        process.terminate().await?;
        assert!(printed(&closed, operator)? > 0, "operator {operator}");
    }
    Ok(())
}
