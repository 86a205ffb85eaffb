//! What is done about a proposal: file the disproof that applies, or ask for what is withheld, step by step.
//!
//! Invariant: what was asked before is never asked again, whoever asked; no more is asked for than [`Means`] allow, counted
//! from the chain's events; a right proposal is defended and never cancelled for want of an answer.

use serde::Serialize;
use tatum_chain::{Chain, ChainError, Demand, Proposal, Tree};
use tatum_primitives::B256;

use super::{Finding, Judged, Question, answer};

/// What one may spend on one proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Means {
    /// The most demands, each of which pays for its answer.
    pub demands: u32,
}

impl Default for Means {
    /// Enough for a list of some sixty thousand lines of which hardly any is known.
    fn default() -> Self {
        Self { demands: 1_024 }
    }
}

/// Something that was done about a proposal, or why nothing was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Challenge {
    /// Nothing is wrong.
    Unfounded,
    /// It was shown to be wrong, and is cancelled.
    Disproved {
        /// The rule that it breaks, by the contract's name.
        rule: &'static str,
        /// The transaction.
        tx: B256,
    },
    /// Data that it withholds was asked for.
    Demanded {
        /// In which part.
        tree: Tree,
        /// How far above the lines.
        level: u8,
        /// The word's place in its level.
        index: u32,
        /// The transaction.
        tx: B256,
    },
    /// Answers are due.
    Awaited {
        /// How many.
        demands: usize,
        /// The first deadline, seconds of chain time.
        answer_by_s: u64,
    },
    /// It left a demand unanswered, and is cancelled.
    Expired {
        /// In which part.
        tree: Tree,
        /// The transaction.
        tx: B256,
    },
    /// It is right, and data of it that somebody asked for was shown.
    Answered {
        /// In which part.
        tree: Tree,
        /// The transaction.
        tx: B256,
    },
    /// No more may be spent on it, or it is too late to ask on.
    Exhausted {
        /// Questions that are left.
        questions: usize,
    },
    /// It cannot be judged here.
    Undecided {
        /// Why.
        reason: String,
    },
}

/// Does what is to be done about an open proposal.
pub async fn challenge(
    chain: &Chain,
    proposal: &Proposal,
    demands: &[Demand],
    judged: Judged,
    means: Means,
) -> Result<Vec<Challenge>, ChainError> {
    let (_, now_s) = chain.head().await?;
    if judged.finding == Finding::Right {
        return defend(chain, proposal, demands, &judged, now_s).await;
    }
    if let Some(overdue) = open(demands).find(|demand| now_s > demand.answer_by_s) {
        let tx = chain.expire(proposal, &overdue.asked).await?;
        return Ok(vec![Challenge::Expired { tree: overdue.asked.tree, tx }]);
    }
    match judged.finding {
        Finding::Right => Ok(vec![Challenge::Unfounded]),
        Finding::Undecided(reason) => Ok(vec![Challenge::Undecided { reason }]),
        Finding::Wrong(disproof) => {
            let rule = disproof.kind().name();
            let tx = chain.disprove(proposal, *disproof).await?;
            Ok(vec![Challenge::Disproved { rule, tx }])
        }
        Finding::Withheld(_) => ask(chain, proposal, demands, judged.questions, means, now_s).await,
    }
}

/// Answers what is demanded of a right proposal: whoever has its data may, and is paid for it.
async fn defend(
    chain: &Chain,
    proposal: &Proposal,
    demands: &[Demand],
    judged: &Judged,
    now_s: u64,
) -> Result<Vec<Challenge>, ChainError> {
    let mut done = Vec::new();
    for demand in open(demands).filter(|demand| now_s <= demand.answer_by_s) {
        let Some(shown) = answer(demand, &proposal.draft, &judged.data) else { continue };
        match chain.answer(&demand.asked, &shown).await {
            Ok(tx) => done.push(Challenge::Answered { tree: demand.asked.tree, tx }),
            // Somebody else was faster.
            Err(ChainError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(if done.is_empty() { vec![Challenge::Unfounded] } else { done })
}

/// Asks for what was not asked for yet.
async fn ask(
    chain: &Chain,
    proposal: &Proposal,
    demands: &[Demand],
    questions: Vec<Question>,
    means: Means,
    now_s: u64,
) -> Result<Vec<Challenge>, ChainError> {
    let account = chain.account()?;
    let made = demands.iter().filter(|demand| demand.demander == account).count();
    let most = usize::try_from(means.demands).unwrap_or(usize::MAX).saturating_sub(made);
    let window_s = chain.deployment().windows.challenge_s;
    let is_first = now_s < proposal.time_s.saturating_add(window_s);
    let unasked = questions.into_iter().filter(|question| {
        demands.iter().all(|demand| demand.asked != question.asked)
            && (is_first || question.shown.is_some())
    });
    let (mut done, mut left) = (Vec::new(), 0usize);
    for (at, Question { asked, path, shown }) in unasked.enumerate() {
        if at >= most {
            left = left.saturating_add(1);
            continue;
        }
        let shown = shown.filter(|_| !is_first);
        match chain.demand(proposal, &asked, path, shown.as_ref()).await {
            Ok(tx) => {
                let (tree, level, index) = (asked.tree, asked.level, asked.index);
                done.push(Challenge::Demanded { tree, level, index, tx });
            }
            // Somebody else was faster, or the time to ask on is over.
            Err(ChainError::Refused { action, reason }) => {
                tracing::info!(action, reason, "a demand was not taken");
                left = left.saturating_add(1);
            }
            Err(error) => return Err(error),
        }
    }
    let deadlines = open(demands).map(|demand| demand.answer_by_s);
    match deadlines.clone().min() {
        Some(answer_by_s) if done.is_empty() => {
            done.push(Challenge::Awaited { demands: deadlines.count(), answer_by_s });
        }
        None if done.is_empty() => done.push(Challenge::Exhausted { questions: left }),
        _ => {}
    }
    Ok(done)
}

fn open(demands: &[Demand]) -> impl Iterator<Item = &Demand> + Clone {
    demands.iter().filter(|demand| demand.shown.is_none())
}
