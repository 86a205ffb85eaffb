//! A relay's side: what it may serve of each payer's quota, and when it asks for more.
//!
//! Invariant: while a lease counts, no more is served than it holds. It counts from the answer to
//! the first claim until one is not answered for [`PATIENCE_MS`]; from then on, until the next
//! answer, the relay goes by the whole quota, because service goes before strictness. What is not
//! in use for [`IDLE_MS`] is given back.

use std::collections::{BTreeMap, BTreeSet};

use tatum_primitives::{Address, Epoch};

use super::{Claim, Evidence, Lease};
use crate::limit::{Bucket, Rate};

/// How long an answer is waited for.
pub const PATIENCE_MS: u64 = 2_000;
/// Who got no answer asks again after this.
const RETRY_MS: u64 = 5_000;
/// Who was told that there is no more asks again after this.
const DENIED_MS: u64 = 2_000;
/// A payer that is not served for so long has its lease given back.
pub const IDLE_MS: u64 = 30_000;
/// As much as was used is asked for in advance, but within these bounds.
const LEAST_AHEAD_BYTES: u64 = 16 << 20;
const MOST_AHEAD_BYTES: u64 = 128 << 20;
/// Claims to all trackers together.
const CLAIMS: Rate = Rate { per_second: 50, burst: 500 };
/// Payers and epochs for which leases are kept; others are not served.
const MAX_SHARES: usize = 8_192;

/// A relay's part of one payer's quota in one epoch.
#[derive(Debug, Default)]
struct Share {
    quota: Option<u64>,
    /// What the tracker answered last.
    total: Option<u64>,
    /// Less than was wanted came: so much more than before.
    clipped: Option<u64>,
    /// Since when an answer is missing, and to which claim.
    waiting_since_ms: Option<u64>,
    sent: Option<(u64, u64)>,
    not_before_ms: u64,
    /// Nobody answered in time.
    alone: bool,
    /// The tracker has to be told what we hold.
    restate: bool,
    /// There was no more when we asked last.
    denied: bool,
    idle_since_ms: Option<u64>,
    given_back: bool,
}

/// What changed for a payer in an epoch.
pub(crate) type Changed = (Address, Epoch);

/// All leases of one relay.
#[derive(Debug)]
pub struct Lessee {
    shares: BTreeMap<(Epoch, Address), Share>,
    evidence: BTreeMap<Address, Evidence>,
    claims: Bucket,
    number: u64,
    /// Since when no tracker is up; `None` while one is.
    down_since_ms: Option<u64>,
}

impl Default for Lessee {
    fn default() -> Self {
        Self {
            shares: BTreeMap::new(),
            evidence: BTreeMap::new(),
            claims: Bucket::full(CLAIMS, 0),
            number: 0,
            down_since_ms: Some(0),
        }
    }
}

impl Share {
    /// The payer is served.
    fn wake(&mut self) {
        self.idle_since_ms = None;
        if std::mem::take(&mut self.given_back) {
            (self.alone, self.denied, self.not_before_ms) = (false, false, 0);
        }
    }

    /// The most that may be served. A quota that nobody named is none.
    fn limit(&self) -> u64 {
        let quota = self.quota.unwrap_or_default();
        if self.alone { quota } else { quota.min(self.total.unwrap_or_default()) }
    }

    /// Whether it is known if the payer may be served.
    fn settled(&self, used: u64) -> bool {
        self.denied || used < self.limit() || self.quota.is_some_and(|quota| used >= quota)
    }

    /// Whether it is time to ask for more.
    fn runs_dry(&self, total: u64, used: u64) -> bool {
        let margin = self.clipped.unwrap_or_else(|| ahead(used)) / 2;
        total.saturating_sub(used) <= margin
    }

    /// What is claimed now, if anything: the total that is wanted.
    fn wants(&self, used: u64) -> Option<u64> {
        let held = self.total.unwrap_or_default();
        if self.given_back {
            return (self.restate || held > used).then_some(used);
        }
        let most = self.quota?;
        let more = used.saturating_add(ahead(used)).min(most).max(held);
        match self.total.filter(|_| !self.alone) {
            None => Some(more),
            Some(total) if total < most && self.runs_dry(total, used) => Some(more),
            Some(total) => self.restate.then_some(total),
        }
    }
}

/// How much is asked for beyond what was used.
fn ahead(used: u64) -> u64 {
    used.clamp(LEAST_AHEAD_BYTES, MOST_AHEAD_BYTES)
}

impl Lessee {
    /// Says what the chain allows a payer in an epoch. From now on it is served within that and
    /// the lease. Gives whether that is news; it is not kept if there is no room for another payer.
    pub fn set_quota(&mut self, payer: Address, epoch: Epoch, bytes: u64) -> bool {
        if !self.shares.contains_key(&(epoch, payer)) && self.shares.len() >= MAX_SHARES {
            self.shares.retain(|_, share| !share.given_back);
            if self.shares.len() >= MAX_SHARES {
                return false;
            }
        }
        let share = self.shares.entry((epoch, payer)).or_default();
        let grew = share.quota.is_some_and(|before| before < bytes);
        if grew {
            (share.denied, share.not_before_ms) = (false, 0);
        }
        share.quota.replace(bytes) != Some(bytes)
    }

    /// What shows that the payer's client asked us.
    #[must_use]
    pub fn evidence(&self, payer: &Address) -> Option<&Evidence> {
        self.evidence.get(payer)
    }

    /// The most that a payer may be served in an epoch.
    #[must_use]
    pub fn limit(&self, payer: Address, epoch: Epoch) -> u64 {
        self.shares.get(&(epoch, payer)).map_or(0, Share::limit)
    }

