//! A watchtower that is started and killed: the library's task, or the real process.

use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use tatum_test_utils::testnet as tatum;
use tatum_test_utils::{Devnet, Habit, Process, Rules};
use tatum_watchtower::{Config, run};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};

use super::world::{LOST_PERCENT, TOWERS, World};

const POLL: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(20);
/// How a transaction is cut off: before anybody has it, or after.
const CUTS: [Habit; 2] = [Habit::Silence, Habit::Unanswered];

pub(crate) struct Tower {
    place: usize,
    folder: PathBuf,
    node: PathBuf,
    is_process: bool,
    running: Option<Running>,
}

enum Running {
    Task(oneshot::Sender<()>, JoinHandle<anyhow::Result<()>>),
    Process(Box<Process>),
}

impl Tower {
    pub(crate) fn new(place: usize, folder: &Path, node: &Path, is_process: bool) -> Self {
        let folder = folder.join(TOWERS[place]);
        Self { place, folder, node: node.to_owned(), is_process, running: None }
    }

    pub(crate) const fn is_running(&self) -> bool {
        self.running.is_some()
    }

    pub(crate) const fn is_process(&self) -> bool {
        self.is_process
    }

    pub(crate) async fn start(&mut self, world: &World) -> anyhow::Result<()> {
        ensure!(self.running.is_none(), "it runs already");
        let account = Devnet::account(TOWERS[self.place]);
        let endpoint = &world.towers[self.place];
        if self.is_process {
            let node = self.node.to_str().context("the folder's name")?;
            let words = ["watchtower", "run", "--poll-ms", "10", "--data", node];
            let mut command = tatum::command(&world.devnet, &words)?;
            command.env("TATUM_RPC", endpoint.provider.rpc_url());
            command.env("TATUM_PRIVATE_KEY", tatum::hex(&account));
            command.env("TATUM_STATE", &self.folder);
            let process = Process::spawn(TOWERS[self.place], command, world.folder.path())?;
            self.running = Some(Running::Process(Box::new(process)));
            return Ok(());
        }
        let chain = endpoint.signing(&account, Some(&self.folder)).await?;
        let config = self.config();
        let (stop, stopped) = oneshot::channel();
        let task = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                tokio::select! {
                    ended = run(chain, config, std::future::pending()) => ended.map(drop),
                    // Dropped wherever it is, and nothing of it runs on.
                    _ = stopped => Ok(()),
                }
            })
        });
        self.running = Some(Running::Task(stop, task));
        Ok(())
    }

    fn config(&self) -> Config {
        Config {
            folders: vec![self.node.clone()],
            files: Vec::new(),
            operator: None,
            redeem_at_wei: None,
            lane_least_wei: tatum_primitives::U256::ZERO,
            poll: POLL,
            alarm_before_s: 600,
            webhook: None,
            listen: None,
            once: false,
        }
    }

    /// Ends it at once, wherever it is: `kill -9`, or its task is dropped at whatever it waits for.
    pub(crate) async fn kill(&mut self) -> anyhow::Result<()> {
        match self.running.take() {
            None => Ok(()),
            Some(Running::Process(process)) => process.kill().await,
            Some(Running::Task(stop, task)) => {
                ensure!(stop.send(()).is_ok(), "the watchtower ended by itself");
                task.join().map_err(|_| anyhow!("the watchtower panicked"))?
            }
        }
    }

    /// Waits for it to hand over a transaction, which is cut off before anybody has it or after, and kills it there. Whether that came
    /// about: it sends only if something is due.
    pub(crate) async fn kill_sending(&mut self, world: &World, cut: usize) -> anyhow::Result<bool> {
        let provider = &world.towers[self.place].provider;
        let asked = || provider.asked("eth_sendRawTransaction");
        let before = asked();
        provider.behave(Rules::default().with("eth_sendRawTransaction", CUTS[cut].clone(), 1));
        let sends = async {
            while asked() == before {
                sleep(Duration::from_millis(5)).await;
            }
            // So that the chain has it where it is passed on.
            sleep(Duration::from_millis(30)).await;
        };
        let sent = timeout(Duration::from_millis(800), sends).await.is_ok();
        self.kill().await?;
        let seed = before as u64 + 77;
        provider.behave(Rules { lost_percent: LOST_PERCENT, seed, ..Rules::default() });
        Ok(sent)
    }

    /// Waits until it has looked at the newest block, or asked again for what it waits for.
    pub(crate) async fn looks(&self, world: &World) -> anyhow::Result<()> {
        let provider = &world.towers[self.place].provider;
        let asked = || provider.asked("eth_getBlockByNumber");
        let (enough, deadline) = (asked() + 2, Instant::now() + PATIENCE);
        while asked() < enough {
            if let Some(Running::Task(_, task)) = &self.running
                && task.is_finished()
            {
                bail!("the watchtower ended by itself");
            }
            ensure!(Instant::now() < deadline, "the watchtower stands still");
            sleep(Duration::from_millis(4)).await;
        }
        Ok(())
    }
}
