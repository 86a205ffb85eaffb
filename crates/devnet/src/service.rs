//! The `tatum` services of a network on one machine: what they are told, and where they say that they are well.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::Process;

/// How long a process may take to answer, on a machine that is busy with the others.
const START_TIMEOUT: Duration = Duration::from_secs(40);

/// A service that is to be started.
#[derive(Clone, Debug)]
pub struct Service {
    name: String,
    arguments: Vec<String>,
    well_url: String,
}

impl Service {
    /// An aggregator.
    pub fn aggregator(listen: SocketAddr, data: &Path) -> Self {
        let service = Self::new("aggregator", "aggregator", format!("http://{listen}/ready"));
        service.with(&["--listen", &listen.to_string(), "--data", &data.to_string_lossy()])
    }

    /// A tracker.
    pub fn tracker(listen: SocketAddr, data: &Path) -> Self {
        let service = Self::new("tracker", "tracker", format!("http://{listen}/health"));
        service.with(&["--listen", &listen.to_string(), "--data", &data.to_string_lossy()])
    }

    /// A relay that takes receipts as long as the aggregator does.
    pub fn relay(name: &str, status: SocketAddr, data: &Path, grace_s: u64) -> Self {
        let service = Self::new(name, "node", format!("http://{status}/health"));
        let service = service.with(&["--status", &status.to_string()]);
        service.with(&["--data", &data.to_string_lossy(), "--grace", &grace_s.to_string()])
    }

    /// The web API and the page. All of its requests come from one address: that of this machine.
    pub fn api(listen: SocketAddr, aggregator: &str) -> Self {
        let service = Self::new("api", "api", format!("http://{listen}/ready"));
        let service = service.with(&["--listen", &listen.to_string(), "--aggregator", aggregator]);
        service.with(&["--requests-per-s", "1000", "--listeners-per-client", "1000"])
    }

    /// Another program that is told `words` and says at `well_url` that it is well.
    pub fn of_program(name: &str, words: &[&str], well_url: &str) -> Self {
        let service =
            Self { name: name.to_owned(), arguments: Vec::new(), well_url: well_url.to_owned() };
        service.with(words)
    }

    fn new(name: &str, role: &str, well_url: String) -> Self {
        let arguments = vec![role.to_owned(), "run".to_owned()];
        Self { name: name.to_owned(), arguments, well_url }
    }

    /// Told more.
    #[must_use]
    pub fn with(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Called otherwise, where there are several.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Its name, which is that of its log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Starts it by `tatum`, a command without arguments, and waits until it is well.
    pub async fn start(&self, tatum: Command, logs: &Path) -> anyhow::Result<Process> {
        self.start_told(self.told(tatum), logs).await
    }

    /// `tatum`, a command without arguments, with all that the service is told.
    pub fn told(&self, mut tatum: Command) -> Command {
        tatum.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::null());
        tatum
    }

    /// Starts it by a command that is told everything, and waits until it is well.
    pub async fn start_told(&self, told: Command, logs: &Path) -> anyhow::Result<Process> {
        let mut process = Process::spawn(&self.name, told, logs)?;
        process.until_healthy(&self.well_url, START_TIMEOUT).await?;
        Ok(process)
    }
}