    /// What the chain allows a payer in an epoch, as far as we were told.
    #[must_use]
    pub fn quota(&self, payer: Address, epoch: Epoch) -> Option<u64> {
        self.shares.get(&(epoch, payer)).and_then(|share| share.quota)
    }

    /// Whether it is known if a payer may be served now; if not, an answer is on its way.
    #[must_use]
    pub fn settled(&self, payer: Address, epoch: Epoch, used: u64) -> bool {
        self.shares.get(&(epoch, payer)).is_some_and(|share| share.settled(used))
    }

    /// A tracker came up or went down; `up` says whether any is up now. Whoever is a payer's
    /// tracker from now on may not know what we hold.
    pub fn trackers_changed(&mut self, up: bool, now_ms: u64) {
        match (up, self.down_since_ms) {
            (true, _) => self.down_since_ms = None,
            (false, None) => self.down_since_ms = Some(now_ms),
            (false, Some(_)) => {}
        }
        for share in self.shares.values_mut() {
            // The answer to what was sent may be lost.
            share.sent = None;
            share.not_before_ms = 0;
            share.restate = share.total.is_some() || share.alone;
        }
    }

    /// A client of the payer asked for service: what was given back is asked for again. Nothing is
    /// leased for a payer of whom no quota was ever named.
    pub fn serve(&mut self, evidence: Evidence, epoch: Epoch) {
        if let Some(share) = self.shares.get_mut(&(epoch, evidence.attach.payer)) {
            share.wake();
            self.evidence.insert(evidence.attach.payer, evidence);
        }
    }

    /// Once a second: `serving` are the payers with a client here. Their shares of `epochs` (the
    /// running one, and the next if it is near) are kept; others are given back in time.
    pub fn note_serving(&mut self, serving: &BTreeSet<Address>, epochs: &[Epoch], now_ms: u64) {
        for payer in serving.iter().filter(|payer| self.evidence.contains_key(*payer)) {
            for epoch in epochs {
                if self.shares.len() < MAX_SHARES {
                    self.shares.entry((*epoch, *payer)).or_default();
                }
            }
        }
        for ((_, payer), share) in &mut self.shares {
            if serving.contains(payer) {
                share.wake();
            } else {
                let since_ms = *share.idle_since_ms.get_or_insert(now_ms);
                share.given_back |= now_ms.saturating_sub(since_ms) >= IDLE_MS;
            }
        }
        let kept: BTreeSet<Address> = self.shares.keys().map(|(_, payer)| *payer).collect();
        self.evidence.retain(|payer, _| kept.contains(payer));
    }

    /// All unused leases are given back with the next claims, before the relay ends.
    pub fn give_back_all(&mut self) {
        for share in self.shares.values_mut() {
            (share.given_back, share.sent) = (true, None);
            share.not_before_ms = 0;
        }
    }

    /// The claims that are due now, and the payers for whom something changed because nobody
    /// answered in time.
    pub fn due(
        &mut self,
        used: impl Fn(Address, Epoch) -> u64,
        now_ms: u64,
    ) -> (Vec<Claim>, Vec<Changed>) {
        let (mut claims, mut changed) = (Vec::new(), Vec::new());
        let down_ms = self.down_since_ms.map(|since_ms| now_ms.saturating_sub(since_ms));
        for ((epoch, payer), share) in &mut self.shares {
            let used = used(*payer, *epoch);
            let Some(wanted) = share.wants(used) else { continue };
            if now_ms < share.not_before_ms {
                continue;
            }
            let since_ms = *share.waiting_since_ms.get_or_insert_with(|| {
                share.sent = None;
                now_ms
            });
            let waited_ms = now_ms.saturating_sub(since_ms).max(down_ms.unwrap_or_default());
            if waited_ms >= PATIENCE_MS {
                if !share.given_back && !std::mem::replace(&mut share.alone, true) {
                    changed.push((*payer, *epoch));
                }
                // A late answer still counts.
                share.waiting_since_ms = None;
                share.not_before_ms = now_ms.saturating_add(RETRY_MS);
                continue;
            }
            let silent = share.sent.is_some() || self.down_since_ms.is_some();
            if silent || !self.evidence.contains_key(payer) || !self.claims.take(CLAIMS, 1, now_ms)
            {
                continue;
            }
            self.number = self.number.saturating_add(1);
            let held = share.total.unwrap_or_default();
            let claim =
                Claim { payer: *payer, epoch: *epoch, number: self.number, held, used, wanted };
            if share.given_back {
                // From now on it is not ours, whether or not this arrives.
                share.total = share.total.map(|total| total.min(used));
                changed.push((*payer, *epoch));
            }
            share.sent = Some((claim.number, wanted));
            claims.push(claim);
        }
        (claims, changed)
    }

    /// Takes an answer; gives whether it counts.
    pub fn leased(&mut self, lease: &Lease, used: u64, now_ms: u64) -> bool {
        let Some(share) = self.shares.get_mut(&(lease.epoch, lease.payer)) else { return false };
        let Some((_, wanted)) = share.sent.take_if(|(number, _)| *number == lease.number) else {
            return false;
        };
        let total = lease.total.min(wanted);
        let more = total.saturating_sub(share.total.unwrap_or_default());
        share.clipped = (total < wanted).then_some(more);
        share.total = Some(total);
        share.denied = !share.given_back && used >= total;
        (share.alone, share.restate, share.waiting_since_ms) = (false, false, None);
        share.not_before_ms = if more == 0 { now_ms.saturating_add(DENIED_MS) } else { 0 };
        true
    }

    /// Forgets epochs before `earliest`.
    pub fn forget_before(&mut self, earliest: Epoch) {
        self.shares.retain(|(epoch, _), _| *epoch >= earliest);
    }
}
