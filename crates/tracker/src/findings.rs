//! Which operators served badly, as surveys of past epochs say and the tracker's own nodes confirm.
//!
//! Invariant: a finding counts for [`JUDGED_EPOCHS`] epochs after the one that it is about, and on one payer's word alone never: then
//! somebody else must have asked this tracker, since that epoch began, to be parted from a node of the operator. At most
//! [`MAX_JUDGED`] operators an epoch are remembered, and two complaints of each.

use std::collections::{BTreeMap, BTreeSet};

use tatum_overlay::Now;
use tatum_primitives::{Address, Epoch, OperatorId, StreamKey};
use tatum_protocol::status::JudgedOperator;

use crate::Tracker;
use crate::member::Member;

/// For how many epochs after the one that it is about a finding counts: long enough that dropping in one epoch and not in the next does
/// not pay, short enough that who mends is recruited again.
pub const JUDGED_EPOCHS: u64 = 5;
/// Operators that are remembered of an epoch.
const MAX_JUDGED: usize = 4_096;
/// Of an operator's complaints as many are kept as it takes to have one that a given payer did not make.
const COMPLAINTS: usize = 2;

/// That an operator served a stream badly in an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Finding {
    /// The operator.
    pub operator_id: OperatorId,
    /// The stream that it served worst.
    pub stream: StreamKey,
    /// How complete its service was there, in parts per million.
    pub completeness_ppm: u64,
    /// The payer, if only one says so.
    pub sole_payer: Option<Address>,
}

/// Who complains: a key costs nothing to make, a stake or a bond does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Party {
    Payer(Address),
    Operator(OperatorId),
}

/// What is known against operators.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    surveyed: BTreeMap<Epoch, BTreeMap<OperatorId, Finding>>,
    /// The newest of each operator, by different parties, the newest last.
    complaints: BTreeMap<OperatorId, Vec<(Party, Epoch)>>,
}

impl Findings {
    fn note(&mut self, epoch: Epoch, found: &[Finding]) {
        let found = found.iter().take(MAX_JUDGED);
        self.surveyed.insert(epoch, found.map(|found| (found.operator_id, *found)).collect());
    }

    /// Remembers who complains about an operator's node, as far as a stake or a bond stands behind it.
    pub(crate) fn complain(&mut self, operator: OperatorId, party: Option<Party>, epoch: Epoch) {
        let Some(party) = party.filter(|party| *party != Party::Operator(operator)) else { return };
        if !self.complaints.contains_key(&operator) && self.complaints.len() >= MAX_JUDGED {
            return;
        }
        let complaints = self.complaints.entry(operator).or_default();
        complaints.retain(|(other, _)| *other != party);
        complaints.push((party, epoch));
        complaints.drain(..complaints.len().saturating_sub(COMPLAINTS));
    }

    fn forget_old(&mut self, now: Epoch) {
        self.surveyed.retain(|epoch, _| counts(*epoch, now));
        self.complaints.retain(|_, complaints| {
            complaints.retain(|(_, epoch)| counts(*epoch, now));
            !complaints.is_empty()
        });
    }

    /// The newest finding that counts against an operator.
    fn against(&self, operator: OperatorId, now: Epoch) -> Option<(Epoch, &Finding)> {
        let newest_first = self.surveyed.iter().rev().filter(|(epoch, _)| counts(**epoch, now));
        newest_first
            .filter_map(|(epoch, found)| Some((*epoch, found.get(&operator)?)))
            .find(|(epoch, finding)| self.is_confirmed(*epoch, finding))
    }

    fn is_confirmed(&self, epoch: Epoch, finding: &Finding) -> bool {
        let Some(payer) = finding.sole_payer else { return true };
        let complaints = self.complaints.get(&finding.operator_id).into_iter().flatten();
        complaints.into_iter().any(|(party, at)| *at >= epoch && *party != Party::Payer(payer))
    }
}

fn counts(of: Epoch, now: Epoch) -> bool {
    now.0.saturating_sub(of.0) <= JUDGED_EPOCHS
}

impl Tracker {
    /// Takes what a survey of an epoch found, in place of what was known of it.
    pub fn judge(&mut self, epoch: Epoch, found: &[Finding], now: &Now) {
        self.findings.forget_old(now.epoch);
        if counts(epoch, now.epoch) {
            self.findings.note(epoch, found);
        }
    }

    /// The operators that get no new streams, by id.
    #[must_use]
    pub fn judged(&self, now: &Now) -> Vec<JudgedOperator> {
        let named = self.findings.surveyed.values().flat_map(BTreeMap::keys);
        let named: BTreeSet<OperatorId> = named.copied().collect();
        let judged = |operator_id| {
            let (epoch, finding) = self.findings.against(operator_id, now.epoch)?;
            let Finding { stream, completeness_ppm, .. } = *finding;
            Some(JudgedOperator { operator_id, epoch, stream, completeness_ppm })
        };
        named.into_iter().filter_map(judged).collect()
    }

    /// The newest epoch whose service is known.
    pub(crate) fn surveyed_epoch(&self) -> Option<Epoch> {
        self.findings.surveyed.keys().next_back().copied()
    }

    /// What counts against a relay's operator.
    pub(crate) fn against(&self, member: &Member, now: &Now) -> Option<(Epoch, &Finding)> {
        self.findings.against(member.place.operator?, now.epoch)
    }

    /// Whether a stream needs the relays even of operators that are judged: while nobody else has room for it, and it has fewer relays
    /// than each client is given. More would only make up for what fewer can do.
    pub(crate) fn needs_judged(&self, key: StreamKey, now: &Now) -> bool {
        let topology = self.streams.get(&key).map(|stream| &stream.topology);
        let relays = topology.map_or(0, |topology| topology.relay_count());
        relays < self.config.shape.client_degree
            && !self.members.iter().any(|(node, member)| {
                let is_in = topology.is_some_and(|topology| topology.contains(node));
                let has_room = member.has_room(now.monotonic_ms);
                !is_in && has_room && self.against(member, now).is_none()
            })
    }

    pub(crate) fn forget_findings(&mut self, now: &Now) {
        self.findings.forget_old(now.epoch);
    }
}

#[cfg(test)]
mod tests;
