//! Answers to demands: somebody wants to see an operator's entry of the proposal that is pending.
//!
//! Invariant: every demand of a proposal that promises what ours does is answered from its dataset; what is open is read
//! from the chain each time, so a restart goes on with what is left, and one demand that cannot be answered keeps no
//! other one waiting. Unanswered, an honest proposer would lose its bond: `Distributor.cancelUnanswered`.

use tatum_chain::{Demand, ProposedEvent};
use tatum_dataset::Dataset;
use tatum_protocol::OperatorProof;

use super::{CloseError, Closer};

impl Closer {
    /// Answers what is demanded of the pending proposal. False if nothing is.
    pub(super) async fn answer_demands(&self, event: &ProposedEvent) -> Result<bool, CloseError> {
        let demands = self.chain.open_demands(event).await?;
        self.metrics.demands_open(demands.len());
        if demands.is_empty() {
            return Ok(false);
        }
        let dataset = self.dataset_of(event).await?;
        let mut failed = None;
        for (demand, proof) in prove(event, dataset, demands).await? {
            let answered = match proof {
                Ok(proof) => self.answer(event, &demand, proof).await,
                Err(error) => Err(error),
            };
            if let Err(error) = answered {
                let error = unanswered(event, &demand, error);
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(true), Err)
    }

    async fn answer(
        &self,
        event: &ProposedEvent,
        demand: &Demand,
        proof: OperatorProof,
    ) -> Result<(), CloseError> {
        let siblings = proof.proof.siblings.iter().map(|word| word.0).collect();
        let tx = self.chain.answer_demand(event.proposal.clone(), proof.entry, siblings).await?;
        self.metrics.demand_answered();
        let (epoch, operator_id) = (event.proposal.epoch, demand.operator_id);
        let (demander, cumulative_nano) = (demand.demander, proof.cumulative_nano.0);
        tracing::info!(%epoch, %operator_id, %demander, cumulative_nano, %tx, "showed a demanded entry");
        Ok(())
    }
}

type Answer = (Demand, Result<OperatorProof, CloseError>);

/// Makes each demanded entry's proof, on a thread that may block.
async fn prove(
    event: &ProposedEvent,
    dataset: Dataset,
    demands: Vec<Demand>,
) -> Result<Vec<Answer>, CloseError> {
    let (epoch, manifest_hash) = (event.proposal.epoch, event.proposal.manifest_hash);
    let failed = move |source| CloseError::Dataset { epoch, source };
    let proving = tokio::task::spawn_blocking(move || {
        let tree = dataset.tree().map_err(failed)?;
        let answer = |demand: Demand| {
            let proof = OperatorProof::new(&tree, epoch, manifest_hash, demand.operator_id);
            (demand, proof.map_err(|error| failed(error.into())))
        };
        Ok(demands.into_iter().map(answer).collect())
    });
    proving.await.map_err(|_| CloseError::CutOff)?
}

fn unanswered(event: &ProposedEvent, demand: &Demand, source: CloseError) -> CloseError {
    let Demand { operator_id, answer_by_s, .. } = *demand;
    let source = Box::new(source);
    CloseError::Demand { epoch: event.proposal.epoch, operator_id, answer_by_s, source }
}
