//! Somebody who follows a page: a shell in an empty home, whose variables stay from block to block.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tatum_test_utils::{Process, repository, tatum_binary};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::page::{self, Block};

/// Epochs last 20 seconds, and are final some seconds later.
const PATIENCE: Duration = Duration::from_secs(120);
const PASSWORD: &str = "correct horse battery staple";

/// Who reads.
pub(super) struct Reader {
    home: PathBuf,
    placeholders: Vec<(String, String)>,
    /// Where coin comes from.
    rpc: Option<String>,
    background: Vec<Process>,
}

impl Reader {
    /// Somebody with nothing but the binary.
    pub(super) fn new(home: &Path) -> anyhow::Result<Self> {
        furnish(home)?;
        let (placeholders, background) = (Vec::new(), Vec::new());
        Ok(Self { home: home.to_owned(), placeholders, rpc: None, background })
    }

    /// Somebody who takes part in a network of one machine, told as `tatum devnet --json` does.
    pub(super) fn on(home: &Path, told: &Value) -> anyhow::Result<Self> {
        let (placeholders, background) = (Vec::new(), Vec::new());
        let mut reader = Self { home: home.to_owned(), placeholders, rpc: None, background };
        let text = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        std::fs::copy(text("environment"), home.join("variables"))?;
        reader.rpc = Some(text("rpc"));
        reader.reads("https://tracker.example#0xTRACKERKEY", &text("tracker"));
        reader.reads("https://tatum.example", &text("aggregator"));
        reader.reads("203.0.113.7:", "127.0.0.1:");
        for port in ["4001", "7090", "7071"] {
            reader.reads(&format!(":{port}"), &format!(":{}", tatum_test_utils::free_port()?));
        }
        for account in ["publisher", "subscriber"] {
            let all = told["accounts"].as_array().into_iter().flatten();
            let found =
                all.filter(|told| told["name"] == account).find_map(|told| told["id"].as_str());
            let id = found.with_context(|| format!("the network has no {account}"))?;
            reader.reads(&format!("0x{}", account.to_uppercase()), id);
        }
        reader.reads("--webhook https://hooks.example/tatum", "");
        Ok(reader)
    }

    /// Reads `text` instead of a placeholder.
    pub(super) fn reads(&mut self, placeholder: &str, text: &str) {
        self.placeholders.retain(|(known, _)| known != placeholder);
        self.placeholders.push((placeholder.to_owned(), text.to_owned()));
    }

