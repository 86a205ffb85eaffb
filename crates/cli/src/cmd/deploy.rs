//! `tatum deploy`: puts the contracts on a chain, and writes the file that all other commands read.
//!
//! Invariant: the file is written when all of it is there and the contracts know each other; until then what was begun is beside
//! it, and the same command goes on from there. A deployment that is there is never replaced.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, ensure};
use serde::Serialize;
use tatum_chain::deploy::{Begun, Deployed, Deployer, Parameters, Trial};
use tatum_primitives::{Address, U256};

use crate::args::{EndpointArgs, state_folder};
use crate::confirm::ConfirmArgs;
use crate::keys::{self, KeystoreArgs};
use crate::output::Output;

/// What to deploy, and where.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tatum deploy --parameters local --keystore deployer.json --yes\n  tatum deploy --parameters workshop --print-parameters > mine.json\n  tatum deploy --rpc https://rpc.example --parameters mine.json --set epochLength=86400 --keystore deployer.json --dry-run\n\nAll constructors are tried before the first transaction, where the endpoint can (eth_call with state overrides). Killed at any moment and started\nagain with the same account and parameters, it goes on where it stopped: what was begun is in a file beside the deployment file."
)]
pub(crate) struct Args {
    /// File of parameters, or one of the program's own: local, workshop, mainnet
    #[arg(long, value_name = "FILE")]
    parameters: PathBuf,
    /// Another value of one parameter, such as epochLength=60 or windows.grace=10; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_setting)]
    set: Vec<(String, String)>,
    /// Print the parameters, with what is set, and end
    #[arg(long)]
    print_parameters: bool,
    /// The deployment file to write; otherwise deployments/31337.json for chain 31337, and so on
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    endpoints: EndpointArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

/// What was deployed.
#[derive(Debug, Serialize)]
struct Written {
    file: PathBuf,
    account: Address,
    deployment: Deployed,
}

fn parse_setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("a setting looks like epochLength=60")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(crate) async fn run(args: Args, output: &Output) -> anyhow::Result<ExitCode> {
    let parameters = parameters(&args)?;
    if args.print_parameters {
        println!("{}", serde_json::to_string_pretty(&parameters)?);
        return Ok(ExitCode::SUCCESS);
    }
    let signer = keys::signer(&args.keystore.account().required()?)?;
    let endpoints = args.endpoints.endpoints()?;
    let deployer = Deployer::connect(&endpoints, signer, Some(&state_folder()?)).await?;
    let chain = deployer.chain_id();
    let out = args.out.unwrap_or_else(|| PathBuf::from(format!("deployments/{chain}.json")));
    ensure!(
        !out.exists(),
        "{} is there already, and a deployment is never replaced: name another file with --out, or remove it",
        out.display()
    );
    let begun_file = out.with_extension("begun.json");
    let begun = deployer.begin(&begun_file, &parameters).await?;
    let trial = deployer.try_out(&begun).await?;
    let what = what(&deployer, &begun, trial, &begun_file);
    if !args.confirm.agreed(&what, *output)? {
        return Ok(ExitCode::SUCCESS);
    }
    let deployed = deploy(&deployer, &begun, &begun_file, &out, *output).await?;
    let written = Written { file: out, account: deployer.account(), deployment: deployed };
    output.result(&written, &rows(&written));
    Ok(ExitCode::SUCCESS)
}

fn parameters(args: &Args) -> anyhow::Result<Parameters> {
    let mut parameters = Parameters::named(&args.parameters)?;
    for (key, value) in &args.set {
        parameters = parameters.set(key, value)?;
    }
    Ok(parameters)
}

/// What is to be agreed to.
fn what(deployer: &Deployer, begun: &Begun, trial: Trial, begun_file: &Path) -> String {
    let account = deployer.account();
    let cost = match (trial.gas, trial.most_wei) {
        (Some(gas), Some(wei)) => format!("up to {gas} gas, {} of the chain's coin now", coin(wei)),
        _ => "gas that is not known, because the endpoint cannot try it (eth_call with state overrides)".to_owned(),
    };
    let verb = if begun_file.exists() { "go on deploying" } else { "deploy" };
    let (chain, length_s) = (deployer.chain_id(), begun.parameters.epoch_length);
    format!(
        "{verb} the contracts on chain {chain} from {account}, with epochs of {length_s} s, for {cost}"
    )
}

/// Wei of the chain's coin as a decimal.
fn coin(wei: U256) -> String {
    alloy::primitives::utils::format_ether(wei)
}

/// Deploys, and writes `out` when all is there.
pub(crate) async fn deploy(
    deployer: &Deployer,
    begun: &Begun,
    begun_file: &Path,
    out: &Path,
    output: Output,
) -> anyhow::Result<Deployed> {
    let told = |planned: &tatum_chain::deploy::Planned| {
        output.progress(format!("{:20} {}", planned.name, planned.address));
    };
    let deployed = deployer.deploy(begun, begun_file, told).await.with_context(|| {
        format!(
            "the deployment is begun, see {}; the same command goes on with it",
            begun_file.display()
        )
    })?;
    write(&deployed, out).with_context(|| format!("writing {}", out.display()))?;
    std::fs::remove_file(begun_file)
        .with_context(|| format!("removing {}, which is no longer needed", begun_file.display()))?;
    Ok(deployed)
}

/// Whole or not at all, and for everybody to read.
fn write(deployed: &Deployed, out: &Path) -> anyhow::Result<()> {
    let beside = out.with_extension("new");
    std::fs::write(&beside, serde_json::to_string_pretty(deployed)? + "\n")?;
    Ok(std::fs::rename(&beside, out)?)
}

fn rows(written: &Written) -> Vec<(&'static str, String)> {
    let at = &written.deployment.deployment;
    vec![
        ("file", written.file.display().to_string()),
        ("chain", at.chain_id.to_string()),
        ("token", at.token.to_string()),
        ("stake pool", at.stake_pool.to_string()),
        ("operator registry", at.operator_registry.to_string()),
        ("distributor", at.distributor.to_string()),
        ("channel hub", at.channel_hub.to_string()),
        ("epochs", format!("{} s each", written.deployment.told.epoch_length)),
    ]
}
