//! Who gets no new streams.
//!
//! Invariant: an operator that served badly is let into no further stream while that has relays enough for each of its clients, or others
//! have room for it. What it has it keeps.

use tatum_overlay::Now;
use tatum_primitives::{Epoch, StreamKey};
use tatum_protocol::status::JudgedOperator;

use crate::member::Member;
use crate::{Finding, Tracker};

impl Tracker {
    /// Takes what a survey of an epoch found, in place of what was known of it.
    pub fn judge(&mut self, epoch: Epoch, found: &[Finding], now: &Now) {
        self.findings.note(epoch, found, now.epoch);
    }

    /// The operators that get no new streams, by id.
    #[must_use]
    pub fn judged(&self, now: &Now) -> Vec<JudgedOperator> {
        let judged = |operator_id| {
            let (epoch, finding) = self.findings.against(operator_id, now.epoch)?;
            let Finding { stream, completeness_ppm, .. } = *finding;
            Some(JudgedOperator { operator_id, epoch, stream, completeness_ppm })
        };
        self.findings.named().into_iter().filter_map(judged).collect()
    }

    /// What counts against a relay's operator.
    pub(crate) fn against(&self, member: &Member, now: &Now) -> Option<(Epoch, &Finding)> {
        self.findings.against(member.place.operator?, now.epoch)
    }

    /// What keeps a relay out of a stream that it does not carry, if anything does.
    pub(crate) fn barred(
        &self,
        member: &Member,
        key: StreamKey,
        now: &Now,
    ) -> Option<(Epoch, &Finding)> {
        self.against(member, now).filter(|_| !self.needs_judged(key, now))
    }

    /// Whether a stream needs the relays even of operators that are judged: while nobody else has room for it, and it has fewer relays
    /// than each client is given. More would only make up for what fewer can do.
    fn needs_judged(&self, key: StreamKey, now: &Now) -> bool {
        let topology = self.streams.get(&key).map(|stream| &stream.topology);
        let relays = topology.map_or(0, |topology| topology.relay_count());
        relays < self.config.shape.client_degree
            && !self.members.iter().any(|(node, member)| {
                let is_in = topology.is_some_and(|topology| topology.contains(node));
                let has_room = member.has_room(now.monotonic_ms);
                !is_in && has_room && self.against(member, now).is_none()
            })
    }
}

#[cfg(test)]
mod tests;
