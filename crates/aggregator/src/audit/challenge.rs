//! What an auditor can do about a pending proposal that takes something from an operator, pays an address that nobody
//! named or an operator that does not exist: prove it, or, if its tree is kept from us, demand to see an entry.
//!
//! Invariant: nothing is filed that the trees at hand do not prove; a demand, which costs its bond if the entry is shown,
//! is made only of a tree that is not to be had, one at a time and none twice.

use serde::Serialize;
use tatum_chain::{Chain, ChainError, Demand, ProposalStatus, ProposedEvent};
use tatum_merkle::SumTree;
use tatum_primitives::{Address, B256, Epoch, Nano, OperatorId};

use super::datasets::Desk;
use super::previous::tree;
use super::remedies::{decrease, foreign_payout, largest_decrease, siblings, unknown_operator};
use super::{AuditError, Datasets};

/// What was done about a proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Challenge {
    /// Nothing: no operator is promised less than before, and nobody is paid who must not be.
    Unfounded,
    /// The proposal was cancelled: it promised an operator less than the final distribution.
    Decreased {
        /// The operator that loses most.
        operator_id: OperatorId,
        /// What it is promised by the final distribution; decimal text.
        final_nano: String,
        /// What the proposal promised it; decimal text.
        proposed_nano: String,
        /// The transaction.
        tx: B256,
    },
    /// The proposal was cancelled: an entry paid an address that its operator never named.
    PayoutChallenged {
        /// The operator.
        operator_id: OperatorId,
        /// The address that was to be paid.
        payout: Address,
        /// The transaction.
        tx: B256,
    },
    /// The proposal was cancelled: it promised something to an operator that does not exist.
    UnknownOperatorChallenged {
        /// The id that nobody has.
        operator_id: OperatorId,
        /// What the proposal promised it; decimal text.
        proposed_nano: String,
        /// The transaction.
        tx: B256,
    },
    /// The proposal's tree is not to be had, so an entry of it was demanded. Unanswered, the proposal can be cancelled.
    Demanded {
        /// The operator with the largest promise whose entry nobody has asked for.
        operator_id: OperatorId,
        /// What its entry must promise; decimal text.
        minimum_nano: String,
        /// What the demand costs if the entry is shown; decimal text.
        bond_wei: String,
        /// Why the tree is not to be had.
        reason: String,
        /// The transaction.
        tx: B256,
    },
    /// The proposal's tree is not to be had, and an answer to a demand is still due.
    Awaited {
        /// Whose entry was demanded.
        operator_id: OperatorId,
        /// The last moment for an answer, seconds of chain time.
        answer_by_s: u64,
    },
    /// The proposal was cancelled: a demand was not answered in time.
    Unanswered {
        /// Whose entry was not shown.
        operator_id: OperatorId,
        /// The transaction.
        tx: B256,
    },
}

/// Challenges the pending proposal of `epoch` if the contract has a remedy for what is wrong with it. Trees are read from
/// `datasets`, or from where their proposers published them.
pub async fn challenge(
    chain: &Chain,
    epoch: Epoch,
    datasets: impl Into<Datasets>,
) -> Result<Challenge, AuditError> {
    let ProposalStatus::Pending(event) = chain.proposal_status(epoch).await? else {
        return Err(AuditError::NotPending { epoch });
    };
    let open = chain.open_demands(&event).await?;
    let (_, now_s) = chain.head().await?;
    if let Some(overdue) = open.iter().find(|demand| now_s > demand.answer_by_s) {
        let operator_id = overdue.operator_id;
        let tx = chain.cancel_unanswered(event.proposal, operator_id).await?;
        return Ok(Challenge::Unanswered { operator_id, tx });
    }
    let desk = datasets.into().open()?;
    match tree(&event, &desk).await {
        Ok(proposed) => act(chain, event, &proposed, &desk).await,
        Err(reason) => match final_tree(chain, &desk).await? {
            Some(finalized) => demand(chain, event, &finalized, &open, reason).await,
            // Nothing was promised yet, so there is nothing that an entry could be held against.
            None => Ok(Challenge::Unfounded),
        },
    }
}

