//! What is done at random, and how often.

use tatum_channel::Channel;
use tatum_primitives::{OperatorId, U256, WEI_PER_DATA as DATA};

use super::run::{DEPTH, Run};
use super::world::{CHEAT, HONEST, OPERATORS, PAYERS};

#[derive(Clone, Copy, Debug)]
enum Action {
    Open,
    TopUp,
    Deliver,
    SignForCheat,
    Redeem,
    Agree,
    TryOldWord,
    Exit,
    Settle,
    Wait,
    Away,
    Late,
    KillTower,
    KillSending,
    StartTower,
    SecondTower,
    Reorganise,
    Storm,
}

/// Each with how many of a hundred it is.
const ACTIONS: [(Action, u64); 18] = [
    (Action::Open, 12),
    (Action::TopUp, 4),
    (Action::Deliver, 26),
    (Action::SignForCheat, 3),
    (Action::Redeem, 7),
    (Action::Agree, 2),
    (Action::TryOldWord, 2),
    (Action::Exit, 6),
    (Action::Settle, 5),
    (Action::Wait, 5),
    (Action::Away, 3),
    (Action::Late, 5),
    (Action::KillTower, 5),
    (Action::KillSending, 2),
    (Action::StartTower, 5),
    (Action::SecondTower, 2),
    (Action::Reorganise, 4),
    (Action::Storm, 2),
];

