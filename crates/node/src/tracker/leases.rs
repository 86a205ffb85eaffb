//! Leases of payers' quotas to the relays that serve them.
//!
//! Invariant: a relay gets a first lease only for a payer whose client asked it for service in this
//! epoch or the one before. A claim that is not in order is not answered; the relay then goes by the
//! whole quota.

use tatum_overlay::Now;
use tatum_overlay::lease::{Claim, Evidence, Lease};
use tatum_primitives::{EpochSchedule, NodeId};

use super::Shared;
use super::state::State;
use crate::relay::SharedFacts;
use tatum_protocol::tracker::FromTracker;

/// How far a client's clock may be ahead of ours.
const CLOCKS_MS: u64 = 120_000;

/// Answers a relay's claim, if it is in order.
pub(super) fn answer(
    shared: &Shared,
    (node, connection): (NodeId, u64),
    claim: &Claim,
    evidence: &Evidence,
) {
    let clock = &shared.config.clock;
    let now = clock.now();
    let quota = match &shared.config.facts {
        None => None,
        Some(facts) => {
            let known = shared.lock().lessor.knows(&node, claim.payer, claim.epoch);
            let asked = if known { Ok(()) } else { asked(node, claim, evidence, facts) };
            let timely = timely(claim, evidence, clock.schedule(), &now);
            let quota = asked.and(timely).and_then(|()| quota(claim, facts));
            match quota {
                Ok(quota) => Some(quota),
                Err(reason) => {
                    tracing::debug!(%node, payer = %claim.payer, reason, "a claim was not answered");
                    return;
                }
            }
        }
    };
    shared.lock().lease((node, connection), claim, quota);
}

/// Whether a client of the payer asked this relay for service.
fn asked(
    node: NodeId,
    claim: &Claim,
    evidence: &Evidence,
    facts: &SharedFacts,
) -> Result<(), &'static str> {
    let attach = &evidence.attach;
    if attach.payer != claim.payer {
        return Err("the request was for another payer");
    }
    let signer = attach.signer(evidence.client, node);
    let signer = signer.map_err(|_| "the request's signature is wrong")?;
    if !facts.is_authorized(claim.payer, signer, claim.epoch) {
        return Err("the request was not signed for the payer, or not to this relay");
    }
    Ok(())
}

fn timely(
    claim: &Claim,
    evidence: &Evidence,
    schedule: EpochSchedule,
    now: &Now,
) -> Result<(), &'static str> {
    if claim.epoch != now.epoch && claim.epoch != now.epoch.next() {
        return Err("of an epoch that is over, or far");
    }
    let earliest_ms = schedule.start_ms(now.epoch.previous().unwrap_or_default());
    let latest_ms = now.wall_ms.saturating_add(CLOCKS_MS);
    if !(earliest_ms..=latest_ms).contains(&evidence.attach.signed_at_ms) {
        return Err("the request was signed too long ago, or in the future");
    }
    Ok(())
}

/// The payer's quota. That of an epoch that has not begun, or begun just now, is taken to be the last.
fn quota(claim: &Claim, facts: &SharedFacts) -> Result<u64, &'static str> {
    let epochs = [Some(claim.epoch), claim.epoch.previous()];
    let known = epochs.into_iter().flatten().find_map(|at| facts.quota_bytes(claim.payer, at));
    known.ok_or("the payer has no stake that counts in this epoch")
}

impl State {
    /// Leases a relay as much as it may have; without a quota as much as it wants.
    pub(super) fn lease(
        &mut self,
        (node, connection): (NodeId, u64),
        claim: &Claim,
        quota: Option<u64>,
    ) {
        let member = self.members.get(&node);
        // What an old connection still says may contradict the new one.
        let Some(_) = member.filter(|of| of.relay.is_some() && of.connection == connection) else {
            return;
        };
        let total = match quota {
            None => Some(claim.wanted),
            Some(quota) => self.lessor.answer(node, claim, quota),
        };
        let Some(total) = total else { return };
        let Claim { payer, epoch, number, .. } = *claim;
        self.tell(node, FromTracker::Leased(Lease { payer, epoch, number, total }));
    }

