//! What comes of requests to the relay: refusals as problems, and counts of each kind.
//!
//! Invariant: every refusal says what its asker can do without the relay, or when to ask again.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use tatum_chain::ChainError;
use tatum_primitives::U256;
use tatum_protocol::ProblemKind;

use super::charges::{HOUR_MS, Spent, TooMuch};
use crate::error::ApiError;

/// How long who is told that the purse is empty waits: somebody has to fill it.
const REFILLED_S: u64 = 600;

/// Why a request is not carried.
#[derive(Debug)]
pub(super) enum NotCarried {
    /// All places are taken, or those of the client.
    Full,
    /// Another transaction for the account is under way.
    OneAtATime,
    /// The budget does not reach.
    Spent(TooMuch),
    /// The relay's account has too little for what this may cost.
    Empty { has_wei: U256, needs_wei: U256 },
    /// The chain refuses, or does not answer. `instead` is what the asker can do by itself.
    Chain { error: ChainError, instead: &'static str },
    /// What was spent cannot be written down.
    Disk(std::io::Error),
    /// The work was ended.
    Ended,
}

impl NotCarried {
    const fn outcome(&self) -> Outcome {
        match self {
            Self::Full | Self::OneAtATime => Outcome::Busy,
            Self::Spent(_) => Outcome::Spent,
            Self::Empty { .. } => Outcome::Empty,
            Self::Chain { error: ChainError::Refused { .. }, .. } => Outcome::Refused,
            Self::Chain { .. } | Self::Disk(_) | Self::Ended => Outcome::Failed,
        }
    }
}

impl From<NotCarried> for ApiError {
    fn from(refused: NotCarried) -> Self {
        match refused {
            NotCarried::Full => Self::busy(
                "as many transactions are under way as the relay follows; try again shortly",
            ),
            NotCarried::OneAtATime => Self::new(
                ProblemKind::TooManyRequests,
                "another transaction for this account is under way; ask again when that is mined",
            ),
            NotCarried::Spent(TooMuch { spent, wait_ms }) => {
                let whose = match spent {
                    Spent::InAll => "what the relay pays in an hour",
                    Spent::OfThePayee => "what the relay pays for this account in an hour",
                    Spent::OfTheClient => {
                        "what the relay pays in an hour at the request of this address"
                    }
                };
                let wait_s = wait_ms.min(HOUR_MS).div_ceil(1_000).max(1);
                let detail = format!(
                    "{whose} is spent, or what is left does not reach; ask again in {wait_s} s, or send it from a wallet that has the chain's coin"
                );
                Self::new(ProblemKind::RelaySpent, detail).after(wait_s)
            }
            NotCarried::Empty { has_wei, needs_wei } => {
                tracing::warn!(%has_wei, %needs_wei, "the relay's account is too poor to send; give it the chain's coin");
                let detail = "the relay's account has too little of the chain's coin; send it from a wallet that has some, or tell who runs this service";
                Self::new(ProblemKind::RelayEmpty, detail).after(REFILLED_S)
            }
            NotCarried::Chain { error: error @ ChainError::Refused { .. }, instead } => {
                Self::new(ProblemKind::Refused, format!("{error}. Nothing was sent; {instead}"))
            }
            NotCarried::Chain { error, .. } => error.into(),
            NotCarried::Disk(error) => {
                tracing::error!(%error, "the relay cannot write down what it spends, so it sends nothing");
                Self::new(ProblemKind::Internal, "the relay cannot keep its book; nothing was sent")
            }
            NotCarried::Ended => Self::busy("the service is ending; ask again shortly"),
        }
    }
}

/// What came of a request.
#[derive(Clone, Copy, Debug)]
pub(super) enum Outcome {
    Sent,
    Repeated,
    Refused,
    Spent,
    Empty,
    Busy,
    Failed,
}

impl Outcome {
    /// In the order of the variants.
    const NAMES: [&str; 7] = ["sent", "repeated", "refused", "spent", "empty", "busy", "failed"];
}

/// Counts since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    outcomes: [AtomicU64; Outcome::NAMES.len()],
    succeeded: AtomicU64,
    reverted: AtomicU64,
    unknown: AtomicU64,
    /// In gwei: wei would pass 64 bits at 18 coins.
    spent_gwei: AtomicU64,
}

impl Counts {
    pub(super) fn count(&self, outcome: Outcome) {
        if let Some(counter) = self.outcomes.get(outcome as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn refuse(&self, refused: &NotCarried) {
        self.count(refused.outcome());
    }

    /// A transaction was mined, and cost so much.
    pub(super) fn mined(&self, succeeded: bool, wei: u128) {
        let counter = if succeeded { &self.succeeded } else { &self.reverted };
        counter.fetch_add(1, Ordering::Relaxed);
        let gwei = u64::try_from(wei.div_ceil(1_000_000_000)).unwrap_or(u64::MAX);
        self.spent_gwei.fetch_add(gwei, Ordering::Relaxed);
    }

    /// What became of one is not known.
    pub(super) fn lost(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }

    /// In Prometheus' text form, with what is left of the hour's budget.
    pub(super) fn render(&self, left_wei: u128) -> String {
        let mut text = String::from(
            "# HELP tatum_api_relay_requests_total Requests to pay for gas, by what came of them.\n\
             # TYPE tatum_api_relay_requests_total counter\n",
        );
        for (counter, name) in self.outcomes.iter().zip(Outcome::NAMES) {
            let count = counter.load(Ordering::Relaxed);
            // Writing to a string does not fail.
            let _ = writeln!(text, "tatum_api_relay_requests_total{{outcome=\"{name}\"}} {count}");
        }
        text.push_str(
            "# HELP tatum_api_relay_transactions_total Transactions that were paid for, by what became of them.\n\
             # TYPE tatum_api_relay_transactions_total counter\n",
        );
        let became = [
            ("succeeded", &self.succeeded),
            ("reverted", &self.reverted),
            ("unknown", &self.unknown),
        ];
        for (name, counter) in became {
            let count = counter.load(Ordering::Relaxed);
            let _ =
                writeln!(text, "tatum_api_relay_transactions_total{{became=\"{name}\"}} {count}");
        }
        let spent_gwei = self.spent_gwei.load(Ordering::Relaxed);
        let _ = write!(
            text,
            "# HELP tatum_api_relay_spent_gwei_total Gas that was paid, in gwei, each transaction's rounded up.\n\
             # TYPE tatum_api_relay_spent_gwei_total counter\n\
             tatum_api_relay_spent_gwei_total {spent_gwei}\n\
             # HELP tatum_api_relay_left_gwei What is left of the hour's budget, in gwei.\n\
             # TYPE tatum_api_relay_left_gwei gauge\n\
             tatum_api_relay_left_gwei {left_gwei}\n",
            left_gwei = left_wei / 1_000_000_000
        );
        text
    }
}