    /// Waits for a final epoch in which something was delivered, and reads it for the pages' epoch 12.
    pub(super) async fn until_something_is_final(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let list = "tatum epoch list --json";
            let output = self.shell(list, &Block::default()).output().await?;
            let epochs: Value = serde_json::from_slice(&output.stdout)?;
            let delivered = |epoch: &&Value| {
                epoch["state"] == "finalized" && epoch["receipts"].as_u64().unwrap_or_default() > 0
            };
            if let Some(epoch) = epochs.as_array().into_iter().flatten().find(delivered) {
                let number = epoch["epoch"].to_string();
                for before in ["--epoch ", "epoch ", "show "] {
                    self.reads(&format!("{before}12"), &format!("{before}{number}"));
                }
                self.reads("0..20", &format!("0..{number}"));
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "no epoch with receipts is final: {epochs}");
            sleep(Duration::from_secs(2)).await;
        }
    }

    /// Has the chain there give coin.
    pub(super) fn coin_at(&mut self, rpc_url: &str) {
        self.rpc = Some(rpc_url.to_owned());
    }

    /// Takes a key file of the network as one of its own.
    pub(super) fn copy_key(&self, name: &str, file: &str) -> anyhow::Result<()> {
        std::fs::copy(self.home.join(format!("net/keys/{name}.json")), self.home.join(file))?;
        Ok(())
    }

    /// Does what the page says.
    pub(super) async fn follow(&mut self, page: &str) -> anyhow::Result<()> {
        let path = repository().join(format!("docs/guide/{page}.md"));
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let blocks = page::blocks(&text).with_context(|| path.display().to_string())?;
        ensure!(!blocks.is_empty(), "{} says nothing to do", path.display());
        for block in blocks.iter().filter(|block| !block.not_run) {
            let at = || format!("{}:{}\n{}", path.display(), block.line, block.commands);
            self.run(block).await.with_context(at)?;
        }
        Ok(())
    }

    /// Ends what goes on in the background, the newest first.
    pub(super) async fn leave(mut self) -> anyhow::Result<()> {
        while let Some(process) = self.background.pop() {
            process.terminate().await?;
        }
        Ok(())
    }

    async fn run(&mut self, block: &Block) -> anyhow::Result<()> {
        self.provide(block).await?;
        let mut commands = block.commands.clone();
        for (name, file) in &block.ids {
            commands = commands.replace(name, &self.id_of(file).await?);
        }
        for (placeholder, text) in &self.placeholders {
            commands = commands.replace(placeholder, text);
        }
        if let Some(text) = &block.background {
            return self.start(block, &commands, text).await;
        }
        let deadline = Instant::now() + if block.retry { PATIENCE } else { Duration::ZERO };
        loop {
            let output = self.shell(&commands, block).output().await?;
            if output.status.code() == Some(block.exit) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let said = String::from_utf8_lossy(&output.stdout);
                let errors = String::from_utf8_lossy(&output.stderr);
                bail!("it ended with {}\n{said}{errors}", output.status);
            }
            sleep(Duration::from_secs(2)).await;
        }
    }

    async fn provide(&self, block: &Block) -> anyhow::Result<()> {
        for file in &block.coin_for {
            let account = self.id_of(file).await?.parse()?;
            let rpc = self.rpc.as_deref().context("no chain gives coin")?;
            tatum_devnet::give_coin(rpc, account).await?;
        }
        for file in &block.data_for {
            let account = self.id_of(file).await?;
            let fund = format!("tatum devnet fund {account} --data ./net");
            let output = self.shell(&fund, block).output().await?;
            ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(())
    }

    /// The address or node id of a key file.
    pub(super) async fn id_of(&self, file: &str) -> anyhow::Result<String> {
        for kind in ["account", "node"] {
            let show = format!("tatum key show --json --kind {kind} --file {file}");
            let is_node = kind == "node";
            let is_for_node = file.contains("node") || file.contains("tracker");
            if is_node != is_for_node {
                continue;
            }
            let output = self.shell(&show, &Block::default()).output().await?;
            let text = String::from_utf8_lossy(&output.stdout);
            let shown: Value = serde_json::from_str(&text).with_context(|| text.into_owned())?;
            return Ok(shown["id"].as_str().context("a key without an id")?.to_owned());
        }
        bail!("{file} is of no kind")
    }

    async fn start(&mut self, block: &Block, commands: &str, text: &str) -> anyhow::Result<()> {
        let name = format!("background-{}", self.background.len());
        let logs = self.home.join("logs");
        let output = logs.join(format!("{name}.out"));
        std::fs::create_dir_all(&logs)?;
        // One process instead of a shell and its child: a signal reaches the command itself.
        let (before, last) = commands.rsplit_once(" | ").unwrap_or(("", commands));
        let commands = match before.is_empty() {
            true => format!("exec {last}"),
            false if last.starts_with("tatum") => format!("exec {last} < <({before})"),
            false => format!("exec {before} > >({last})"),
        };
        let mut process = Process::spawn_into(&name, self.shell(&commands, block), &logs, &output)?;
        let log = logs.join(format!("{name}.log"));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
            if read(&output).contains(text) || read(&log).contains(text) {
                self.background.push(process);
                return Ok(());
            }
            process.check_runs()?;
            ensure!(
                Instant::now() < deadline,
                "{text:?} is not there: {}{}",
                read(&output),
                read(&log)
            );
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// A shell that knows what the blocks before it have set, and remembers what this one does.
    fn shell(&self, commands: &str, block: &Block) -> Command {
        let exports =
            block.variables.iter().map(|(name, value)| format!("export {name}={value}; "));
        let exports: String = exports.collect();
        let script = format!(
            "set -euo pipefail; source ./variables; {exports}{commands}\nexport -p > ./variables"
        );
        let mut shell = Command::new("bash");
        let path = std::env::var("PATH").unwrap_or_default();
        shell.args(["-c", &script]).current_dir(&self.home).env_clear();
        shell.env("PATH", format!("{}:{path}", self.home.join("bin").display()));
        shell.env("HOME", &self.home).env("TATUM_KEYSTORE_PASSWORD", PASSWORD);
        shell.stdin(Stdio::null());
        shell
    }
}

/// The binary in a folder, and the packages that a reader is told to install.
pub(super) fn furnish(home: &Path) -> anyhow::Result<()> {
    std::os::unix::fs::symlink(repository().join("node_modules"), home.join("node_modules"))?;
    let bin = home.join("bin");
    std::fs::create_dir_all(&bin)?;
    std::os::unix::fs::symlink(tatum_binary()?, bin.join("tatum"))?;
    std::fs::write(home.join("variables"), "")?;
    Ok(())
}

/// What a network of one machine told when it was ready.
pub(super) async fn told(file: &Path) -> anyhow::Result<Value> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Ok(told) = serde_json::from_str(&text) {
            return Ok(told);
        }
        ensure!(Instant::now() < deadline, "the network is not ready: {text}");
        sleep(Duration::from_millis(500)).await;
    }
}
