//! What is told of a network that runs: where it answers, whose keys are where, what to try.

use std::path::PathBuf;

use anyhow::Context;
use serde::Serialize;

use super::folder::{Account, Folder};
use crate::cmd::key::Kind;
use crate::output::Output;

/// A network that runs.
#[derive(Debug, Serialize)]
struct Network {
    rpc: String,
    deployment: PathBuf,
    aggregator: String,
    /// With the key that others pin.
    tracker: String,
    page: String,
    /// Where each relay tells how it is.
    relays: Vec<String>,
    /// Of all key files.
    password_file: PathBuf,
    /// To be sourced by a shell: `TATUM_RPC` and the like.
    environment: PathBuf,
    accounts: Vec<Told>,
}

#[derive(Debug, Serialize)]
struct Told {
    name: String,
    kind: Kind,
    id: String,
    file: PathBuf,
}

/// Tells it, and writes the file for shells.
pub(super) fn tell(folder: &Folder, output: Output) -> anyhow::Result<()> {
    let ports = folder.ports();
    let told = |account: &Account| Told {
        name: account.name.clone(),
        kind: account.kind,
        id: account.id.clone(),
        file: folder.key_file(&account.name),
    };
    let network = Network {
        rpc: Folder::url(ports.chain),
        deployment: folder.deployment_file(),
        aggregator: Folder::url(ports.aggregator),
        tracker: folder.tracker_url()?,
        page: format!("{}/", Folder::url(ports.api)),
        relays: ports.relays.iter().map(|port| format!("{}/status", Folder::url(*port))).collect(),
        password_file: folder.password_file(),
        environment: folder.at("environment"),
        accounts: folder.accounts().iter().map(told).collect(),
    };
    let text = network.environment(folder)?;
    std::fs::write(&network.environment, text)
        .with_context(|| format!("writing {}", network.environment.display()))?;
    output.result(&network, &network.rows());
    if !output.is_json() {
        println!("{}", network.try_out(folder));
    }
    Ok(())
}

impl Network {
    /// The variables that the commands read, and two names for the guides' commands.
    fn environment(&self, folder: &Folder) -> anyhow::Result<String> {
        let lines = [
            ("TATUM_RPC", self.rpc.clone()),
            ("TATUM_DEPLOYMENT", self.deployment.display().to_string()),
            ("TATUM_AGGREGATOR", self.aggregator.clone()),
            ("TATUM_TRACKER", self.tracker.clone()),
            ("TATUM_PASSWORD_FILE", self.password_file.display().to_string()),
            ("PUBLISHER", folder.account("publisher")?.id.clone()),
            ("SUBSCRIBER", folder.account("subscriber")?.id.clone()),
        ];
        let line = |(name, value): (&str, String)| format!("export {name}={}\n", quoted(&value));
        Ok(lines.into_iter().map(line).collect())
    }

    fn rows(&self) -> Vec<(&str, String)> {
        let mut rows = vec![
            ("chain", self.rpc.clone()),
            ("contracts", self.deployment.display().to_string()),
            ("aggregator", self.aggregator.clone()),
            ("tracker", self.tracker.clone()),
            ("page", self.page.clone()),
        ];
        rows.extend(self.relays.iter().map(|relay| ("relay", relay.clone())));
        let accounts = self.accounts.iter();
        rows.extend(
            accounts
                .map(|told| (told.name.as_str(), format!("{} {}", told.id, told.file.display()))),
        );
        rows
    }

    fn try_out(&self, folder: &Folder) -> String {
        let keys = folder.at("keys").display().to_string();
        format!(
            "\nAll of it runs. Try, in another terminal:\n  \
             source {}\n  \
             tatum subscribe demo/weather --payer $SUBSCRIBER --session-keystore {keys}/subscriber-session.json &\n  \
             echo sunny | tatum publish demo/weather --payer $PUBLISHER --session-keystore {keys}/publisher-session.json\n  \
             tatum stake status --payer $PUBLISHER\n  \
             tatum operator status --operator 0\n  \
             tatum audit epoch 0..\n  \
             tatum devnet fund 0xADDRESS --data {}\n\
             Ctrl-C ends it.",
            quoted(&self.environment.display().to_string()),
            folder.at("").display(),
        )
    }
}

/// A word for a shell, whatever is in it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_a_quote_in_its_name_is_one_word_for_a_shell() {
        assert_eq!(quoted("/home/o'brien/net"), r"'/home/o'\''brien/net'");
    }
}
