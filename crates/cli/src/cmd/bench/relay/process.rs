//! The relay under test as a process of its own, and what the system says of it.
//!
//! Invariant: it ends when whoever started it does: its standard input is then at its end. Source: proc(5).

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use tatum_channel::Price;
use tatum_devnet::free_port;
use tatum_node::relay::{self, SharedFacts};
use tatum_node::{Clock, NodeKey, SystemClock};
use tatum_overlay::channel_book::Offer;
use tatum_primitives::{
    Address, Domain, EpochSchedule, OperatorId, StreamId, WEI_PER_DATA, keccak256,
};
use tatum_protocol::Stream;
use tatum_protocol::client::NodeClient;
use tatum_protocol::status::NodeStatus;
use tatum_receipt::SessionKey;
use tatum_receipt::checks::{OpenChannel, StatedFacts};
use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// The operator of the relay under test.
const OPERATOR: OperatorId = OperatorId(0);
/// Long enough for any measurement.
const EPOCH_S: u64 = 30 * 24 * 3600;
/// Clients that may pay by channel: a publisher and subscribers.
const MOST_CLIENTS: u8 = 8;
/// Clock ticks in a second, the same on every Linux.
const TICKS_PER_S: f64 = 100.0;

/// What the relay under test is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tracker's WebSocket
    #[arg(long)]
    tracker: String,
    /// Where receipts are handed in
    #[arg(long)]
    aggregator: String,
    /// Folder for receipts
    #[arg(long)]
    data: PathBuf,
    /// UDP address of all links
    #[arg(long)]
    bind: SocketAddr,
    /// Where /status is served
    #[arg(long)]
    status: SocketAddr,
    /// When the only epoch began
    #[arg(long)]
    genesis_s: u64,
    /// Take payment channels
    #[arg(long)]
    channels: bool,
}

/// What pays for everything in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paying {
    Stake,
    Channel,
}

/// What the relay asks, and what clients pay at most.
pub(super) const PRICE: Price =
    Price { per_gib_wei: WEI_PER_DATA, per_1000_messages_wei: WEI_PER_DATA / 1_000 };
/// Far more than any measurement costs, in a channel and without a receipt: it is the work that is measured.
const DEPOSIT_WEI: u128 = 1_000_000_000 * WEI_PER_DATA;

/// The stream of all messages.
pub(super) fn stream() -> Stream {
    let id = StreamId::new("bench/relay").unwrap_or_else(|_| unreachable!("a valid id"));
    Stream::new(id, 0)
}

/// A chain on which everybody has a stake and one node works for one operator.
pub(super) fn one_operator() -> StatedFacts {
    StatedFacts::default().node(key().id(), OPERATOR).quota_of_others(1 << 40)
}

/// The key of a client: the publisher is 0, subscribers come after it.
pub(super) fn session(number: u8) -> anyhow::Result<SessionKey> {
    Ok(SessionKey::from_bytes(&[number + 1; 32])?)
}

/// The same, where every client has a channel with that operator.
pub(super) fn with_channels() -> StatedFacts {
    let payers = (0..MOST_CLIENTS).filter_map(|number| Some(session(number).ok()?.address()));
    let open = |payer: Address| OpenChannel {
        id: keccak256(payer),
        deposited_wei: DEPOSIT_WEI,
        paid_wei: 0,
        is_exiting: false,
    };
    payers.fold(one_operator(), |facts, payer| facts.channel(payer, OPERATOR, open(payer)))
}

fn key() -> NodeKey {
    NodeKey::from_bytes(&[0x7a; 32])
}

/// What receipts are signed for.
pub(super) fn domain() -> Domain {
    Domain { chain_id: 31_337, stake_pool: Address::repeat_byte(1) }
}

/// One epoch that began at `genesis_s`.
pub(super) const fn schedule(genesis_s: u64) -> EpochSchedule {
    EpochSchedule { genesis_s, length_s: EPOCH_S }
}

