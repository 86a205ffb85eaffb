//! What holds after every action, by number, and in the end.

use std::collections::BTreeMap;

use anyhow::ensure;
use tatum_channel::{highest_of_lanes, lane_id};
use tatum_primitives::{Address, B256, OperatorId, U256};
use tatum_receipt::SignedReceipt;

use super::run::Run;
use super::world::{HONEST, OPERATORS, World};

/// What was seen at the check before.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// A chain that was reorganised may go back.
    pub(crate) is_reorganised: bool,
    generations: BTreeMap<(usize, OperatorId), u32>,
    paid_of_lanes: BTreeMap<B256, u128>,
    total_wei: Option<U256>,
}

impl Run<'_> {
    /// 1. What the hub holds is what is left of all deposits, and credits.
    /// 2. A channel pays no more than its deposit, and as much as its lanes together.
    /// 3. A lane pays no more than its payer signed.
    /// 4. Nobody's tokens come from nowhere or go there.
    /// 5. No payer has less than what it did not sign away.
    /// 6. Nothing leads back from a closed channel, and what a lane was paid never falls, unless blocks are taken back.
    /// 7. What the honest operator is owed is in the deposit, paid or not.
    pub(crate) async fn check(&mut self) -> anyhow::Result<()> {
        let signed = self.signed_by_payers();
        let lanes = self.world.reader.channels_with_lanes(&signed).await?;
        let mut held_wei = U256::ZERO;
        let channels = self.channels().await?;
        if std::mem::take(&mut self.invariants.is_reorganised) {
            self.invariants.generations.clear();
            self.invariants.paid_of_lanes.clear();
        }
        for (payer, operator, channel) in &channels {
            let before =
                self.invariants.generations.insert((*payer, *operator), channel.generation());
            ensure!(
                before.is_none_or(|before| before <= channel.generation()),
                "6: a channel is back"
            );
            let Some(open) = channel.state() else { continue };
            held_wei += U256::from(open.left_wei());
            ensure!(open.paid_wei <= open.deposited_wei, "2: more was paid than there was");
            if *operator == HONEST {
                let owed_wei = self.honest.owed_wei(channel.id());
                ensure!(
                    owed_wei <= open.deposited_wei,
                    "7: {owed_wei} wei are owed, {} are there",
                    open.deposited_wei
                );
            }
            let address = self.payers[*payer].address();
            let of_channel = signed.iter().filter(|signed| signed.receipt.channel == channel.id());
            let with_lanes = lanes.get(&(address, *operator));
            let mut paid_wei = 0;
            for receipt in of_channel.map(|signed| &signed.receipt) {
                let id = lane_id(receipt);
                let lane = with_lanes.map(|channel| channel.lane(id)).unwrap_or_default();
                ensure!(lane.paid_wei <= receipt.owed, "3: a lane paid more than was signed");
                let before = self.invariants.paid_of_lanes.insert(id, lane.paid_wei);
                ensure!(before.is_none_or(|before| before <= lane.paid_wei), "6: a lane took back");
                paid_wei += lane.paid_wei;
            }
            ensure!(paid_wei == open.paid_wei, "2: lanes paid {paid_wei}, not {}", open.paid_wei);
        }
        self.check_balances(held_wei, &signed).await
    }

    async fn check_balances(
        &mut self,
        held_wei: U256,
        signed: &[SignedReceipt],
    ) -> anyhow::Result<()> {
        let reader = &self.world.reader;
        let hub_wei = reader.balance_wei(self.world.devnet.deployment().channel_hub).await?;
        ensure!(hub_wei == held_wei, "1: the hub holds {hub_wei} wei, {held_wei} are left");
        let mut total_wei = hub_wei + self.paid_out_wei().await?;
        let channels = self.channels().await?;
        for (place, payer) in self.payers.iter().enumerate() {
            let balance_wei = reader.balance_wei(payer.address()).await?;
            total_wei += balance_wei;
            let left = channels.iter().filter(|(payer, _, _)| *payer == place);
            let left = left.filter_map(|(_, _, channel)| channel.state());
            let left_wei: u128 = left.map(|open| open.left_wei()).sum();
            let given_wei = signed_wei(signed, Some(payer.address()), None);
            ensure!(
                balance_wei + U256::from(left_wei) + given_wei >= payer.start_wei,
                "5: payer {place} paid more than it signed"
            );
        }
        let before = *self.invariants.total_wei.get_or_insert(total_wei);
        ensure!(before == total_wei, "4: there are {total_wei} wei, there were {before}");
        Ok(())
    }

    /// Of each lane the most that its payer signed, whoever has it: what others signed in its name binds it to nothing.
    fn signed_by_payers(&self) -> Vec<SignedReceipt> {
        let by_payer = |signed: &&SignedReceipt| {
            let signer = self.world.verifier.signer(signed).ok();
            self.payers.iter().any(|payer| {
                let keys = [payer.key.address(), payer.session.address()];
                signed.receipt.payer == payer.address()
                    && signer.is_some_and(|signer| keys.contains(&signer))
            })
        };
        highest_of_lanes(self.made.iter().filter(by_payer).cloned())
    }

    /// Nothing is left anywhere, and the honest operator has all that it was owed.
    pub(crate) async fn check_end(&mut self) -> anyhow::Result<()> {
        let signed = self.signed_by_payers();
        let reader = &self.world.reader;
        let hub_wei = reader.balance_wei(self.world.devnet.deployment().channel_hub).await?;
        ensure!(hub_wei.is_zero(), "{hub_wei} wei are stranded in the hub");
        for operator in OPERATORS {
            let paid_wei = reader.balance_wei(World::payee_of(operator)).await?;
            let most_wei = signed_wei(&signed, None, Some(operator));
            ensure!(paid_wei <= most_wei, "operator {operator} has more than was signed");
            let owed_wei = self.honest.owed_in_all_wei();
            if operator == HONEST {
                ensure!(
                    paid_wei >= owed_wei,
                    "the honest operator has {paid_wei} wei, {owed_wei} were owed"
                );
                self.counts.add("runs in which the honest operator was paid", 1);
                self.counts.add(
                    "DATA that it was owed",
                    usize::try_from(owed_wei / U256::from(tatum_primitives::WEI_PER_DATA))?,
                );
            }
        }
        Ok(())
    }
}

/// What is signed in all lanes of a payer, or with an operator.
fn signed_wei(
    signed: &[SignedReceipt],
    payer: Option<Address>,
    operator: Option<OperatorId>,
) -> U256 {
    let theirs = signed.iter().map(|signed| &signed.receipt).filter(|receipt| {
        payer.is_none_or(|payer| receipt.payer == payer)
            && operator.is_none_or(|operator| receipt.operator_id == operator)
    });
    theirs.map(|receipt| U256::from(receipt.owed)).sum()
}
