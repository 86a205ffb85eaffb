//! What stands in payment channels on chain, and what receipts would redeem there.
//!
//! Invariant: a verdict over receipts is the contract's own, worked out by its twin (crate `channel`) from what the contract holds, so
//! whoever asks first pays no gas to learn that nothing is paid.

use std::collections::{BTreeMap, BTreeSet};

use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use tatum_channel::{Channel, Lane, Open, Pair, Refusal, SignedBy, lane_id};
use tatum_primitives::{Address, B256, OperatorId, U256};
use tatum_protocol::web::{ChannelState, ChannelStatus};
use tatum_receipt::{DeliveryReceipt, SignedReceipt, Verifier};

use crate::bindings::ChannelHub::ChannelOpened;
use crate::inputs::narrow;
use crate::{Chain, ChainError, Result, reads};

/// A receipt and what it would redeem now, after those before it.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The receipt.
    pub signed: SignedReceipt,
    /// What it pays in wei, or why it pays nothing.
    pub verdict: std::result::Result<u128, Refusal>,
}

impl Chain {
    /// A payer and an operator at this deployment's hub.
    pub fn channel_pair(&self, payer: Address, operator_id: OperatorId) -> Pair {
        Pair { hub: self.deployment().channel_hub, payer, operator_id }
    }

    /// The channel of the two as it stands at the newest block, without its lanes.
    pub async fn channel(&self, payer: Address, operator: OperatorId) -> Result<Channel> {
        self.channel_with(payer, operator, []).await
    }

    /// The channels of many, in their order. That one cannot be read says nothing about the others.
    pub async fn channels(&self, pairs: &[(Address, OperatorId)]) -> Vec<Result<Channel>> {
        reads::each_alone(pairs, |(payer, operator)| self.channel(*payer, *operator)).await
    }

    async fn channel_with(
        &self,
        payer: Address,
        operator: OperatorId,
        lanes: impl IntoIterator<Item = (B256, Lane)>,
    ) -> Result<Channel> {
        let channel = self.channel_hub.channelOf(payer, operator.0).call().await;
        let channel = channel.map_err(reading)?;
        let exit_ends_s: u64 = channel.exitEnds.to();
        let paid = (channel.depositedWei.to(), channel.paidWei.to());
        let exit = (exit_ends_s != 0).then_some(exit_ends_s);
        let open = (paid.0 != 0).then(|| Open::read(paid, exit, channel.windowMinutes, lanes));
        Ok(Channel::read(self.channel_pair(payer, operator), channel.generation.to(), open))
    }

    /// What is known of a lane.
    async fn lane(&self, id: B256) -> Result<Lane> {
        let lane = self.channel_hub.laneAt(id).call().await.map_err(reading)?;
        let signer = (lane.signer != Address::ZERO).then_some(lane.signer);
        Ok(Lane { paid_wei: lane.paidWei.to(), signer })
    }

    /// A channel for people.
    pub async fn channel_status(
        &self,
        payer: Address,
        operator: OperatorId,
    ) -> Result<ChannelStatus> {
        let channel = self.channel(payer, operator).await?;
        let payee = self.channel_payee(operator).await?;
        let payee_credit_wei = match payee {
            Some(payee) => self.channel_credit_wei(payee).await?,
            None => U256::ZERO,
        };
        let (_, now_s) = self.head().await?;
        let open = channel.state();
        let amount = |of: fn(&Open) -> u128| open.map_or(U256::ZERO, |open| U256::from(of(open)));
        Ok(ChannelStatus {
            channel: channel.id(),
            payer,
            operator,
            state: state_of(open, now_s),
            deposited_wei: amount(|open| open.deposited_wei),
            paid_wei: amount(|open| open.paid_wei),
            left_wei: amount(Open::left_wei),
            window_minutes: open.map(|open| open.window_minutes),
            exit_ends_s: open.and_then(|open| open.exit_ends_s),
            generation: channel.generation(),
            payee,
            payer_credit_wei: self.channel_credit_wei(payer).await?,
            payee_credit_wei,
        })
    }

    /// Where the hub pays an operator; none before its first channel.
    pub async fn channel_payee(&self, operator: OperatorId) -> Result<Option<Address>> {
        let payee = self.channel_hub.payeeOf(operator.0).call().await.map_err(reading)?;
        Ok((payee != Address::ZERO).then_some(payee))
    }

    /// What the hub keeps for an account because the token refused to pay it.
    pub async fn channel_credit_wei(&self, account: Address) -> Result<U256> {
        self.channel_hub.creditOf(account).call().await.map_err(reading)
    }

