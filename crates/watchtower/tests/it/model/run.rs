//! One run: everybody, what they did, and one action after the other.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use tatum_chain::{Agreement, Chain, Follower, follow};
use tatum_primitives::{B256, Epoch, EpochSchedule, OperatorId};
use tatum_receipt::SignedReceipt;
use tatum_test_utils::Devnet;

use super::counts::Counts;
use super::dice::Dice;
use super::operator::Operator;
use super::payer::Payer;
use super::tower::Tower;
use super::weather::Weather;
use super::world::{HONEST, PAYERS, World, session_of};

/// Blocks before anything counts; a reorganisation is no deeper.
pub(crate) const DEPTH: u64 = 6;

pub(crate) struct Run<'a> {
    pub(crate) world: &'a World,
    pub(crate) counts: &'a mut Counts,
    pub(crate) dice: Dice,
    pub(crate) weather: Weather<'a>,
    pub(crate) payers: Vec<Payer>,
    pub(crate) anybody: Chain,
    pub(crate) honest: Operator,
    pub(crate) towers: [Tower; 2],
    pub(crate) schedule: EpochSchedule,
    /// All receipts that were ever made, by whomever; and the ends that were agreed.
    pub(crate) made: Vec<SignedReceipt>,
    pub(crate) agreements: Vec<(usize, OperatorId, B256, Agreement)>,
    /// What was done, to be shown when something is wrong.
    pub(crate) trail: Vec<String>,
    pub(crate) invariants: super::invariants::Memory,
    lost_before: usize,
    folder: PathBuf,
    _follower: Follower,
}

impl<'a> Run<'a> {
    pub(crate) async fn begin(
        world: &'a mut World,
        seed: u64,
        counts: &'a mut Counts,
    ) -> anyhow::Result<Self> {
        world.renew(seed).await?;
        let world = &*world;
        let mut weather = Weather::new(world.devnet.anvil(), world.reader.clone());
        // So deep that no reorganisation reaches what all runs begin from.
        for _ in 0..=DEPTH {
            weather.block().await?;
        }
        let folder = world.folder.path().join(format!("run-{seed}"));
        let often = Duration::from_millis(30);
        let (view, follower) = follow(world.reader.clone(), DEPTH, often).await?;
        let node = folder.join("relay");
        let honest = Operator::new(&node, view).await?;
        let is_process = seed.is_multiple_of(10);
        let towers = [0, 1].map(|place| Tower::new(place, &folder, &node, is_process));
        let payers = payers(world).await?;
        let anybody = world.parties.signing(&Devnet::account("anybody"), None).await?;
        let schedule = world.reader.schedule().await?;
        Ok(Self {
            dice: Dice::new(seed),
            weather,
            payers,
            anybody,
            honest,
            towers,
            schedule,
            made: Vec::new(),
            agreements: Vec::new(),
            trail: Vec::new(),
            invariants: super::invariants::Memory::default(),
            lost_before: world.lost(),
            folder,
            _follower: follower,
            world,
            counts,
        })
    }

    /// Acts at random, then has everybody leave, and looks at what they have.
    pub(crate) async fn play(&mut self, actions: usize) -> anyhow::Result<()> {
        self.towers[0].start(self.world).await?;
        for payer in 0..self.payers.len() {
            if self.dice.percent(70) {
                self.open(payer, HONEST).await.context("at first")?;
            }
        }
        for number in 0..actions {
            self.guard_exits().await.with_context(|| format!("before action {number}"))?;
            let what = self.act().await.with_context(|| format!("action {number}"))?;
            self.trail.push(format!("{number}: {what}"));
            self.counts.add("actions", 1);
            self.check().await.with_context(|| format!("after action {number}, {what}"))?;
        }
        self.everybody_leaves().await.context("everybody leaves")?;
        self.check().await.context("in the end")?;
        self.check_end().await.context("in the end")?;
        self.put_away().await
    }

    /// What is done is kept only where something failed.
    async fn put_away(&mut self) -> anyhow::Result<()> {
        for tower in &mut self.towers {
            tower.kill().await?;
        }
        self.honest.close().await;
        self.counts.add("transactions lost", self.world.lost() - self.lost_before);
        self.counts.add("blocks at twenty times the base fee", self.weather.stormy);
        std::fs::remove_dir_all(&self.folder).context("removing the run's folder")
    }

    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.trail.push(format!("   {}", what.into()));
    }

    pub(crate) async fn epoch(&self) -> anyhow::Result<Epoch> {
        let now_s = self.weather.now_s().await?;
        Ok(self.schedule.epoch_at_ms(now_s * 1_000))
    }
}

async fn payers(world: &World) -> anyhow::Result<Vec<Payer>> {
    let mut payers = Vec::new();
    for name in PAYERS {
        let key = Devnet::account(name);
        let chain = world.parties.signing(&key, None).await?;
        let start_wei = world.reader.balance_wei(key.address()).await?;
        ensure!(!start_wei.is_zero(), "{name} has nothing");
        payers.push(Payer::new(key, session_of(name), chain, start_wei));
    }
    Ok(payers)
}
