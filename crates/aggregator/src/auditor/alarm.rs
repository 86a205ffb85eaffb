//! How an alarm is made of a distribution, and how it is logged.
//!
//! Invariant: an alarm's id is a function of what it says, so that whoever gets it twice can tell.

use tatum_chain::Proposal;
use tatum_primitives::keccak256;
use tatum_protocol::{Alarm, AlarmKind};

/// Differences told in one alarm, at most; the audit names all of them.
const MAX_DIFFERENCES: usize = 20;

/// An alarm about `proposal`.
pub(super) fn about(
    kind: AlarmKind,
    deployment: &tatum_chain::Deployment,
    proposal: &Proposal,
    summary: String,
    mut differences: Vec<String>,
) -> Alarm {
    differences.truncate(MAX_DIFFERENCES);
    // What was done may be done again to the same proposal; everything else is said of it once.
    let what = if kind == AlarmKind::Acted { summary.as_str() } else { "" };
    let (counter, draft) = (proposal.counter, &proposal.draft);
    let at = [counter.to_be_bytes(), proposal.block_number.to_be_bytes()];
    let distributor = deployment.distributor;
    let id = [kind.name().as_bytes(), distributor.as_slice(), at.as_flattened(), what.as_bytes()];
    Alarm {
        id: keccak256(id.concat()),
        kind,
        chain_id: deployment.chain_id,
        distributor,
        epoch: draft.epoch,
        counter,
        entries_top: draft.entries_top.0,
        manifest_hash: draft.manifest_hash,
        proposer: proposal.proposer,
        uri: proposal.uri.clone(),
        finalizable_at_s: proposal.time_s.saturating_add(deployment.windows.challenge_s),
        summary,
        differences,
        at_ms: crate::clock::wall_ms(),
    }
}

/// Writes an alarm to the log.
pub(super) fn log(alarm: &Alarm) {
    let Alarm { epoch, counter, proposer, summary, id, .. } = alarm;
    let (kind, finalizable_at_s) = (alarm.kind.name(), alarm.finalizable_at_s);
    let differences = alarm.differences.join("; ");
    match alarm.kind {
        AlarmKind::Acted | AlarmKind::Cleared => {
            tracing::warn!(kind, %epoch, counter, %proposer, %id, "{summary}");
        }
        AlarmKind::Differs | AlarmKind::Finalized | AlarmKind::Unavailable => {
            tracing::error!(kind, %epoch, counter, %proposer, finalizable_at_s, differences, %id, "ALARM: {summary}");
        }
    }
}
