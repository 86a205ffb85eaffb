//! Receipts: delivered for, signed, cheated with, redeemed; and ends that are agreed.

use anyhow::ensure;
use tatum_chain::Agreement;
use tatum_primitives::{U256, WEI_PER_DATA as DATA};
use tatum_receipt::SignedReceipt;
use tatum_test_utils::Devnet;

use super::payer::{MESSAGE_BYTES, PRICE};
use super::run::Run;
use super::world::{CHEAT, HONEST, OPERATORS, World};

/// How a payer behaves for a delivery, of a hundred.
const FORGES: u64 = 6;
const UNDERPAYS: u64 = 8;
const SIGNS_NOTHING: u64 = 6;

impl Run<'_> {
    /// The honest operator delivers some messages, if the channel covers them, and the payer signs for them, or cheats. Whether there is a
    /// channel that counts.
    pub(crate) async fn deliver(&mut self, payer: usize) -> anyhow::Result<bool> {
        let newest = self.channel(payer, HONEST).await?;
        let Some(known) = self.honest.confirmed(&newest) else { return Ok(false) };
        let (more, reader) = (self.dice.within(1, 20), u32::try_from(self.dice.within(0, 1))?);
        let cost_wei = PRICE.owed_wei_down(more * MESSAGE_BYTES, more).unwrap_or(u128::MAX);
        if let Err(reason) = self.honest.serves(&known, cost_wei) {
            self.counts.add("service refused", 1);
            self.note(reason.to_string());
            return Ok(true);
        }
        let (lane, epoch) = ((known.id, reader), self.epoch().await?);
        let messages = self.honest.lane(lane).messages(epoch) + more;
        let bytes = messages * MESSAGE_BYTES;
        self.honest.lane(lane).count(epoch, bytes, messages);
        let cheats = self.dice.within(0, 99);
        let payer = &mut self.payers[payer];
        let due_wei = {
            let account = payer.lane(lane);
            account.count(epoch, bytes, messages);
            account.due_wei()
        };
        let key = if self.dice.percent(50) { payer.session.clone() } else { payer.key.clone() };
        let terms = (HONEST, lane, epoch);
        let verifier = &self.world.verifier;
        let (signed, is_good) = if cheats < FORGES {
            let forger = Devnet::account("anybody");
            (payer.sign(&forger, verifier, terms, (messages, due_wei)), false)
        } else if cheats < FORGES + UNDERPAYS {
            // At the least a message less.
            let owed = due_wei.saturating_sub(DATA / 10);
            (payer.sign(&key, verifier, terms, (messages, owed)), false)
        } else if cheats < FORGES + UNDERPAYS + SIGNS_NOTHING {
            return Ok(true);
        } else {
            let owed = payer.lane(lane).state();
            (payer.sign(&key, verifier, terms, (messages, owed)), true)
        };
        let taken = self.honest.take(lane, &signed, verifier).await?;
        ensure!(taken == is_good, "a receipt was judged wrong: {:?}", signed.receipt);
        self.counts.add(if taken { "receipts taken" } else { "receipts refused" }, 1);
        self.made.push(signed);
        Ok(true)
    }

    /// A payer signs something for the operator that cheats, which makes one of its own beside it that owes more.
    pub(crate) async fn sign_for_cheat(&mut self, payer: usize) -> anyhow::Result<()> {
        let channel = self.channel(payer, CHEAT).await?;
        let (owed, epoch) = (u128::from(self.dice.within(1, 30)) * DATA, self.epoch().await?);
        let terms = (CHEAT, (channel.id(), 0), epoch);
        let (payer, verifier) = (&mut self.payers[payer], &self.world.verifier);
        let key = payer.key.clone();
        self.made.push(payer.sign(&key, verifier, terms, (1, owed)));
        let forger = World::owner_of(CHEAT);
        self.made.push(payer.sign(&forger, verifier, terms, (1, owed * 2)));
        Ok(())
    }

    /// Anybody brings receipts to the hub, old ones, forged ones, those of channels that are closed. If nobody else moves, what they
    /// pay is what the machine off chain foretells.
    pub(crate) async fn redeem(&mut self) -> anyhow::Result<()> {
        if self.made.is_empty() {
            return Ok(());
        }
        let mut some = Vec::new();
        for _ in 0..self.dice.within(1, 4) {
            some.push(self.made[self.dice.below(self.made.len())].clone());
        }
        let stands_alone = self.stands_alone(&some).await?;
        let judged = self.world.reader.judge_channel_receipts(&some).await?;
        let foretold: u128 = judged.iter().filter_map(|judged| judged.verdict.as_ref().ok()).sum();
        let before = self.paid_out_wei().await?;
        let anybody = self.anybody.clone();
        let redeemed = self.weather.with_blocks(anybody.redeem_receipts(&some)).await?;
        let paid = self.paid_out_wei().await? - before;
        if stands_alone {
            ensure!(
                redeemed.is_err() || paid == U256::from(foretold),
                "{paid} wei were paid, {foretold} foretold: {some:?}"
            );
            if some.len() == 1 {
                let refused = redeemed.as_ref().err().map(ToString::to_string);
                let is_refused = refused.is_some_and(|told| told.contains("refused"));
                ensure!(!(is_refused && foretold > 0), "what pays was refused: {redeemed:?}");
                let as_foretold = is_refused && foretold == 0;
                self.counts.add("refused by the contract as foretold", usize::from(as_foretold));
            }
            self.counts.add("redemptions foretold", usize::from(foretold > 0 && redeemed.is_ok()));
        }
        self.done("redeemed by anybody", redeemed);
        Ok(())
    }

    /// Whether nobody else redeems, and no window of theirs is over before they are mined.
    async fn stands_alone(&self, some: &[SignedReceipt]) -> anyhow::Result<bool> {
        if self.towers.iter().any(|tower| tower.is_running()) || !self.world.is_quiet().await? {
            return Ok(false);
        }
        let soon_s = self.weather.now_s().await? + 1_200;
        for (payer, operator, channel) in self.channels().await? {
            let ends_s = channel.state().and_then(|open| open.exit_ends_s);
            let address = self.payers[payer].address();
            let is_theirs = some.iter().any(|signed| {
                (signed.receipt.payer, signed.receipt.operator_id) == (address, operator)
            });
            if is_theirs && ends_s.is_some_and(|ends_s| ends_s < soon_s) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What both operators were paid.
    pub(crate) async fn paid_out_wei(&self) -> anyhow::Result<U256> {
        let mut paid_wei = U256::ZERO;
        for operator in OPERATORS {
            paid_wei += self.world.reader.balance_wei(World::payee_of(operator)).await?;
        }
        Ok(paid_wei)
    }

    /// Both agree on an end for what the honest operator is owed; the payer keeps the word, and may use it or not.
    pub(crate) async fn agree(&mut self, payer: usize) -> anyhow::Result<()> {
        let channel = self.channel(payer, HONEST).await?;
        let Some(open) = channel.state() else { return Ok(()) };
        let total_wei = self.honest.owed_wei(channel.id()).max(open.paid_wei);
        if total_wei > open.deposited_wei {
            return Ok(());
        }
        self.honest.agree(channel.id());
        let owner = World::owner_of(HONEST);
        let word = self.world.reader.sign_close(&owner, &channel, total_wei);
        let agreement = Agreement { total_wei, by_payer: None, by_operator: Some(word) };
        self.agreements.push((payer, HONEST, channel.id(), agreement.clone()));
        if self.dice.percent(80) {
            self.close(payer, &agreement).await?;
        }
        Ok(())
    }

    async fn close(&mut self, payer: usize, agreement: &Agreement) -> anyhow::Result<()> {
        let (chain, address) = (self.payers[payer].chain.clone(), self.payers[payer].address());
        let closing = chain.close_channel(address, HONEST, agreement);
        let closed = self.weather.with_blocks(closing).await?;
        self.done("closed by agreement", closed);
        Ok(())
    }

    /// A payer brings an agreement once more: in a later channel of the two it is worth nothing.
    pub(crate) async fn try_old_word(&mut self) -> anyhow::Result<()> {
        if self.agreements.is_empty() {
            return Ok(());
        }
        let at = self.dice.below(self.agreements.len());
        let (payer, operator, id, agreement) = self.agreements[at].clone();
        let channel = self.channel(payer, operator).await?;
        let (chain, address) = (self.payers[payer].chain.clone(), self.payers[payer].address());
        let closing = chain.close_channel(address, operator, &agreement);
        let closed = self.weather.with_blocks(closing).await?;
        ensure!(channel.id() == id || closed.is_err(), "an old word closed another channel");
        self.counts.add("old words tried again", 1);
        self.done("closed by agreement", closed);
        Ok(())
    }
}
