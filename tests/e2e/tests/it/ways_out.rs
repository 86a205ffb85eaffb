//! Every way out leads past the orderly end: while a process starts, and while nobody reads what it prints.

use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use tatum_test_utils::testnet::{Cast, Network, Payer, RecordedStream, command, hex};
use tatum_test_utils::{Devnet, DevnetParameters};
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 20, challenge_window_s: 3, grace_s: 4, force_s: 0 };
const PATIENCE: Duration = Duration::from_secs(20);
const AT_ONCE: Duration = Duration::from_secs(8);

fn terminate(process: u32) -> anyhow::Result<()> {
    let status =
        std::process::Command::new("kill").args(["-TERM", &process.to_string()]).status()?;
    anyhow::ensure!(status.success(), "no process {process}");
    Ok(())
}

/// The first process of a new process namespace, as in a container: the system ends it by no signal of its own.
async fn first_process(given: Command) -> anyhow::Result<Option<(Child, u32)>> {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--pid", "--fork"]);
    command.arg(given.as_std().get_program()).args(given.as_std().get_args());
    for (name, value) in given.as_std().get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.kill_on_drop(true).stdout(Stdio::null()).stderr(Stdio::null());
    let mut parent = command.spawn().context("starting unshare")?;
    let id = parent.id().context("unshare has ended")?;
    for _ in 0..100 {
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        if let Some(child) = children.ok().and_then(|ids| ids.trim().parse().ok()) {
            return Ok(Some((parent, child)));
        }
        if parent.try_wait()?.is_some() {
            return Ok(None);
        }
        sleep(Duration::from_millis(20)).await;
    }
    anyhow::bail!("unshare started nothing")
}

#[tokio::test]
async fn a_service_that_waits_for_its_endpoint_ends_at_once_also_as_process_1() -> anyhow::Result<()>
{
    let folder = tempfile::tempdir()?;
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    // It takes connections and never says anything.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let rpc = format!("http://{}", silent.local_addr()?);
    let data = folder.path().join("data").display().to_string();
    for words in [
        ["aggregator", "run", "--listen", "127.0.0.1:0"],
        ["tracker", "run", "--listen", "127.0.0.1:0"],
        ["node", "run", "--bind", "127.0.0.1:0"],
    ] {
        let words = [words.as_slice(), &["--data", &data]].concat();
        let mut given = command(&devnet, &words)?;
        given.env("TATUM_RPC", &rpc).env("TATUM_PRIVATE_KEY", hex(&Devnet::account("proposer")));
        given.env("TATUM_NODE_KEY", format!("0x{}", "11".repeat(32)));
        let Some((mut parent, process)) = first_process(given).await? else {
            eprintln!("no namespaces may be made here: not tested");
            return Ok(());
        };
        // Held: what is closed is answered, and a process may end for it.
        let _open = timeout(PATIENCE, silent.accept())
            .await
            .with_context(|| format!("{words:?} asks nobody"))??;
        terminate(process)?;
        timeout(AT_ONCE, parent.wait()).await.with_context(|| format!("{words:?} goes on"))??;
    }
    Ok(())
}

struct Stage {
    devnet: Devnet,
    network: Network,
    cast: Cast,
    stream: RecordedStream,
    folder: tempfile::TempDir,
}

impl Stage {
    async fn set(records: Vec<String>) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let streams = [RecordedStream::new("readings", records)?];
        let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
        let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
        let cast = Cast::assemble(&devnet, &streams, &[1], 1).await?;
        let network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
        network.until_epoch(schedule, cast.first_epoch).await;
        network.grant(&devnet, &cast, &streams).await?;
        let [stream] = streams;
        Ok(Self { devnet, network, cast, stream, folder })
    }

    /// A client with pipes of ours, whose log is in a file.
    fn client(&self, verb: &str, payer: &Payer) -> anyhow::Result<(Child, std::path::PathBuf)> {
        let log = self.folder.path().join(format!("{verb}.log"));
        let (address, data) = (payer.account.address().to_string(), self.network.data(verb));
        let words = [verb, self.stream.id.as_str(), "--tracker", self.network.tracker_url()];
        let words = [words.as_slice(), &["--payer", &address, "--data", &data]].concat();
        let mut command = command(&self.devnet, &words)?;
        command.env("TATUM_SESSION_KEY", hex(&payer.session)).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(std::fs::File::create(&log)?);
        Ok((command.spawn()?, log))
    }

    async fn publish(&self) -> anyhow::Result<Child> {
        let (mut publisher, _) = self.client("publish", &self.cast.publishers[0])?;
        let mut input = publisher.stdin.take().context("the publisher has no input")?;
        let lines = self.stream.records.join("\n") + "\n";
        // The input stays open, as keys are given only while the publisher runs.
        tokio::spawn(async move {
            let _ = input.write_all(lines.as_bytes()).await;
            std::future::pending::<()>().await;
        });
        Ok(publisher)
    }
}

async fn until_logged(log: &std::path::Path, words: &str) -> anyhow::Result<()> {
    let waiting = async {
        while !std::fs::read_to_string(log).is_ok_and(|text| text.contains(words)) {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, waiting).await.with_context(|| format!("no {words:?} in {}", log.display()))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscriber_ends_with_its_receipts_though_its_reader_stands_still() -> anyhow::Result<()>
{
    let records = (0..600).map(|n| format!("{n} {}", "x".repeat(4_000))).collect();
    let stage = Stage::set(records).await?;
    let (mut stuck, log) = stage.client("subscribe", &stage.cast.subscribers[0])?;
    until_logged(&log, "subscribed").await?;
    let publisher = stage.publish().await?;
    // A pipe holds 64 KiB; by now it is full, and nobody reads it.
    sleep(Duration::from_secs(6)).await;
    terminate(stuck.id().context("it has ended")?)?;
    timeout(PATIENCE, stuck.wait()).await.context("it waits for its reader for ever")??;
    until_logged(&log, "unsubscribed").await?;
    let said = std::fs::read_to_string(&log)?;
    assert!(!said.contains("does not permit us"), "it was permitted before it came: {said}");
    drop(publisher);
    stage.network.stop().await
}