pub(super) fn clock(genesis_s: u64) -> Arc<dyn Clock> {
    Arc::new(SystemClock::new(schedule(genesis_s)))
}

/// Runs the relay until standard input ends.
pub(crate) async fn run(args: Args) -> anyhow::Result<()> {
    let facts = SharedFacts::new(with_channels());
    let clock = clock(args.genesis_s);
    let mut config = relay::Config::new(key(), args.tracker, args.data, domain(), facts, clock);
    config.aggregator = Some(args.aggregator);
    config.bind = args.bind;
    config.http = Some(args.status);
    config.carry = vec![stream()];
    let offer = Offer { price: PRICE, unsigned_limit_wei: DEPOSIT_WEI };
    config.offer = args.channels.then_some(offer);
    let ended = async {
        let mut nothing = [0];
        while matches!(tokio::io::stdin().read(&mut nothing).await, Ok(1..)) {}
    };
    relay::run(config, ended).await.context("running the relay")
}

/// The running process.
#[derive(Debug)]
pub(super) struct Relay {
    process: Child,
    id: u32,
    /// Where its links come together.
    pub(super) udp: SocketAddr,
    status: SocketAddr,
}

impl Relay {
    /// Starts this very program as the relay, and waits until it answers.
    pub(super) async fn start(
        tracker: &str,
        aggregator: SocketAddr,
        data: &Path,
        genesis_s: u64,
        paying: Paying,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("finding this program")?;
        let [udp, status] =
            [free_port()?, free_port()?].map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let mut command = Command::new(program);
        command.args(["bench", "relay-process", "--tracker", tracker]);
        command.args(["--aggregator", &format!("http://{aggregator}")]);
        command.args(["--bind", &udp.to_string(), "--status", &status.to_string()]);
        command.args(["--genesis-s", &genesis_s.to_string()]).arg("--data").arg(data);
        command.args((paying == Paying::Channel).then_some("--channels"));
        command.stdin(Stdio::piped()).stdout(Stdio::null()).kill_on_drop(true);
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        let process = command.spawn().context("starting the relay's process")?;
        let id = process.id().context("the relay's process ended at once")?;
        let mut relay = Self { process, id, udp, status };
        while let Err(error) = relay.status().await {
            if let Some(ended) = relay.process.try_wait().context("looking for the relay")? {
                bail!("the relay ended with {ended} before it answered: {error:#}");
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(relay)
    }

    /// User and system time it took so far.
    pub(super) fn cpu_time(&self) -> anyhow::Result<Duration> {
        let text = self.proc("stat")?;
        // The second field is the program's name in brackets, which may hold anything.
        let fields = text.rsplit(')').next().unwrap_or_default();
        let ticks: Vec<u64> =
            fields.split_whitespace().skip(11).take(2).map_while(|f| f.parse().ok()).collect();
        anyhow::ensure!(ticks.len() == 2, "/proc/{}/stat is not understood", self.id);
        Ok(Duration::from_secs_f64(ticks.iter().sum::<u64>() as f64 / TICKS_PER_S))
    }

    /// Its memory in MB of 10⁶ bytes.
    pub(super) fn resident_mb(&self) -> anyhow::Result<f64> {
        let text = self.proc("status")?;
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kib.context("no VmRSS in /proc")? * 1024.0 / 1e6)
    }

    fn proc(&self, file: &str) -> anyhow::Result<String> {
        let path = format!("/proc/{}/{file}", self.id);
        std::fs::read_to_string(&path).with_context(|| format!("reading {path}"))
    }

    /// What it says of itself.
    pub(super) async fn status(&self) -> anyhow::Result<NodeStatus> {
        let client = NodeClient::new(&format!("http://{}", self.status))?;
        client.status().await.context("the relay's status")
    }

    /// Ends it in an orderly way.
    pub(super) async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.process.stdin.take());
        let status = self.process.wait().await.context("waiting for the relay's end")?;
        anyhow::ensure!(status.success(), "the relay ended with {status}");
        Ok(())
    }
}
