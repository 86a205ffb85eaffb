//! A child process with its output in a file.
//!
//! Invariant: dropping the handle stops the process, by SIGTERM first.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep, timeout};

/// How long a process may take to end after SIGTERM.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// A running child process.
#[derive(Debug)]
pub struct Process {
    name: String,
    log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts `command`; standard error goes to `<logs>/<name>.log`, standard output too unless it is set already.
    pub fn spawn(name: &str, mut command: Command, logs: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(logs).with_context(|| format!("creating {}", logs.display()))?;
        let log = logs.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.with_context(|| format!("opening {}", log.display()))?;
        let child = command
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {name}"))?;
        Ok(Self { name: name.to_owned(), log, child })
    }

    /// Starts `command` with its standard output at the end of `stdout`.
    pub fn spawn_into(
        name: &str,
        mut command: Command,
        logs: &Path,
        stdout: &Path,
    ) -> anyhow::Result<Self> {
        let file = File::options().create(true).append(true).open(stdout);
        let file = file.with_context(|| format!("opening {}", stdout.display()))?;
        command.stdout(Stdio::from(file));
        Self::spawn(name, command, logs)
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it has ended, by itself or not.
    pub fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// What it holds in memory now, in bytes; nothing once it has ended.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().strip_suffix(" kB")?.parse::<u64>().ok()?.checked_mul(1024)
    }

    /// The child, to talk to its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Waits until the URL answers with success, or the process ends.
    pub async fn until_healthy(&mut self, url: &str, within: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + within;
        loop {
            self.check_runs()?;
            if reqwest::get(url).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("{} does not answer at {url}; see {}", self.name, self.log.display());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Makes sure that it has not ended.
    pub fn check_runs(&mut self) -> anyhow::Result<()> {
        let ended = self.child.try_wait().with_context(|| format!("looking at {}", self.name))?;
        let Some(status) = ended else { return Ok(()) };
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let last = log.trim_end().lines().next_back().unwrap_or("it said nothing");
        bail!("{} ended with {status}: {last} ({})", self.name, self.log.display())
    }

    /// Waits for the process to end by itself, and wants success.
    pub async fn success(mut self, within: Duration) -> anyhow::Result<()> {
        match timeout(within, self.child.wait()).await {
            Ok(status) => self.expect_success(status?),
            Err(_) => {
                bail!("{} still runs after {within:?}; see {}", self.name, self.log.display())
            }
        }
    }

    /// Asks the process to end and waits for it; wants success.
    pub async fn terminate(mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        match timeout(END_TIMEOUT, self.child.wait()).await {
            Ok(status) => self.expect_success(status?),
            Err(_) => bail!("{} does not end on SIGTERM; see {}", self.name, self.log.display()),
        }
    }

    /// Ends the process at once, as a power cut would (`kill -9`).
    pub async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.with_context(|| format!("killing {}", self.name))
    }

    fn expect_success(&self, status: ExitStatus) -> anyhow::Result<()> {
        if status.success() {
            return Ok(());
        }
        let signal = status.signal().map(|s| format!(" (signal {s})")).unwrap_or_default();
        bail!("{} failed with {status}{signal}; see {}", self.name, self.log.display())
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        // Not by the program `kill`: a second Ctrl-C would end that before it did its work.
        let id = self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let Some(id) = id else { return Ok(()) };
        kill_process(id, signal).with_context(|| format!("ending {}", self.name))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A running process is asked first; `kill_on_drop` then makes sure.
        if matches!(self.child.try_wait(), Ok(None)) && self.signal(Signal::TERM).is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
