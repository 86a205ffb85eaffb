//! The page in a real browser, before a real network: `tests/web/page.mjs` does what people do; this brings up what they find.

use std::process::Stdio;
use std::time::Duration;

use anyhow::ensure;
use tatum_primitives::{Address, U256};
use tatum_test_utils::testnet::{Cast, Network, RecordedStream};
use tatum_test_utils::{Devnet, DevnetParameters, repository};
use tokio::process::Command;
use tokio::time::timeout;

const DATA: u128 = 1_000_000_000_000_000_000;
const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 20, challenge_window_s: 3, grace_s: 4, force_s: 0 };
const RATE: u32 = 200;
/// Far more than it takes on a machine that has other work.
const PATIENCE: Duration = Duration::from_secs(900);
/// The account of anvil's own that the browser's wallets hold.
const ACCOUNT: Address = Address::new([
    0xf3, 0x9f, 0xd6, 0xe5, 0x1a, 0xad, 0x88, 0xf6, 0xf4, 0xce, 0x6a, 0xb8, 0x82, 0x72, 0x79, 0xcf,
    0xff, 0xb9, 0x22, 0x66,
]);

#[tokio::test(flavor = "multi_thread")]
async fn people_stake_operate_and_audit_in_a_browser() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let records = (0..500).map(|n| format!("{{\"reading\":{n}}}")).collect();
    let streams = [RecordedStream::new("readings", records)?];
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    devnet.fund(ACCOUNT, U256::from(1_000_000 * DATA)).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
    let cast = Cast::assemble(&devnet, &streams, &[1], 1).await?;
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    network.start_api(&devnet).await?;
    network.until_epoch(schedule, cast.first_epoch).await;
    network.deliver(&devnet, &cast, &streams, RATE).await?;
    let last = schedule.epoch_at_ms(network.now_ms());
    network.until_finalized(&devnet, last, |_| {}).await?;

    let mut browser = Command::new("node");
    browser
        .arg(repository().join("tests/web/page.mjs"))
        .env("TATUM_API", network.api_url())
        .env("TATUM_RPC", devnet.rpc_url())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(PATIENCE, browser.output()).await??;
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    println!("{told}");
    ensure!(output.status.success(), "the browser ended with {}:\n{told}{errors}", output.status);
    network.stop().await
}
