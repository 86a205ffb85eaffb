//! Delegators, operators, sponsors and who has no coin before the page in a real browser: `tests/web/` does what people do, and their views
//! are looked at.

use std::process::Stdio;
use std::time::Duration;

use anyhow::ensure;
use tatum_test_utils::repository;
use tokio::process::Command;
use tokio::time::timeout;

use super::Served;
use crate::closed_epoch::Closed;

/// Far more than it takes on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn a_delegator_delegates_asks_back_and_redeems_in_a_browser() -> anyhow::Result<()> {
    let served = Served::with(&["--requests-per-s", "500"]).await?;
    served.pooled().await?;
    let told = browse(&served, "delegator").await?;
    ensure!(!told.contains("nothing was tried"), "there is a pool:\n{told}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_makes_a_pool_changes_its_cut_and_leaves_in_a_browser() -> anyhow::Result<()> {
    let served = Served::with(&["--requests-per-s", "500"]).await?;
    browse(&served, "operator").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sponsor_makes_a_vault_pays_in_and_redeems_in_a_browser() -> anyhow::Result<()> {
    let served = Served::with(&["--requests-per-s", "500"]).await?;
    let told = browse(&served, "sponsor").await?;
    ensure!(!told.contains("it would take too long"), "all of it was done:\n{told}");
    Ok(())
}

/// What an operator earned there is little, so little is paid for.
const BOUNDS: [&str; 8] = [
    "--relay-coin-per-hour",
    "1",
    "--relay-coin-per-address-hour",
    "0.1",
    "--relay-at-least",
    "0.001",
    "--requests-per-s",
    "500",
];

#[tokio::test(flavor = "multi_thread")]
async fn who_has_no_coin_stakes_and_claims_in_a_browser() -> anyhow::Result<()> {
    let closed = Closed::start().await?;
    closed.close().await?;
    let (devnet, aggregator) = closed.apart();
    let served = Served::paying_beside(devnet, &aggregator.url, &BOUNDS).await?;
    let told = browse(&served, "relay").await?;
    ensure!(!told.contains("nothing was final"), "an operator was claimed for:\n{told}");
    Ok(())
}

/// What a part of the page's checks told, all of which hold.
pub(super) async fn browse(served: &Served, part: &str) -> anyhow::Result<String> {
    let mut browser = Command::new("node");
    browser
        .arg(repository().join("tests/web/page.mjs"))
        .env("TATUM_API", &served.base)
        .env("TATUM_RPC", served.devnet.rpc_url())
        .env("TATUM_PART", part)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(PATIENCE, browser.output()).await??;
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    println!("{told}");
    ensure!(output.status.success(), "the browser ended with {}:\n{told}{errors}", output.status);
    Ok(told.into_owned())
}
