//! Runs the `tatum` binary as its users do: keys in the environment, results as JSON.

use std::process::Stdio;

use crate::{Devnet, schema, tatum_binary};
use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use tatum_receipt::SessionKey;
use tokio::process::Command;

/// A `tatum` command that knows the chain and the deployment.
pub fn command(devnet: &Devnet, arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command = Command::new(tatum_binary()?);
    command
        .args(arguments)
        .env("TATUM_RPC", devnet.rpc_url())
        .env("TATUM_DEPLOYMENT", devnet.deployment_file())
        .env("TATUM_STATE", devnet.state())
        .stdin(Stdio::null());
    Ok(command)
}

/// A key as the environment takes it.
pub fn hex(key: &SessionKey) -> String {
    key.to_bytes().to_string()
}

/// Runs a command that answers with JSON, as `docs/cli.json` says.
pub async fn json<T: DeserializeOwned>(mut command: Command) -> anyhow::Result<T> {
    let shown = format!("{:?}", command.as_std());
    let arguments = command.as_std().get_args().map(|word| word.to_string_lossy().into_owned());
    let arguments: Vec<String> = arguments.collect();
    let output =
        command.arg("--json").output().await.with_context(|| format!("running {shown}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{shown} ended with {}: {text}{errors}", output.status);
    }
    let reading = || format!("reading what {shown} printed: {text}");
    schema::check(&arguments, &serde_json::from_str(&text).with_context(reading)?)?;
    serde_json::from_str(&text).with_context(reading)
}
