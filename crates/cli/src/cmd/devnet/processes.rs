//! The processes: the chain, and services of this binary.
//!
//! Invariant: they are in process groups of their own, so Ctrl-C at a terminal reaches this process alone, and they end in the
//! reverse of the order in which they began.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::Context;
use tatum_chain::Deployment;
use tatum_devnet::{Anvil, AnvilSettings, Process, Service};
use tokio::process::Command;

use super::folder::{Folder, local};
use crate::output::Output;

/// How often it is looked whether all of them run.
const LOOKED_EVERY: Duration = Duration::from_secs(1);

/// What runs.
#[derive(Debug, Default)]
pub(super) struct Processes {
    chain: Option<Anvil>,
    services: Vec<Process>,
}

impl Processes {
    /// Starts the chain, from the state that it ended with.
    pub(super) async fn start_chain(&mut self, folder: &Folder) -> anyhow::Result<&Anvil> {
        let ports = folder.ports();
        let all = [ports.chain, ports.aggregator, ports.tracker, ports.api];
        for port in all.iter().chain(&ports.relays) {
            TcpListener::bind(local(*port)).with_context(|| {
                format!(
                    "port {port} of this machine is taken; end what listens there, or make a network with --free-ports and another --data"
                )
            })?;
        }
        let state = folder.at("chain.json");
        let settings = AnvilSettings { port: Some(ports.chain), state: Some(&state) };
        Ok(self.chain.insert(Anvil::start(settings, &folder.at("logs")).await?))
    }

    /// Starts the services, each when those before it are well.
    pub(super) async fn start_services(
        &mut self,
        folder: &Folder,
        output: Output,
    ) -> anyhow::Result<()> {
        let logs = folder.at("logs");
        for (service, key) in services(folder)? {
            output.progress(format!("starting {} …", service.name()));
            let mut command = tatum(folder)?;
            if let Some((variable, name)) = key {
                command.env(variable, folder.key_file(name));
            }
            self.services.push(service.start(command, &logs).await?);
        }
        Ok(())
    }

    /// Stays until one of them ends, which none should.
    pub(super) async fn watch(&mut self) -> anyhow::Result<()> {
        loop {
            tokio::time::sleep(LOOKED_EVERY).await;
            for service in &mut self.services {
                service.check_runs()?;
            }
            if let Some(chain) = &mut self.chain {
                chain.process().check_runs()?;
            }
        }
    }

    /// Ends all of them, and says what did not end in order.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        let mut ended = Ok(());
        for service in self.services.into_iter().rev() {
            ended = ended.and(service.terminate().await);
        }
        if let Some(chain) = self.chain {
            ended = ended.and(chain.stop().await);
        }
        ended
    }
}

/// A service, and by which variable it is told whose key file it has.
type Keyed = (Service, Option<(&'static str, &'static str)>);

/// The services in their order.
fn services(folder: &Folder) -> anyhow::Result<Vec<Keyed>> {
    let ports = folder.ports();
    let data = |name: &str| folder.at("data").join(name);
    let grace_s = Deployment::load(&folder.deployment_file())?.windows.grace_s;
    let (aggregator, tracker) = (Folder::url(ports.aggregator), folder.tracker_url()?);
    let proposer = Service::aggregator(local(ports.aggregator), &data("aggregator"));
    let introduces = Service::tracker(local(ports.tracker), &data("tracker"));
    let introduces = introduces.with(&["--node-keystore", &path(folder, "tracker")]);
    let mut all = vec![(proposer, Some(("TATUM_KEYSTORE", "proposer"))), (introduces, None)];
    for (number, port) in ports.relays.iter().enumerate() {
        let name = format!("relay-{number}");
        let relay = Service::relay(&name, local(*port), &data(&name), grace_s)
            .with(&["--tracker", &tracker, "--aggregator", &aggregator])
            .with(&["--node-keystore", &path(folder, &name)]);
        all.push((relay, None));
    }
    let statuses: Vec<String> = ports.relays.iter().map(|port| Folder::url(*port)).collect();
    let api = Service::api(local(ports.api), &aggregator).with(&[
        "--tracker",
        &tracker,
        "--relay-status",
        &statuses.join(","),
    ]);
    all.push((api, None));
    Ok(all)
}

fn path(folder: &Folder, name: &str) -> String {
    folder.key_file(name).display().to_string()
}

/// This binary, told of the network and of nothing that stands in the user's own environment.
fn tatum(folder: &Folder) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe().context("finding this program")?);
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("TATUM_")) {
            command.env_remove(name);
        }
    }
    command
        .env("TATUM_RPC", Folder::url(folder.ports().chain))
        .env("TATUM_DEPLOYMENT", folder.deployment_file())
        .env("TATUM_PASSWORD_FILE", folder.password_file())
        .env("TATUM_STATE", folder.at("state"))
        .process_group(0);
    Ok(command)
}
