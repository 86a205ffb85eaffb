//! Proposals that promise something else than ours: whether each is right, and what is done if not.
//!
//! Invariant: another's proposal is made final by us only if everything of it was judged and nothing is wrong; one that is wrong
//! is disproved, one whose data is withheld is asked for it, within the means that we were given. Two right ones do
//! nothing to each other.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tatum_chain::{Draft, Proposal};
use tatum_primitives::Epoch;

use super::{CloseError, Closer};
use crate::http::error::chain_of;
use crate::judge::{Bench, Challenge, Finding, Judged, challenge, data_in, no_data};

/// After how long a proposal that could not be judged is looked into again.
const AGAIN: Duration = Duration::from_secs(5);

/// What was found about others' proposals, by their counters. A reorganisation may give a counter to another proposal.
#[derive(Clone, Debug, Default)]
pub struct Rivals(Arc<Mutex<HashMap<u64, (Draft, Seen)>>>);

#[derive(Clone, Copy, Debug)]
enum Seen {
    Right,
    /// Not right as far as is known; when to look again.
    Open(Instant),
}

impl Rivals {
    fn seen(&self, rival: &Proposal) -> Option<Seen> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (draft, seen) = all.get(&rival.counter)?;
        (*draft == rival.draft).then_some(*seen)
    }

    pub(super) fn is_right(&self, rival: &Proposal) -> bool {
        matches!(self.seen(rival), Some(Seen::Right))
    }

    fn is_due(&self, rival: &Proposal) -> bool {
        match self.seen(rival) {
            Some(Seen::Right) => false,
            Some(Seen::Open(again)) => Instant::now() >= again,
            None => true,
        }
    }

    fn note(&self, rival: &Proposal, right: bool) {
        let again = Instant::now().checked_add(AGAIN).unwrap_or_else(Instant::now);
        let seen = if right { Seen::Right } else { Seen::Open(again) };
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(rival.counter, (rival.draft, seen));
    }
}

impl Closer {
    /// Looks into those of `rivals` that are due, and does what follows. True if something was sent.
    pub(super) async fn look_into(
        &self,
        epoch: Epoch,
        rivals: &[&Proposal],
    ) -> Result<bool, CloseError> {
        let due = rivals.iter().filter(|rival| self.rivals.is_due(rival));
        let due: Vec<&&Proposal> = due.collect();
        if due.is_empty() {
            return Ok(false);
        }
        let bench = Arc::new(self.bench(epoch).await?);
        let mut acted = false;
        for rival in due {
            acted |= self.judge_rival(Arc::clone(&bench), rival).await?;
        }
        Ok(acted)
    }

    async fn judge_rival(&self, bench: Arc<Bench>, rival: &Proposal) -> Result<bool, CloseError> {
        let (epoch, counter, proposer) = (rival.draft.epoch, rival.counter, rival.proposer);
        let hash = rival.draft.manifest_hash;
        let folder = self.folder_of(epoch, hash, &rival.uri).await.map_err(|e| chain_of(&e));
        let demands = self.chain.demands(rival).await?;
        let (judging, asked) = (rival.clone(), demands.clone());
        let judged = tokio::task::spawn_blocking(move || judge(&bench, &judging, folder, &asked));
        let judged = judged.await.map_err(|_| CloseError::CutOff)?;
        let right = judged.finding == Finding::Right;
        self.rivals.note(rival, right);
        if right {
            tracing::info!(%epoch, counter, %proposer, "another proposal is right as well");
            return Ok(false);
        }
        let means = self.rules.means;
        let mut acted = false;
        for done in challenge(&self.chain, rival, &demands, judged, means).await? {
            acted |= !matches!(
                done,
                Challenge::Awaited { .. }
                    | Challenge::Exhausted { .. }
                    | Challenge::Undecided { .. }
            );
            tracing::warn!(%epoch, counter, %proposer, ?done, "another proposal is not right");
        }
        Ok(acted)
    }

    /// What others' proposals of `epoch` are judged by.
    async fn bench(&self, epoch: Epoch) -> Result<Bench, CloseError> {
        let inputs = self.chain.epoch_inputs(epoch).await?;
        let facts = self.chain.epoch_facts(&inputs).await?;
        let previous = self.tree_before(epoch).await?;
        Ok(Bench { facts, previous, assented: self.assented_list(epoch).await? })
    }
}

fn judge(
    bench: &Bench,
    rival: &Proposal,
    folder: Result<PathBuf, String>,
    demands: &[tatum_chain::Demand],
) -> Judged {
    let (facts, count) = (bench.facts.of(rival), rival.draft.receipts.count);
    let data = folder.and_then(|folder| data_in(&folder, &facts, count)).unwrap_or_else(|reason| {
        let (epoch, counter) = (rival.draft.epoch, rival.counter);
        tracing::warn!(%epoch, counter, reason, "another proposal's data is not to be had where it is said to be");
        no_data()
    });
    bench.judge(rival, data, demands)
}