/// The tree that claims are paid from, if there is one yet.
async fn final_tree(chain: &Chain, desk: &Desk) -> Result<Option<SumTree>, AuditError> {
    let Some(epoch) = chain.finalized_epoch().await? else { return Ok(None) };
    let ProposalStatus::Finalized(event) = chain.proposal_status(epoch).await? else {
        let reason = "the chain's answers do not fit each other; try again".to_owned();
        return Err(AuditError::NoFinal { epoch, reason });
    };
    let found = tree(&event, desk).await;
    found.map(Some).map_err(|reason| AuditError::NoFinal { epoch, reason })
}

/// Files the first challenge that the tree at hand proves. What needs no other tree comes first: the final one may not be
/// to be had.
async fn act(
    chain: &Chain,
    event: ProposedEvent,
    proposed: &SumTree,
    desk: &Desk,
) -> Result<Challenge, AuditError> {
    if let Some(challenge) = challenge_recipients(chain, &event, proposed).await? {
        return Ok(challenge);
    }
    match final_tree(chain, desk).await? {
        Some(finalized) => challenge_decrease(chain, event, &finalized, proposed).await,
        None => Ok(Challenge::Unfounded),
    }
}

/// Challenges a proposal that pays whom it must not.
async fn challenge_recipients(
    chain: &Chain,
    event: &ProposedEvent,
    proposed: &SumTree,
) -> Result<Option<Challenge>, ChainError> {
    let epoch = event.proposal.epoch;
    let operators = chain.operator_count(epoch).await?;
    let proposal = event.proposal.clone();
    if let Some(entry) = unknown_operator(proposed, operators) {
        let (operator_id, place) = (entry.operator_id, u64::from(entry.operator_id.0));
        let (leaf, siblings) = (proposed.word(0, place).0, siblings(proposed, place));
        let tx = chain.challenge_unknown_operator(proposal, operator_id, leaf, siblings).await?;
        let proposed_nano = entry.cumulative_nano.0.to_string();
        return Ok(Some(Challenge::UnknownOperatorChallenged { operator_id, proposed_nano, tx }));
    }
    let foreign = foreign_payout(chain, proposed, operators, epoch).await?;
    let Some(entry) = foreign else { return Ok(None) };
    let (operator_id, payout) = (entry.operator_id, entry.payout);
    let siblings = siblings(proposed, u64::from(operator_id.0));
    let tx = chain.challenge_payout(proposal, entry.encode(), siblings).await?;
    Ok(Some(Challenge::PayoutChallenged { operator_id, payout, tx }))
}

async fn challenge_decrease(
    chain: &Chain,
    event: ProposedEvent,
    finalized: &SumTree,
    proposed: &SumTree,
) -> Result<Challenge, AuditError> {
    let Some((entry, proposed_nano)) = largest_decrease(finalized, proposed) else {
        return Ok(Challenge::Unfounded);
    };
    let operator_id = entry.operator_id;
    let tx = chain.challenge_decrease(event.proposal, decrease(finalized, entry, proposed)).await?;
    let final_nano = entry.cumulative_nano.0.to_string();
    let proposed_nano = proposed_nano.0.to_string();
    Ok(Challenge::Decreased { operator_id, final_nano, proposed_nano, tx })
}

async fn demand(
    chain: &Chain,
    event: ProposedEvent,
    finalized: &SumTree,
    open: &[Demand],
    reason: String,
) -> Result<Challenge, AuditError> {
    if let Some(Demand { operator_id, answer_by_s, .. }) = open.first() {
        return Ok(Challenge::Awaited { operator_id: *operator_id, answer_by_s: *answer_by_s });
    }
    let asked = chain.demands(&event).await?;
    let unasked = finalized.entries().iter().filter(|entry| {
        entry.cumulative_nano > Nano::ZERO
            && asked.iter().all(|demand| demand.operator_id != entry.operator_id)
    });
    let Some(entry) = unasked.max_by_key(|entry| entry.cumulative_nano) else {
        return Ok(Challenge::Unfounded);
    };
    let operator_id = entry.operator_id;
    let proof = siblings(finalized, u64::from(operator_id.0));
    let bond_wei = chain.demand_bond_wei().await?.to_string();
    let tx = chain.demand_entry(event.proposal, entry.encode(), proof).await?;
    let minimum_nano = entry.cumulative_nano.0.to_string();
    Ok(Challenge::Demanded { operator_id, minimum_nano, bond_wei, reason, tx })
}