impl Run<'_> {
    /// Does something, and says what.
    pub(crate) async fn act(&mut self) -> anyhow::Result<String> {
        let mut thrown = self.dice.within(0, 99);
        let mut action = Action::Wait;
        for (candidate, weight) in ACTIONS {
            if thrown < weight {
                action = candidate;
                break;
            }
            thrown -= weight;
        }
        let payer = self.dice.below(PAYERS.len());
        let operator = if self.dice.percent(80) { HONEST } else { CHEAT };
        Box::pin(self.carry_out(action, payer, operator)).await?;
        Ok(format!("{action:?} (payer {payer}, operator {operator})"))
    }

    async fn carry_out(
        &mut self,
        action: Action,
        payer: usize,
        operator: OperatorId,
    ) -> anyhow::Result<()> {
        match action {
            Action::Open => self.open(payer, operator).await,
            Action::TopUp => self.top_up(payer, operator).await,
            Action::Deliver => self.deliver_some(payer).await,
            Action::SignForCheat => self.sign_for_cheat(payer).await,
            Action::Redeem => self.redeem().await,
            Action::Agree => self.agree(payer).await,
            Action::TryOldWord => self.try_old_word().await,
            Action::Exit => self.exit(payer, operator).await,
            Action::Settle => self.settle_one(payer, operator).await,
            Action::Wait => self.wait().await,
            Action::Away => self.away().await,
            Action::Late => self.late().await,
            Action::KillTower => self.kill_tower().await,
            Action::KillSending => self.kill_sending().await,
            Action::StartTower => self.start_tower(0).await,
            Action::SecondTower => self.second_tower().await,
            Action::Reorganise => self.reorganise().await,
            Action::Storm => {
                let blocks = self.dice.within(1, 30);
                self.weather.storm(usize::try_from(blocks)?);
                Ok(())
            }
        }
    }

    /// To whoever has a channel that counts, from `payer` on.
    async fn deliver_some(&mut self, payer: usize) -> anyhow::Result<()> {
        for _ in 0..self.dice.within(1, 3) {
            for after in 0..self.payers.len() {
                if self.deliver((payer + after) % self.payers.len()).await? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Mostly of a channel that is left, if there is one.
    async fn settle_one(&mut self, payer: usize, operator: OperatorId) -> anyhow::Result<()> {
        let mut of = (payer, operator);
        if self.dice.percent(80) {
            let left = self.channels().await?.into_iter().find(|(_, _, channel)| {
                channel.state().is_some_and(|open| open.exit_ends_s.is_some())
            });
            of = left.map_or(of, |(payer, operator, _)| (payer, operator));
        }
        self.settle(of.0, of.1).await.map(drop)
    }

    pub(crate) async fn channel(
        &self,
        payer: usize,
        operator: OperatorId,
    ) -> anyhow::Result<Channel> {
        Ok(self.world.reader.channel(self.payers[payer].address(), operator).await?)
    }

    /// Counts what was done, or notes why it was refused.
    pub(crate) fn done<T, E: std::fmt::Display>(
        &mut self,
        what: &'static str,
        outcome: Result<T, E>,
    ) -> bool {
        match outcome {
            Ok(_) => self.counts.add(what, 1),
            Err(error) => {
                self.note(format!("not {what}: {error}"));
                return false;
            }
        }
        true
    }

    pub(crate) async fn open(&mut self, payer: usize, operator: OperatorId) -> anyhow::Result<()> {
        let is_open = self.channel(payer, operator).await?.state().is_some();
        if is_open && !self.dice.percent(10) {
            return Ok(());
        }
        let deposit_wei = U256::from(u128::from(self.dice.within(1, 20)) * DATA);
        let window_minutes = u16::try_from(self.dice.within(60, 90))?;
        let chain = self.payers[payer].chain.clone();
        let opening = chain.open_channel(operator, window_minutes, deposit_wei);
        let opened = self.weather.with_blocks(opening).await?;
        anyhow::ensure!(!(is_open && opened.is_ok()), "a channel was opened twice");
        if self.done("opened", opened) && self.dice.percent(70) {
            // Mostly it is waited until it counts.
            for _ in 0..DEPTH {
                self.weather.block().await?;
            }
        }
        Ok(())
    }

    async fn top_up(&mut self, payer: usize, operator: OperatorId) -> anyhow::Result<()> {
        let Some(open) = self.channel(payer, operator).await?.state().cloned() else {
            return Ok(());
        };
        let amount_wei = U256::from(u128::from(self.dice.within(1, 5)) * DATA);
        let (chain, address) = (self.payers[payer].chain.clone(), self.payers[payer].address());
        let topping = chain.top_up_channel(address, operator, amount_wei);
        let topped = self.weather.with_blocks(topping).await?;
        let is_leaving = open.exit_ends_s.is_some();
        anyhow::ensure!(!(is_leaving && topped.is_ok()), "a channel that is left was topped up");
        self.done("topped up", topped);
        Ok(())
    }

    async fn wait(&mut self) -> anyhow::Result<()> {
        for _ in 0..self.dice.within(1, 5) {
            self.weather.block().await?;
            for tower in self.towers.iter().filter(|tower| tower.is_running()) {
                tower.looks(self.world).await?;
            }
        }
        Ok(())
    }

    async fn reorganise(&mut self) -> anyhow::Result<()> {
        let depth = self.dice.within(1, DEPTH);
        self.weather.reorganise(depth).await?;
        self.weather.block().await?;
        self.counts.add("reorganisations", 1);
        self.invariants.is_reorganised = true;
        self.note(format!("{depth} blocks deep"));
        Ok(())
    }

    pub(crate) async fn start_tower(&mut self, place: usize) -> anyhow::Result<()> {
        if !self.towers[place].is_running() {
            self.towers[place].start(self.world).await?;
        }
        Ok(())
    }

    async fn second_tower(&mut self) -> anyhow::Result<()> {
        if self.towers[1].is_running() {
            return self.towers[1].kill().await;
        }
        self.counts.add("second towers", 1);
        self.start_tower(1).await
    }

    async fn kill_tower(&mut self) -> anyhow::Result<()> {
        let tower = &mut self.towers[0];
        if !tower.is_running() {
            return Ok(());
        }
        tower.kill().await?;
        self.counts.add("towers killed", 1);
        self.counts.add("processes killed", usize::from(self.towers[0].is_process()));
        Ok(())
    }

    async fn kill_sending(&mut self) -> anyhow::Result<()> {
        if !self.towers[0].is_running() {
            return Ok(());
        }
        let cut = self.dice.below(2);
        let was_sending = self.towers[0].kill_sending(self.world, cut).await?;
        self.counts.add("towers killed", 1);
        self.counts.add("towers killed while sending", usize::from(was_sending));
        self.counts.add("processes killed", usize::from(self.towers[0].is_process()));
        Ok(())
    }

    /// All channels of all payers.
    pub(crate) async fn channels(&self) -> anyhow::Result<Vec<(usize, OperatorId, Channel)>> {
        let mut channels = Vec::new();
        for payer in 0..self.payers.len() {
            for operator in OPERATORS {
                channels.push((payer, operator, self.channel(payer, operator).await?));
            }
        }
        Ok(channels)
    }
}
