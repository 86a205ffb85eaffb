//! A chain with operators for `tatum bench channel`.
//!
//! Invariant: what is measured is the `tatum` that is named, as its user runs it.

use std::path::PathBuf;
use std::process::{ExitCode, Stdio};

use anyhow::Context;
use tatum_primitives::{U256, WEI_PER_DATA};
use tatum_test_utils::{Devnet, DevnetParameters};
use tokio::process::Command;

/// An epoch that does not end meanwhile: receipts name the first.
const EPOCH_S: u64 = 24 * 3600;
/// What the payer and each operator hold.
const DATA: u128 = 100_000;

/// What to measure with.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The `tatum` that measures
    tatum: PathBuf,
    /// Operators, and so exits for the watchtower
    #[arg(long, default_value_t = 8)]
    operators: u32,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let logs = tempfile::tempdir().context("making a folder for logs")?;
    let parameters = DevnetParameters {
        epoch_length_s: EPOCH_S,
        challenge_window_s: 60,
        grace_s: 60,
        force_s: 0,
    };
    let devnet = Devnet::start(parameters, logs.path()).await?;
    let mut command = Command::new(&args.tatum);
    command.args(["bench", "channel"]);
    for n in 0..args.operators {
        let id = register(&devnet, n).await?;
        command.args(["--on-chain", &id]);
    }
    let payer = Devnet::account("bench channel payer");
    devnet.fund(payer.address(), data()).await?;
    command.args(args.json.then_some("--json"));
    command.env("TATUM_PRIVATE_KEY", payer.to_bytes().to_string());
    command.env("TATUM_RPC", devnet.rpc_url());
    command.env("TATUM_DEPLOYMENT", devnet.deployment_file());
    let ended = command.stdin(Stdio::null()).status().await.context("running tatum bench")?;
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn register(devnet: &Devnet, n: u32) -> anyhow::Result<String> {
    let account = Devnet::account(&format!("bench channel operator {n}"));
    devnet.fund(account.address(), data()).await?;
    let chain = devnet.connect(&account).await?;
    let bond_wei = u128::try_from(chain.minimum_bond_wei().await?).context("reading the bond")?;
    let name = format!("operator {n}");
    let id = chain.register_operator(account.address(), bond_wei, u64::MAX, name).await?;
    Ok(id.to_string())
}

fn data() -> U256 {
    U256::from(DATA).saturating_mul(U256::from(WEI_PER_DATA))
}
