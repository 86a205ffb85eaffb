//! What a text is worth: its signatures, and what the chain says of whom it names.
//!
//! Invariant: [`CheckedText`] is made here only, so a tracker acts on nothing that was not checked. Checking needs no tracker,
//! so nobody else waits for it.

use std::collections::BTreeMap;

use tatum_overlay::attendance::bounded;
use tatum_overlay::frame::Attach;
use tatum_overlay::lease::{Claim, Evidence};
use tatum_overlay::{CLOCKS_MS, Now};
use tatum_primitives::{Address, EpochSchedule, NodeId, Role, StreamKey};
use tatum_protocol::Stream;
use tatum_protocol::tracker::{Signal, ToTracker};
use tatum_receipt::checks::ChainFacts;

use tatum_overlay::exchange::{KeyAnswer, KeyRequest};

use crate::Refusal;

/// What texts are checked against.
pub struct Checks<'a> {
    /// The tracker's id.
    pub tracker: NodeId,
    /// The time.
    pub now: Now,
    /// When epochs begin.
    pub schedule: EpochSchedule,
    /// What the chain says; `None` where it is not followed, and then everybody counts.
    pub facts: Option<&'a dyn ChainFacts>,
}

/// A text that was checked.
#[derive(Debug)]
pub struct CheckedText(pub(crate) Text);

/// On whose account a client asks, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) payer: Address,
    /// Who signed: a session key, or the payer itself.
    pub(crate) signer: Address,
    pub(crate) role: Role,
    pub(crate) signed_at_ms: u64,
}

/// What may be leased of a payer's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quota {
    /// Nobody says, since the chain is not followed.
    Unmetered,
    /// So much.
    Bytes(u64),
}

#[derive(Debug)]
pub(crate) enum Text {
    Join { stream: Stream, account: Option<Account> },
    Offer { stream: Stream },
    Region { name: String },
    Avoid { node: NodeId },
    Load { stream: StreamKey, bytes_per_second: u64 },
    RoundTrips { by_neighbour: BTreeMap<NodeId, u32> },
    Lease { claim: Claim, quota: Quota },
    Leave { stream: StreamKey },
    Signal { to: NodeId, signal: Signal },
    AskKey(Box<KeyRequest>),
    GiveKey { to: NodeId, answer: Box<KeyAnswer> },
}

impl Checks<'_> {
    /// Checks what `from` says. `leased` says whether it holds a lease of the payer that it claims for already, and so need
    /// not show again that it was asked; see [`Tracker::screen`](crate::Tracker::screen).
    ///
    /// # Errors
    /// [`Refusal`] says what is wrong with it.
    pub fn check(
        &self,
        text: ToTracker,
        from: NodeId,
        leased: bool,
    ) -> Result<CheckedText, Refusal> {
        Ok(CheckedText(match text {
            ToTracker::Hello { .. } => return Err(Refusal::SecondHello),
            ToTracker::Join { stream, account } => {
                let check = |account: Box<Attach>| self.account(from, stream.key(), &account);
                let account = account.map(check).transpose()?;
                Text::Join { stream, account }
            }
            ToTracker::Offer { stream } => Text::Offer { stream },
            ToTracker::Region { name } => Text::Region { name },
            ToTracker::Avoid { node } => Text::Avoid { node },
            ToTracker::Load { stream, bytes_per_second } => Text::Load { stream, bytes_per_second },
            ToTracker::RoundTrips { links } => Text::RoundTrips { by_neighbour: bounded(links) },
            ToTracker::Lease { claim, evidence } => {
                let quota = self.claim(from, &claim, &evidence, leased).map_err(Refusal::Claim)?;
                Text::Lease { claim, quota }
            }
            ToTracker::Leave { stream } => Text::Leave { stream },
            ToTracker::Signal { to, signal } => {
                if !signal.verify(from, to) {
                    return Err(Refusal::SignalSignature);
                }
                Text::Signal { to, signal }
            }
            // Whoever the key is asked of checks the request, and whoever asked the answer.
            ToTracker::AskKey(request) => Text::AskKey(request),
            ToTracker::GiveKey { to, answer } => Text::GiveKey { to, answer },
        }))
    }

    /// Who pays for what a client asks for, if it may ask in that name.
    fn account(
        &self,
        node: NodeId,
        stream: StreamKey,
        account: &Attach,
    ) -> Result<Account, Refusal> {
        let age_ms = self.now.wall_ms.abs_diff(account.signed_at_ms);
        if account.stream != stream || age_ms > CLOCKS_MS {
            return Err(Refusal::AccountStale);
        }
        let signer = account.signer(node, self.tracker)?;
        let Attach { payer, role, signed_at_ms, .. } = *account;
        let checked = Account { payer, signer, role, signed_at_ms };
        let Some(facts) = self.facts else { return Ok(checked) };
        if !facts.is_authorized(payer, signer, self.now.epoch) {
            return Err(Refusal::Unauthorised);
        }
        if facts.quota_bytes(payer, self.now.epoch).is_none() {
            let is_known = facts.knows_quota(payer, self.now.epoch);
            return Err(if is_known { Refusal::NoStake } else { Refusal::QuotaUnknown });
        }
        Ok(checked)
    }

    /// What may be leased, if the claim is in order.
    fn claim(
        &self,
        node: NodeId,
        claim: &Claim,
        evidence: &Evidence,
        leased: bool,
    ) -> Result<Quota, &'static str> {
        let Some(facts) = self.facts else { return Ok(Quota::Unmetered) };
        // What costs a signature check comes last.
        self.timely(claim, evidence)?;
        let quota = quota(claim, facts)?;
        if !leased {
            asked(node, claim, evidence, facts)?;
        }
        Ok(Quota::Bytes(quota))
    }

    fn timely(&self, claim: &Claim, evidence: &Evidence) -> Result<(), &'static str> {
        let now = &self.now;
        if claim.epoch != now.epoch && claim.epoch != now.epoch.next() {
            return Err("of an epoch that is over, or far");
        }
        let earliest_ms = self.schedule.start_ms(now.epoch.previous().unwrap_or_default());
        let latest_ms = now.wall_ms.saturating_add(CLOCKS_MS);
        if !(earliest_ms..=latest_ms).contains(&evidence.attach.signed_at_ms) {
            return Err("the request was signed too long ago, or in the future");
        }
        Ok(())
    }
}

/// Whether a client of the payer asked this relay for service.
fn asked(
    node: NodeId,
    claim: &Claim,
    evidence: &Evidence,
    facts: &dyn ChainFacts,
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

/// The payer's quota. That of an epoch that has not begun, or begun just now, is taken to be the last.
fn quota(claim: &Claim, facts: &dyn ChainFacts) -> Result<u64, &'static str> {
    let epochs = [Some(claim.epoch), claim.epoch.previous()];
    let known = epochs.into_iter().flatten().find_map(|at| facts.quota_bytes(claim.payer, at));
    known.ok_or_else(|| {
        if facts.knows_quota(claim.payer, claim.epoch) {
            "the payer has no stake that counts in this epoch"
        } else {
            "the payer's quota is not known here yet; try again"
        }
    })
}

#[cfg(test)]
mod tests;