    /// Takes back what relays that are gone have left, and forgets old epochs.
    pub(super) fn sweep_leases(&mut self, now: &Now) {
        let members = &self.members;
        self.lessor.reclaim(|node| members.contains_key(node), now.wall_ms);
        self.lessor.forget_before(now.epoch.previous().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_overlay::frame::Attach;
    use tatum_primitives::{Address, B256, Epoch, OperatorId, ReaderId, Role, StreamKey};
    use tatum_receipt::SessionKey;
    use tatum_receipt::checks::ChainFacts;

    struct Fixed;

    impl ChainFacts for Fixed {
        fn operator_of_node(&self, _: NodeId, _: Epoch) -> Option<OperatorId> {
            None
        }

        fn is_bonded(&self, _: OperatorId, _: Epoch) -> bool {
            false
        }

        fn quota_bytes(&self, payer: Address, epoch: Epoch) -> Option<u64> {
            (payer == key(1).address() && epoch == Epoch(5)).then_some(1_000)
        }

        fn is_authorized(&self, payer: Address, key: Address, _: Epoch) -> bool {
            payer == key
        }
    }

    const RELAY: NodeId = NodeId(B256::repeat_byte(1));
    const CLIENT: NodeId = NodeId(B256::repeat_byte(2));

    fn key(byte: u8) -> SessionKey {
        SessionKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn claim(payer: u8, epoch: u64) -> Claim {
        let (payer, epoch) = (key(payer).address(), Epoch(epoch));
        Claim { payer, epoch, number: 1, held: 0, used: 0, wanted: 100 }
    }

    fn evidence(payer: u8, relay: NodeId, signer: u8, signed_at_ms: u64) -> Evidence {
        let what = (StreamKey(B256::ZERO), Role::Publisher);
        let (payer, signer) = (key(payer).address(), key(signer));
        let attach =
            Attach::sign(what, (payer, ReaderId(0)), (CLIENT, relay), signed_at_ms, &signer);
        Evidence { client: CLIENT, attach }
    }

    #[test]
    fn a_lease_needs_a_request_of_the_payers_client_to_this_relay() {
        let facts = SharedFacts::new(Fixed);
        let asked = |evidence: &Evidence| asked(RELAY, &claim(1, 5), evidence, &facts).is_ok();
        assert!(asked(&evidence(1, RELAY, 1, 0)));
        assert!(!asked(&evidence(1, CLIENT, 1, 0)), "a request to another relay");
        assert!(!asked(&evidence(2, RELAY, 2, 0)), "for another payer");
        assert!(!asked(&evidence(1, RELAY, 3, 0)), "by nobody the payer authorised");
        let mut other = evidence(1, RELAY, 1, 0);
        other.client = RELAY;
        assert!(!asked(&other), "of another client");
    }

    #[test]
    fn only_a_relays_present_connection_is_leased_anything() {
        let mut state = crate::tracker::state::tests::state();
        let [(old, _gone), (new, mut inbox)] =
            [(); 2].map(|()| crate::tracker::state::tests::connect(&mut state, 1, true));
        let (client, mut other) = crate::tracker::state::tests::connect(&mut state, 50, false);
        let (relay, node) = (NodeId(B256::repeat_byte(1)), NodeId(B256::repeat_byte(50)));
        state.lease((relay, old), &claim(1, 5), Some(1_000));
        state.lease((node, client), &claim(1, 5), Some(1_000));
        assert!(state.lessor.is_empty() && inbox.try_recv().is_err() && other.try_recv().is_err());
        state.lease((relay, new), &claim(1, 5), Some(60));
        let FromTracker::Leased(lease) = inbox.try_recv().unwrap() else { panic!() };
        assert_eq!((lease.number, lease.total), (1, 60));
        // Without the chain there is no quota to share out.
        state.lease((relay, new), &claim(1, 5), None);
        let FromTracker::Leased(lease) = inbox.try_recv().unwrap() else { panic!() };
        assert_eq!(lease.total, 100);
    }

    #[test]
    fn requests_and_epochs_that_are_long_over_count_no_more() {
        let schedule = EpochSchedule { genesis_s: 0, length_s: 1_000 };
        let now = Now { monotonic_ms: 0, wall_ms: 5_500_000, epoch: Epoch(5) };
        let timely = |epoch, signed_at_ms| {
            let evidence = evidence(1, RELAY, 1, signed_at_ms);
            timely(&claim(1, epoch), &evidence, schedule, &now).is_ok()
        };
        assert!(timely(5, 5_400_000) && timely(6, 5_400_000) && timely(5, 4_000_000));
        assert!(!timely(4, 5_400_000) && !timely(7, 5_400_000));
        assert!(!timely(5, 3_999_999) && !timely(5, 5_620_001));
    }

    #[test]
    fn an_epoch_that_has_hardly_begun_has_the_quota_of_the_last() {
        let facts = SharedFacts::new(Fixed);
        assert_eq!(quota(&claim(1, 5), &facts), Ok(1_000));
        assert_eq!(quota(&claim(1, 6), &facts), Ok(1_000));
        assert!(quota(&claim(1, 7), &facts).is_err());
        assert!(quota(&claim(2, 5), &facts).is_err());
    }
}
