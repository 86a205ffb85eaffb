//! What must be told while there is still time, to the log, and to a webhook until it takes it: an exit that could not be answered, and
//! that nobody can tell whether there is one.
//!
//! Invariant: one channel is one alarm until nothing is due of it any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;
use tatum_primitives::{Address, B256, Data, OperatorId, U256};
use tatum_protocol::client::http;

/// How long the receiver may take for all of them.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The body that the webhook gets.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Alarm {
    /// An exit is not answered.
    Exit(Exit),
    /// The chain or the receipts cannot be read.
    Blind { reason: String },
}

/// An exit that is not answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Exit {
    pub(crate) channel: B256,
    pub(crate) payer: Address,
    pub(crate) operator: OperatorId,
    #[serde(with = "tatum_primitives::decimal")]
    pub(crate) due_wei: U256,
    /// When it is too late, in seconds since 1970.
    pub(crate) ends_s: u64,
    pub(crate) reason: String,
}

impl Alarm {
    /// Zero for not seeing.
    const fn channel(&self) -> B256 {
        match self {
            Self::Exit(exit) => exit.channel,
            Self::Blind { .. } => B256::ZERO,
        }
    }

    fn log(&self) {
        match self {
            Self::Exit(Exit { channel, payer, operator, due_wei, ends_s, reason }) => {
                let due = Data(*due_wei).to_string();
                tracing::error!(%channel, %payer, %operator, due, ends_s, reason, "ALARM: an exit is not answered");
            }
            Self::Blind { reason } => tracing::error!(reason, "ALARM: exits may go unseen"),
        }
    }
}

/// All that stand.
#[derive(Debug)]
pub(crate) struct Alarms {
    webhook: Option<String>,
    /// With whether the webhook took it.
    standing: BTreeMap<B256, (Alarm, bool)>,
}

impl Alarms {
    pub(crate) const fn new(webhook: Option<String>) -> Self {
        Self { webhook, standing: BTreeMap::new() }
    }

    pub(crate) fn standing(&self) -> usize {
        self.standing.len()
    }

    pub(crate) fn raise(&mut self, alarm: Alarm) {
        let channel = alarm.channel();
        self.standing.entry(channel).or_insert_with(|| {
            alarm.log();
            (alarm, false)
        });
    }

    /// Everything could be read.
    pub(crate) fn sees_again(&mut self) {
        if self.standing.remove(&B256::ZERO).is_some() {
            tracing::warn!("everything can be read again");
        }
    }

    /// Ends the alarms of all exits but those of `unsure`, which are due still, or nobody knows.
    pub(crate) fn settle(&mut self, unsure: &BTreeSet<(Address, OperatorId)>, now_s: u64) {
        self.standing.retain(|channel, (alarm, _)| {
            let Alarm::Exit(exit) = alarm else { return true };
            let stays = unsure.contains(&(exit.payer, exit.operator));
            if !stays && now_s >= exit.ends_s {
                tracing::error!(%channel, "the exit was not answered in time");
            } else if !stays {
                tracing::warn!(%channel, "the exit is answered after all");
            }
            stays
        });
    }

    /// Hands over what the webhook has not taken yet; what it does not take is tried again at the next look.
    pub(crate) async fn deliver(&mut self) {
        let Some(url) = &self.webhook else { return };
        let client = http().timeout(TIMEOUT).build().unwrap_or_default();
        let all = async {
            for (alarm, taken) in self.standing.values_mut().filter(|(_, taken)| !taken) {
                let answer = client.post(url).json(alarm).send().await;
                *taken = answer.is_ok_and(|answer| answer.status().is_success());
            }
        };
        // An address that answers nothing must not keep us from looking.
        let _ = tokio::time::timeout(TIMEOUT, all).await;
        let waiting = self.standing.values().filter(|(_, taken)| !taken).count();
        if waiting > 0 {
            // The address may hold a secret, so it stays out of the log.
            tracing::warn!(waiting, "the webhook did not take alarms; trying again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIR: (Address, OperatorId) = (Address::repeat_byte(1), OperatorId(3));

    fn exit() -> Alarm {
        Alarm::Exit(Exit {
            channel: B256::repeat_byte(7),
            payer: PAIR.0,
            operator: PAIR.1,
            due_wei: U256::from(5),
            ends_s: 100,
            reason: "no gas".to_owned(),
        })
    }

    #[test]
    fn an_alarm_stands_until_its_exit_is_answered_and_is_said_once() {
        let mut alarms = Alarms::new(None);
        alarms.raise(exit());
        alarms.raise(exit());
        alarms.raise(Alarm::Blind { reason: "no chain".to_owned() });
        assert_eq!(alarms.standing(), 2);
        alarms.settle(&BTreeSet::from([PAIR]), 50);
        assert_eq!(alarms.standing(), 2);
        alarms.settle(&BTreeSet::new(), 50);
        assert_eq!(alarms.standing(), 1, "nobody sees yet");
        alarms.sees_again();
        assert_eq!(alarms.standing(), 0);
    }

    #[test]
    fn the_webhook_is_told_what_kind_of_alarm_it_is() {
        let body = serde_json::to_value(exit()).unwrap();
        assert_eq!((&body["kind"], &body["due_wei"]), (&"exit".into(), &"5".into()));
        let body = serde_json::to_value(Alarm::Blind { reason: "x".to_owned() }).unwrap();
        assert_eq!(body, serde_json::json!({ "kind": "blind", "reason": "x" }));
    }
}
