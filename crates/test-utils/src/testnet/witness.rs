//! A payer that hands in receipts itself, and remembers what it was told of them: whatever was acknowledged must be counted.
//!
//! Invariant: a receipt is remembered exactly if an aggregator said that it, or one that ranks higher, is on disk.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use tatum_primitives::{
    Epoch, EpochSchedule, NodeId, OperatorId, ReaderId, Role, StreamKey, keccak256,
};
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::receipts::Answer;
use tatum_receipt::{DeliveryReceipt, ReceiptKey, SignedReceipt, Verifier};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::cast::{Cast, Payer};
use super::network::{Network, wall_ms};
use crate::Devnet;

/// Units of each of its receipts more than of the one before: far below its quota in an epoch.
const STEP_BYTES: u64 = 1_000;
const EVERY: Duration = Duration::from_millis(250);

/// The payer, and what it was told.
#[derive(Debug)]
pub struct Witness {
    payer: Payer,
    verifier: Verifier,
    relays: Vec<(OperatorId, NodeId)>,
    aggregators: Vec<AggregatorClient>,
    signed: u64,
    units: BTreeMap<ReceiptKey, u64>,
    acknowledged: BTreeMap<ReceiptKey, u64>,
    unanswered: usize,
    rejected: Vec<String>,
}

/// A witness that hands in receipts in a task of its own.
#[derive(Debug)]
pub struct StandingBy {
    leave: oneshot::Sender<()>,
    task: JoinHandle<Witness>,
}

impl StandingBy {
    /// Ends it, and asks what it saw.
    pub async fn leave(self) -> anyhow::Result<Witness> {
        // It only ends early by a panic, which the task tells.
        let _ = self.leave.send(());
        self.task.await.context("the witness fell silent")
    }
}

/// What a witness was told, against what was counted.
#[derive(Debug, Default, serde::Serialize)]
pub struct Testimony {
    /// Receipts handed in.
    pub handed_in: u64,
    /// Requests that failed: the next receipt says all that they said.
    pub unanswered: usize,
    /// Keys that an aggregator acknowledged receipts of.
    pub keys_acknowledged: usize,
    /// What was acknowledged and is not counted, in words.
    pub lost: Vec<String>,
    /// Why honest receipts were rejected for good.
    pub rejected: Vec<String>,
}

impl Witness {
    /// One that signs for every relay of the cast. Its stake must count.
    pub fn new(
        devnet: &Devnet,
        cast: &Cast,
        network: &Network,
        payer: Payer,
    ) -> anyhow::Result<Self> {
        let clients = network.aggregator_urls().iter().map(|url| AggregatorClient::new(url));
        Ok(Self {
            payer,
            verifier: Verifier::new(devnet.deployment().domain()),
            relays: cast.relays.iter().map(|relay| (relay.operator, relay.id())).collect(),
            aggregators: clients.collect::<Result<_, _>>()?,
            signed: 0,
            units: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            unanswered: 0,
            rejected: Vec::new(),
        })
    }

    /// Hands in a receipt every little while until it is told to leave.
    pub fn stand_by(mut self, schedule: EpochSchedule) -> StandingBy {
        let (leave, mut left) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while left.try_recv().is_err() {
                ticks.tick().await;
                self.hand_in(schedule, wall_ms()).await;
            }
            self
        });
        StandingBy { leave, task }
    }

    /// Signs for the next relay, hands it in to the next aggregator, and remembers the answer.
    async fn hand_in(&mut self, schedule: EpochSchedule, now_ms: u64) {
        let turn = usize::try_from(self.signed).unwrap_or_default();
        let Some((operator, node)) = self.relays.get(turn % self.relays.len().max(1)).copied()
        else {
            return;
        };
        let signed = self.sign(operator, node, schedule.epoch_at_ms(now_ms));
        let aggregator = &self.aggregators[(turn / self.relays.len()) % self.aggregators.len()];
        let answers = aggregator.hand_in(std::slice::from_ref(&signed)).await;
        match answers.as_deref() {
            Ok([Answer::Accepted | Answer::Superseded | Answer::Duplicate]) => {
                let told = self.acknowledged.entry(signed.receipt.key()).or_default();
                *told = signed.receipt.bytes_on_time.max(*told);
            }
            Ok([answer @ Answer::Rejected { .. }]) if answer.is_final() => {
                self.rejected.extend(answer.reason());
            }
            _ => self.unanswered += 1,
        }
    }

    fn sign(&mut self, operator_id: OperatorId, node: NodeId, epoch: Epoch) -> SignedReceipt {
        self.signed += 1;
        let mut receipt = DeliveryReceipt {
            payer: self.payer.account.address(),
            operator_id,
            node,
            stream_key: StreamKey(keccak256("what a witness reads")),
            role: Role::Subscriber,
            reader: ReaderId(1),
            epoch,
            sequence: self.signed,
            ..DeliveryReceipt::default()
        };
        let units = self.units.entry(receipt.key()).or_default();
        *units += STEP_BYTES;
        (receipt.messages, receipt.bytes, receipt.bytes_on_time) =
            (*units / STEP_BYTES, *units, *units);
        SignedReceipt::sign(receipt, &self.payer.session, &self.verifier)
    }

    /// Compares what it was told with what was counted up to `last`.
    pub async fn testify(&self, network: &Network, last: Epoch) -> anyhow::Result<Testimony> {
        let mut counted: BTreeMap<ReceiptKey, u64> = BTreeMap::new();
        for epoch in (0..=last.0).map(Epoch) {
            let receipts = network.receipts(epoch).await?.into_iter();
            counted.extend(receipts.map(|s| (s.receipt.key(), s.receipt.bytes_on_time)));
        }
        let mut lost = Vec::new();
        for (key, told) in self.acknowledged.iter().filter(|(key, _)| key.epoch <= last) {
            let units = counted.get(key).copied().unwrap_or_default();
            if units < *told {
                let (epoch, operator) = (key.epoch, key.operator_id);
                lost.push(format!(
                    "epoch {epoch}, operator {operator}: {units} of {told} bytes counted"
                ));
            }
        }
        Ok(Testimony {
            handed_in: self.signed,
            unanswered: self.unanswered,
            keys_acknowledged: self.acknowledged.len(),
            lost,
            rejected: self.rejected.clone(),
        })
    }
}
