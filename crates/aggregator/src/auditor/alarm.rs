//! How an alarm is made of a distribution, and how it is logged.
//!
//! Invariant: an alarm's id is a function of what it says, so that whoever gets it twice can tell.

use tatum_chain::ProposedEvent;
use tatum_primitives::keccak256;
use tatum_protocol::{Alarm, AlarmKind};

/// Differences told in one alarm, at most; the audit names all of them.
const MAX_DIFFERENCES: usize = 20;

/// An alarm about the distribution of `event`.
pub(super) fn about(
    kind: AlarmKind,
    deployment: &tatum_chain::Deployment,
    event: &ProposedEvent,
    summary: String,
    mut differences: Vec<String>,
) -> Alarm {
    differences.truncate(MAX_DIFFERENCES);
    let commitment = event.commitment();
    // What was done may be done again to the same proposal; everything else is said of it once.
    let what = if kind == AlarmKind::Acted { summary.as_str() } else { "" };
    let id = [kind.name().as_bytes(), commitment.as_slice(), what.as_bytes()].concat();
    let proposal = &event.proposal;
    Alarm {
        id: keccak256(id),
        kind,
        chain_id: deployment.chain_id,
        distributor: deployment.distributor,
        epoch: proposal.epoch,
        root: proposal.root,
        manifest_hash: proposal.manifest_hash,
        proposer: event.proposer,
        uri: proposal.uri.clone(),
        finalizable_at_s: event.finalizable_at_s,
        summary,
        differences,
        at_ms: crate::clock::wall_ms(),
    }
}

/// Writes an alarm to the log.
pub(super) fn log(alarm: &Alarm) {
    let Alarm { epoch, root, proposer, summary, id, .. } = alarm;
    let (kind, finalizable_at_s) = (alarm.kind.name(), alarm.finalizable_at_s);
    let differences = alarm.differences.join("; ");
    match alarm.kind {
        AlarmKind::Acted | AlarmKind::Cleared => {
            tracing::warn!(kind, %epoch, %root, %proposer, %id, "{summary}");
        }
        AlarmKind::Differs | AlarmKind::Finalized | AlarmKind::Unavailable => {
            tracing::error!(kind, %epoch, %root, %proposer, finalizable_at_s, differences, %id, "ALARM: {summary}");
        }
    }
}
