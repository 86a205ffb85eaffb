//! Which operators served badly, as surveys of past epochs say and the tracker's own nodes confirm.
//!
//! Invariant: a finding counts for [`JUDGED_EPOCHS`] epochs after the one that it is about, and on one payer's word alone never: then
//! somebody else must have asked this tracker, since that epoch began, to be parted from a node of the operator. At most
//! [`MAX_JUDGED`] operators an epoch are remembered, and two complaints of each.

use std::collections::{BTreeMap, BTreeSet};

use tatum_primitives::{Address, Epoch, OperatorId, StreamKey};

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
    /// Takes what a survey found, in place of what was known of that epoch.
    pub(crate) fn note(&mut self, epoch: Epoch, found: &[Finding], now: Epoch) {
        self.forget_old(now);
        if !counts(epoch, now) {
            return;
        }
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

    pub(crate) fn forget_old(&mut self, now: Epoch) {
        self.surveyed.retain(|epoch, _| counts(*epoch, now));
        self.complaints.retain(|_, complaints| {
            complaints.retain(|(_, epoch)| counts(*epoch, now));
            !complaints.is_empty()
        });
    }

    /// The newest finding that counts against an operator.
    pub(crate) fn against(&self, operator: OperatorId, now: Epoch) -> Option<(Epoch, &Finding)> {
        let newest_first = self.surveyed.iter().rev().filter(|(epoch, _)| counts(**epoch, now));
        newest_first
            .filter_map(|(epoch, found)| Some((*epoch, found.get(&operator)?)))
            .find(|(epoch, finding)| self.is_confirmed(*epoch, finding))
    }

    /// Everybody whom a survey names.
    pub(crate) fn named(&self) -> BTreeSet<OperatorId> {
        self.surveyed.values().flat_map(BTreeMap::keys).copied().collect()
    }

    /// The newest epoch whose service is known.
    pub(crate) fn surveyed_epoch(&self) -> Option<Epoch> {
        self.surveyed.keys().next_back().copied()
    }

    fn is_confirmed(&self, epoch: Epoch, finding: &Finding) -> bool {
        let Some(payer) = finding.sole_payer else { return true };
        let mut complaints = self.complaints.get(&finding.operator_id).into_iter().flatten();
        complaints.any(|(party, at)| *at >= epoch && *party != Party::Payer(payer))
    }
}

fn counts(of: Epoch, now: Epoch) -> bool {
    now.0.saturating_sub(of.0) <= JUDGED_EPOCHS
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::B256;

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut findings = Findings::default();
        let operators = || (0..2 * u32::try_from(MAX_JUDGED).unwrap()).map(OperatorId);
        let stream = StreamKey(B256::ZERO);
        let found = operators().map(|operator_id| Finding {
            operator_id,
            stream,
            completeness_ppm: 980_000,
            sole_payer: None,
        });
        findings.note(Epoch(1), &found.collect::<Vec<_>>(), Epoch(1));
        assert_eq!(findings.named().len(), MAX_JUDGED);
        for operator in operators() {
            for payer in 0..4 {
                let party = Party::Payer(Address::repeat_byte(payer));
                findings.complain(operator, Some(party), Epoch(1));
            }
        }
        assert_eq!(findings.complaints.len(), MAX_JUDGED);
        assert!(findings.complaints.values().all(|complaints| complaints.len() == COMPLAINTS));
        findings.forget_old(Epoch(900));
        assert!(findings.complaints.is_empty() && findings.surveyed.is_empty());
    }
}
