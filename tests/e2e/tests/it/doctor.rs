//! `tatum doctor`: names what stands in the way, each by its check, and finds nothing once all of it is mended.

use std::process::Output;
use std::time::Duration;

use serde_json::Value;
use tatum_primitives::{U256, WEI_PER_DATA as DATA};
use tatum_receipt::SessionKey;
use tatum_test_utils::{Devnet, DevnetParameters, Process, free_port, testnet};

const PATIENCE: Duration = Duration::from_secs(60);
const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 3600, challenge_window_s: 60, grace_s: 1, force_s: 0 };
const PASSWORD: &str = "correct horse";
/// Something stands in the way.
const DIFFERS: i32 = 3;

async fn doctor(devnet: &Devnet, account: &SessionKey, more: &[&str]) -> anyhow::Result<Output> {
    let mut command = testnet::command(devnet, &["doctor", "--json"])?;
    command.args(more).env("TATUM_PRIVATE_KEY", testnet::hex(account));
    Ok(command.env("TATUM_KEYSTORE_PASSWORD", PASSWORD).output().await?)
}

/// The checks that found a problem.
fn problems(output: &Output) -> anyhow::Result<Vec<String>> {
    let report: Value = serde_json::from_slice(&output.stdout)?;
    let findings = report["findings"].as_array().into_iter().flatten();
    let found = findings.filter(|finding| finding["verdict"] == "problem");
    Ok(found.map(|finding| finding["check"].as_str().unwrap_or_default().to_owned()).collect())
}

#[tokio::test]
async fn what_stands_in_the_way_is_named_until_it_is_mended() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let operator = Devnet::account("operator");
    let tracker = format!("127.0.0.1:{}", free_port()?);
    let url = format!("http://{tracker}");
    let (data, taken) = (folder.path().join("node"), std::net::UdpSocket::bind("127.0.0.1:0")?);
    let bind = taken.local_addr()?.to_string();
    let keystore = folder.path().join("node.json").display().to_string();
    let mut command = testnet::command(&devnet, &["key", "new", "--kind", "node", "--file"])?;
    command.arg(&keystore).env("TATUM_KEYSTORE_PASSWORD", PASSWORD);
    let key: Value = testnet::json(command).await?;
    let data_folder = data.display().to_string();
    let words = ["--tracker", &url, "--data", &data_folder, "--bind", &bind];
    let words = [words.as_slice(), &["--node-keystore", &keystore]].concat();

    let sick = doctor(&devnet, &operator, &words).await?;
    assert_eq!(sick.status.code(), Some(DIFFERS), "{sick:?}");
    assert_eq!(problems(&sick)?, ["gas", "registration", "bind", "tracker"]);

    drop(taken);
    devnet.fund(operator.address(), U256::from(20_000 * DATA)).await?;
    register(&devnet, &operator, key["id"].as_str().unwrap_or_default()).await?;
    let mut command =
        testnet::command(&devnet, &["tracker", "run", "--listen", &tracker, "--data"])?;
    command.arg(folder.path().join("tracker")).env("TATUM_NODE_KEY", format!("0x{:064x}", 78));
    let mut process = Process::spawn("tracker", command, folder.path())?;
    process.until_healthy(&format!("{url}/health"), PATIENCE).await?;

    let well = doctor(&devnet, &operator, &words).await?;
    assert_eq!(problems(&well)?, [""; 0], "{well:?}");
    assert_eq!(well.status.code(), Some(0), "{well:?}");
    assert!(!data.exists(), "it only looks");
    Ok(())
}

/// Registers the node's operator through the command line.
async fn register(devnet: &Devnet, account: &SessionKey, node: &str) -> anyhow::Result<()> {
    let words = ["operator", "register", "--yes", "--node", node];
    let mut command = testnet::command(devnet, &words)?;
    command.env("TATUM_PRIVATE_KEY", testnet::hex(account));
    testnet::json::<Value>(command).await.map(drop)
}

#[tokio::test]
async fn a_provider_of_another_chain_and_a_missing_deployment_are_told_apart() -> anyhow::Result<()>
{
    let folder = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let operator = Devnet::account("operator");
    let gone = doctor(&devnet, &operator, &["--deployment", "/nowhere/at/all.json"]).await?;
    assert_eq!(gone.status.code(), Some(DIFFERS), "{gone:?}");
    assert_eq!(problems(&gone)?.first().map(String::as_str), Some("deployment"));
    let silent = doctor(&devnet, &operator, &["--rpc", "http://127.0.0.1:1"]).await?;
    assert_eq!(problems(&silent)?.first().map(String::as_str), Some("chain"));
    Ok(())
}
