//! Carries out what the plan says, one fault after the other; habits of providers and attacks go on beside the next ones.
//!
//! Invariant: one process at a time is away. What several of a kind being away together costs is stated in docs/network.md and is no fault.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand::rngs::StdRng;
use tatum_test_utils::hostile::{Account, Targets, attack};
use tatum_test_utils::testnet::{Cast, Network, RecordedStream};
use tatum_test_utils::{Devnet, Provider};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::memory::Memory;
use super::plan::{Fault, Plan, good_rules};

/// How often it is looked what processes hold in memory.
const SAMPLE_EVERY: Duration = Duration::from_secs(2);

/// Chain, cast and streams.
pub(super) type Stage<'a> = (&'a Devnet, &'a Cast, &'a [RecordedStream]);

/// The faults under way.
pub(super) struct Storm<'a, Say> {
    stage: Stage<'a>,
    network: &'a mut Network,
    providers: &'a [Arc<Provider>],
    /// Tasks that have providers behave again, however long anything else takes.
    healing: JoinSet<()>,
    attacks: JoinSet<()>,
    /// On whose stake hostile peers make links.
    account: Account,
    memory: Memory,
    happened: BTreeMap<String, usize>,
    say: Say,
}

impl<'a, Say: Fn(String)> Storm<'a, Say> {
    pub(super) fn new(
        stage: Stage<'a>,
        network: &'a mut Network,
        providers: &'a [Arc<Provider>],
        account: Account,
        say: Say,
    ) -> Self {
        let healing = JoinSet::new();
        let (attacks, memory, happened) = (JoinSet::new(), Memory::default(), BTreeMap::new());
        Self { stage, network, providers, healing, attacks, account, memory, happened, say }
    }

    /// Goes on for so long.
    pub(super) async fn rage(&mut self, mut plan: Plan, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            let (quiet, fault) = plan.next();
            self.wait(quiet).await?;
            let Some(fault) = fault else { continue };
            (self.say)(fault.to_string());
            let kind = format!("{fault:?}");
            let kind = kind.split([' ', '{']).next().unwrap_or_default().to_owned();
            *self.happened.entry(kind).or_default() += 1;
            self.carry_out(fault).await?;
        }
        Ok(())
    }

    async fn carry_out(&mut self, fault: Fault) -> anyhow::Result<()> {
        let (devnet, cast, streams) = self.stage;
        match fault {
            Fault::Kill { whom, away } => {
                self.network.kill(&whom).await?;
                self.wait(away).await?;
                self.network.start_again(devnet, cast, &whom).await?;
            }
            Fault::KillSubscriber { whom, away } => {
                self.network.kill_subscriber(&whom).await?;
                self.wait(away).await?;
                self.network.resume_subscriber(devnet, cast, streams, &whom)?;
            }
            Fault::Provider { which, rules, lasts, .. } => {
                let provider = Arc::clone(&self.providers[which]);
                provider.behave(rules);
                self.healing.spawn(async move {
                    sleep(lasts).await;
                    provider.behave(good_rules());
                });
            }
            Fault::Reorganise { depth } => {
                devnet.anvil().reorganise(depth).await?;
            }
            Fault::FullDisk { whose, lasts } => {
                if let Some(disk) = self.network.disk(&whose) {
                    disk.fill()?;
                }
                self.wait(lasts).await?;
                if let Some(disk) = self.network.disk(&whose) {
                    disk.make_room()?;
                }
            }
            Fault::Hostile { attack: kind, seed } => {
                let (targets, rng) = (self.targets(), StdRng::seed_from_u64(seed));
                self.attacks.spawn(async move { attack(kind, &targets, rng).await });
            }
        }
        Ok(())
    }

    fn targets(&self) -> Targets {
        Targets {
            trackers: self.network.tracker_urls().to_vec(),
            aggregators: self.network.aggregator_urls().to_vec(),
            relay_ports: self.network.relay_ports().collect(),
            account: self.account.clone(),
        }
    }

    /// Waits, and looks after the processes meanwhile.
    async fn wait(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        let (devnet, cast, streams) = self.stage;
        loop {
            let resumed = self.network.resume_ended(devnet, cast, streams)?;
            *self.happened.entry("Resumed".to_owned()).or_default() += resumed;
            self.memory.sample(self.network.resident_bytes());
            let next = Instant::now() + SAMPLE_EVERY;
            if next >= end {
                sleep_until(end).await;
                return Ok(());
            }
            sleep(SAMPLE_EVERY).await;
        }
    }

    /// Ends all that is under way; gives what was seen and how often each kind of fault came.
    pub(super) async fn calm(mut self) -> (Memory, BTreeMap<String, usize>) {
        self.healing.shutdown().await;
        for provider in self.providers {
            provider.behave(good_rules());
        }
        while self.attacks.join_next().await.is_some() {}
        self.memory.sample(self.network.resident_bytes());
        (self.memory, self.happened)
    }
}
