//! Exits that could not be answered while there is still time: to the log, and to a webhook until it takes them.
//!
//! Invariant: one channel is one alarm until its exit is answered.

use std::collections::BTreeMap;
use std::time::Duration;

use alloy::primitives::U256;
use serde::Serialize;
use tatum_primitives::{Address, B256, OperatorId};
use tatum_protocol::client::http;

use crate::amounts::format_data;

/// How long the receiver may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The body that the webhook gets.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Alarm {
    pub(super) channel: B256,
    pub(super) payer: Address,
    pub(super) operator: OperatorId,
    #[serde(with = "tatum_primitives::decimal")]
    pub(super) due_wei: U256,
    /// When it is too late, in seconds since 1970.
    pub(super) ends_s: u64,
    pub(super) reason: String,
}

/// All that stand.
#[derive(Debug)]
pub(super) struct Alarms {
    webhook: Option<String>,
    /// With whether the webhook took it.
    standing: BTreeMap<B256, (Alarm, bool)>,
}

impl Alarms {
    pub(super) const fn new(webhook: Option<String>) -> Self {
        Self { webhook, standing: BTreeMap::new() }
    }

    pub(super) fn standing(&self) -> usize {
        self.standing.len()
    }

    pub(super) fn raise(&mut self, alarm: Alarm) {
        if self.standing.contains_key(&alarm.channel) {
            return;
        }
        let Alarm { channel, payer, operator, due_wei, ends_s, reason } = &alarm;
        let due = format_data(*due_wei);
        tracing::error!(%channel, %payer, %operator, due, ends_s, reason, "ALARM: an exit is not answered");
        self.standing.insert(alarm.channel, (alarm, false));
    }

    pub(super) fn clear(&mut self, channel: B256) {
        if self.standing.remove(&channel).is_some() {
            tracing::warn!(%channel, "the exit is answered after all");
        }
    }

    /// Hands over what the webhook has not taken yet; what it does not take is tried again at the next look.
    pub(super) async fn deliver(&mut self) {
        let Some(url) = &self.webhook else { return };
        let client = http().timeout(TIMEOUT).build().unwrap_or_default();
        for (alarm, taken) in self.standing.values_mut().filter(|(_, taken)| !taken) {
            let answer = client.post(url).json(alarm).send().await;
            *taken = answer.is_ok_and(|answer| answer.status().is_success());
            if !*taken {
                // The address may hold a secret, so it stays out of the log.
                tracing::warn!(channel = %alarm.channel, "the webhook did not take an alarm; trying again");
            }
        }
    }
}
