//! Answers to demands: somebody wants to see data of an open proposal that we have.
//!
//! Invariant: every demand of a proposal that promises what ours does is answered from our dataset, whoever proposed; what is
//! open is read from the chain each time, so a restart goes on with what is left, and one demand that cannot be answered
//! keeps no other one waiting. Unanswered, an honest proposer would lose its bond: `Demands.expire`.

use tatum_chain::{Demand, Proposal};
use tatum_dataset::Dataset;
use tatum_watcher::ProposalData;

use super::{CloseError, Closer};
use crate::judge;

impl Closer {
    /// Answers what is demanded of `proposals`, which our dataset is the data of. False if nothing is.
    pub(super) async fn answer_demands(
        &self,
        proposals: &[&Proposal],
        dataset: &Dataset,
    ) -> Result<bool, CloseError> {
        let mut open = Vec::new();
        for proposal in proposals {
            if self.chain.standing(proposal.counter).await?.open_demands > 0 {
                let demands = self.chain.demands(proposal).await?;
                let unanswered = demands.into_iter().filter(|demand| demand.shown.is_none());
                open.extend(unanswered.map(|demand| (*proposal, demand)));
            }
        }
        self.metrics.demands_open(open.len());
        if open.is_empty() {
            return Ok(false);
        }
        let data = data_of(dataset.clone()).await?;
        let mut failed = None;
        for (proposal, demand) in open {
            if let Err(error) = self.answer(proposal, &demand, &data).await {
                failed.get_or_insert(unanswered(proposal, &demand, error));
            }
        }
        failed.map_or(Ok(true), Err)
    }

    async fn answer(
        &self,
        proposal: &Proposal,
        demand: &Demand,
        data: &ProposalData,
    ) -> Result<(), CloseError> {
        let Some(shown) = judge::answer(demand, &proposal.draft, data) else { return Ok(()) };
        let tx = match self.chain.answer(&demand.asked, &shown).await {
            Ok(tx) => tx,
            // Somebody else was faster.
            Err(error) if error.is_demand_not_open() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.metrics.demand_answered();
        let (epoch, counter, demander) = (proposal.draft.epoch, proposal.counter, demand.demander);
        let (tree, level, index) = (demand.asked.tree, demand.asked.level, demand.asked.index);
        tracing::info!(%epoch, counter, %demander, ?tree, level, index, %tx, "showed demanded data");
        Ok(())
    }
}

/// All lines and words of our dataset, read on a thread that may block.
async fn data_of(dataset: Dataset) -> Result<ProposalData, CloseError> {
    let epoch = dataset.manifest().parameters.epoch;
    let reading = tokio::task::spawn_blocking(move || dataset.proposal_data()).await;
    reading.map_err(|_| CloseError::CutOff)?.map_err(|source| CloseError::Dataset { epoch, source })
}

fn unanswered(proposal: &Proposal, demand: &Demand, source: CloseError) -> CloseError {
    let (epoch, answer_by_s) = (proposal.draft.epoch, demand.answer_by_s);
    CloseError::Demand { epoch, answer_by_s, source: Box::new(source) }
}