    /// Everybody that a payer, or an operator, ever had a channel with, in the order of ids and addresses.
    pub async fn channel_pairs(
        &self,
        payer: Option<Address>,
        operator: Option<OperatorId>,
    ) -> Result<Vec<(Address, OperatorId)>> {
        let mut filter = Filter::new()
            .address(self.deployment().channel_hub)
            .event_signature(ChannelOpened::SIGNATURE_HASH);
        if let Some(payer) = payer {
            filter = filter.topic2(payer.into_word());
        }
        if let Some(operator) = operator {
            filter = filter.topic3(U256::from(operator.0));
        }
        let mut pairs = Vec::new();
        for log in self.logs_since(&filter, self.deployment().deploy_block).await? {
            let [_, _, payer, operator] = log.topics() else { continue };
            let operator = OperatorId(narrow("operator id", (*operator).into())?);
            pairs.push((Address::from_word(*payer), operator));
        }
        pairs.sort_unstable_by_key(|(payer, operator)| (*operator, *payer));
        pairs.dedup();
        Ok(pairs)
    }

    /// What each of `receipts` would redeem at the newest block, one after the other. Whatever cannot be read fails them all: a lane
    /// that is not known would be redeemed once more.
    pub async fn judge_channel_receipts(&self, receipts: &[SignedReceipt]) -> Result<Vec<Judged>> {
        let mut channels = self.channels_with_lanes(receipts).await?;
        let (_, now_s) = self.head().await?;
        let signed_by = self.signed_by(receipts).await?;
        let judge = |(signed, signed_by): (&SignedReceipt, SignedBy)| {
            let receipt = &signed.receipt;
            let channel = channels.get_mut(&(receipt.payer, receipt.operator_id));
            let verdict = channel.map_or(Err(Refusal::NothingLeft), |channel| {
                channel.redeem(receipt, signed_by, now_s)
            });
            Judged { signed: signed.clone(), verdict }
        };
        Ok(receipts.iter().zip(signed_by).map(judge).collect())
    }

    /// The channels that receipts are of, with the lanes that they are of.
    pub async fn channels_with_lanes(
        &self,
        receipts: &[SignedReceipt],
    ) -> Result<BTreeMap<(Address, OperatorId), Channel>> {
        let ids: BTreeSet<B256> = receipts.iter().map(|signed| lane_id(&signed.receipt)).collect();
        let read = |id| async move { Ok((id, self.lane(id).await?)) };
        let known: BTreeMap<B256, Lane> = reads::each(ids, read).await?.into_iter().collect();
        let mut lanes: BTreeMap<_, Vec<(B256, Lane)>> = BTreeMap::new();
        for receipt in receipts.iter().map(|signed| &signed.receipt) {
            let id = lane_id(receipt);
            let of_pair = lanes.entry((receipt.payer, receipt.operator_id)).or_default();
            of_pair.extend(known.get(&id).map(|lane| (id, *lane)));
        }
        let read = |(pair, lanes): ((Address, OperatorId), Vec<(B256, Lane)>)| async move {
            Ok((pair, self.channel_with(pair.0, pair.1, lanes).await?))
        };
        Ok(reads::each(lanes, read).await?.into_iter().collect())
    }

    /// Who signed each of `receipts`, as of the newest block. Each key is asked for once in each epoch.
    pub async fn signed_by(&self, receipts: &[SignedReceipt]) -> Result<Vec<SignedBy>> {
        let verifier = Verifier::new(self.domain());
        let signers: Vec<Option<Address>> =
            receipts.iter().map(|signed| verifier.signer(signed).ok()).collect();
        let claim = |(signed, signer): (&SignedReceipt, &Option<Address>)| {
            let DeliveryReceipt { payer, epoch, .. } = signed.receipt;
            signer.filter(|signer| *signer != payer).map(|signer| (payer, signer, epoch))
        };
        let claims: BTreeSet<_> = receipts.iter().zip(&signers).filter_map(claim).collect();
        let read = |(payer, signer, epoch)| async move {
            let may_sign = self.is_authorized(payer, signer, epoch).await?;
            Ok(may_sign.then_some((payer, signer, epoch)))
        };
        let authorized: BTreeSet<_> =
            reads::each(claims, read).await?.into_iter().flatten().collect();
        let signed_by = |(signed, signer): (&SignedReceipt, &Option<Address>)| {
            let own = *signer == Some(signed.receipt.payer);
            let may_sign =
                own || claim((signed, signer)).is_some_and(|claim| authorized.contains(&claim));
            SignedBy { signer: *signer, may_sign }
        };
        Ok(receipts.iter().zip(&signers).map(signed_by).collect())
    }
}

fn reading(error: alloy::contract::Error) -> ChainError {
    ChainError::from_call("reading a channel", error)
}

fn state_of(open: Option<&Open>, now_s: u64) -> ChannelState {
    match open.map(|open| open.exit_ends_s) {
        None => ChannelState::NotOpen,
        Some(None) => ChannelState::Open,
        Some(Some(ends_s)) if now_s < ends_s => ChannelState::Exiting,
        Some(Some(_)) => ChannelState::ExitOver,
    }
}
