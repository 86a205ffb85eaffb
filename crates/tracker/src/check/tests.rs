//! Which claims and accounts are in order.

use super::*;
use tatum_primitives::{B256, Epoch, ReaderId};
use tatum_receipt::SessionKey;
use tatum_receipt::checks::StatedFacts;

/// One payer has a stake up to epoch 5.
fn facts() -> StatedFacts {
    StatedFacts::default().quota(key(1).address(), 1_000).until(Epoch(5))
}

const RELAY: NodeId = NodeId(B256::repeat_byte(1));
const CLIENT: NodeId = NodeId(B256::repeat_byte(2));
const TRACKER: NodeId = NodeId(B256::repeat_byte(3));
const NOW_MS: u64 = 5_500_000;

fn key(byte: u8) -> SessionKey {
    SessionKey::from_bytes(&[byte; 32]).unwrap()
}

fn checks(facts: &StatedFacts) -> Checks<'_> {
    let schedule = EpochSchedule { genesis_s: 0, length_s: 1_000 };
    let now = Now { monotonic_ms: 0, wall_ms: NOW_MS, epoch: Epoch(5) };
    Checks { tracker: TRACKER, now, schedule, facts: Some(facts) }
}

fn claim(payer: u8, epoch: u64) -> Claim {
    let (payer, epoch) = (key(payer).address(), Epoch(epoch));
    Claim { payer, epoch, number: 1, held: 0, used: 0, wanted: 100 }
}

fn evidence(payer: u8, relay: NodeId, signer: u8, signed_at_ms: u64) -> Evidence {
    let what = (StreamKey(B256::ZERO), Role::Publisher);
    let (payer, signer) = (key(payer).address(), key(signer));
    let attach = Attach::sign(what, (payer, ReaderId(0)), (CLIENT, relay), signed_at_ms, &signer);
    Evidence { client: CLIENT, attach }
}

#[test]
fn a_lease_needs_a_request_of_the_payers_client_to_this_relay() {
    let asked = |evidence: &Evidence| asked(RELAY, &claim(1, 5), evidence, &facts()).is_ok();
    assert!(asked(&evidence(1, RELAY, 1, 0)));
    assert!(!asked(&evidence(1, CLIENT, 1, 0)), "a request to another relay");
    assert!(!asked(&evidence(2, RELAY, 2, 0)), "for another payer");
    assert!(!asked(&evidence(1, RELAY, 3, 0)), "by nobody the payer authorised");
    let mut other = evidence(1, RELAY, 1, 0);
    other.client = RELAY;
    assert!(!asked(&other), "of another client");
}

#[test]
fn a_relay_that_holds_a_lease_need_not_show_again_that_it_was_asked() {
    let facts = facts();
    let checks = checks(&facts);
    let lease = || {
        let evidence = Box::new(evidence(1, CLIENT, 3, NOW_MS));
        ToTracker::Lease { claim: claim(1, 5), evidence }
    };
    assert!(checks.check(lease(), RELAY, true).is_ok());
    let refusal = checks.check(lease(), RELAY, false).unwrap_err();
    assert!(!refusal.is_told(), "{refusal}");
}

#[test]
fn requests_and_epochs_that_are_long_over_count_no_more() {
    let timely = |epoch, signed_at_ms| {
        let evidence = evidence(1, RELAY, 1, signed_at_ms);
        checks(&facts()).timely(&claim(1, epoch), &evidence).is_ok()
    };
    assert!(timely(5, 5_400_000) && timely(6, 5_400_000) && timely(5, 4_000_000));
    assert!(!timely(4, 5_400_000) && !timely(7, 5_400_000));
    assert!(!timely(5, 3_999_999) && !timely(5, 5_620_001));
    assert!(!timely(u64::MAX, u64::MAX) && !timely(5, u64::MAX));
}

#[test]
fn an_epoch_that_has_hardly_begun_has_the_quota_of_the_last() {
    assert_eq!(quota(&claim(1, 5), &facts()), Ok(1_000));
    assert_eq!(quota(&claim(1, 6), &facts()), Ok(1_000));
    assert!(quota(&claim(1, 7), &facts()).is_err());
    assert!(quota(&claim(2, 5), &facts()).is_err());
}

#[test]
fn an_account_counts_for_its_stream_its_time_and_a_payer_with_a_stake() {
    let facts = facts();
    let checks = checks(&facts);
    let (stream, other) = (StreamKey(B256::ZERO), StreamKey(B256::repeat_byte(1)));
    let account = |payer: u8, signer: u8, signed_at_ms| {
        let ends = (CLIENT, TRACKER);
        let payer = key(payer).address();
        Attach::sign(
            (stream, Role::Subscriber),
            (payer, ReaderId(0)),
            ends,
            signed_at_ms,
            &key(signer),
        )
    };
    assert!(checks.account(CLIENT, stream, &account(1, 1, NOW_MS)).is_ok());
    let refused = |stream, account: &Attach| checks.account(CLIENT, stream, account).unwrap_err();
    assert_eq!(refused(other, &account(1, 1, NOW_MS)), Refusal::AccountStale);
    assert_eq!(refused(stream, &account(1, 1, NOW_MS - CLOCKS_MS - 1)), Refusal::AccountStale);
    assert_eq!(refused(stream, &account(1, 1, u64::MAX)), Refusal::AccountStale);
    assert_eq!(refused(stream, &account(1, 2, NOW_MS)), Refusal::Unauthorised);
    assert_eq!(refused(stream, &account(2, 2, NOW_MS)), Refusal::NoStake);
    let elsewhere = checks.account(RELAY, stream, &account(1, 1, NOW_MS));
    assert_eq!(elsewhere, Err(Refusal::Unauthorised), "signed for another node");
}
