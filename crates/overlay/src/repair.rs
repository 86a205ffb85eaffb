//! Missing messages: whom to ask, when to ask again, when to give up.
//!
//! Invariant: at most [`MAX_MISSING`] numbers are pursued per stream, of them at most
//! [`MAX_PER_LINK`] on the word of one neighbour, each at most [`ATTEMPTS`] times (anew when another
//! neighbour has it, up to `RENEWALS` times, and when whoever promised it brought more of what it promised meanwhile, up to `STEPS` times:
//! what it has does not fit into a link's queue at once). So a neighbour that claims
//! to have what nobody has costs a bounded effort, and keeps nobody else's news out.
//! Source: gossipsub's IHAVE/IWANT, with ranges instead of message ids.
//!
//! A neighbour that says it has a message *promises* it. [`Repair::broken`] names those that kept
//! none of the promises that fell due since it was last asked; one kept promise excuses the others,
//! since answers may be lost or late on a busy link.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ops::RangeInclusive;

use crate::count::Count;
use crate::frame::Span;
use crate::{ChainKey, Link};

/// Numbers pursued at one time.
pub const MAX_MISSING: usize = 16_384;
/// Numbers pursued because one neighbour brought them up.
pub const MAX_PER_LINK: usize = MAX_MISSING / 4;
/// How often a number is asked for.
pub const ATTEMPTS: u32 = 8;
/// How often a number's attempts begin anew because yet another neighbour has it.
const RENEWALS: u8 = 2;
/// How often they begin anew because whoever promised it keeps bringing what it promised.
const STEPS: u8 = 64;
/// Other neighbours may be about to deliver; asking at once would double the traffic.
const FIRST_DELAY_MS: u64 = 40;
/// The wait after the first request; it grows linearly.
const RETRY_MS: u64 = 250;
/// The largest span asked for at once.
const MAX_REQUEST: u64 = 512;

#[derive(Debug)]
struct Missing {
    attempts: u32,
    due_ms: u64,
    hint: Link,
    promised: bool,
    /// The hint was asked last, and not somebody else.
    asked_hint: bool,
    renewals: u8,
    steps: u8,
    /// Of the hint's promises, so many were kept when the attempts began.
    kept_before: u64,
}

impl Missing {
    const fn new(due_ms: u64, (hint, promised): (Link, bool), renewals: u8, kept: u64) -> Self {
        let (attempts, asked_hint, steps) = (0, false, 0);
        Self { attempts, due_ms, hint, promised, asked_hint, renewals, steps, kept_before: kept }
    }

    /// Begins anew if whoever promised it kept more of its promises meanwhile.
    fn step(&mut self, kept: u64) {
        if self.promised && kept > self.kept_before && self.steps < STEPS {
            (self.attempts, self.kept_before) = (0, kept);
            self.steps = self.steps.saturating_add(1);
        }
    }

    /// Whether the word of another neighbour makes the attempts begin anew.
    fn renewable(&self, by: Link) -> bool {
        self.hint != by && self.attempts > 1 && self.renewals < RENEWALS
    }
}

/// What is pursued on a neighbour's word, and how much it brought meanwhile.
#[derive(Debug, Default)]
struct Word {
    pursued: usize,
    kept: u64,
}

/// What became of a neighbour's promises.
#[derive(Debug, Default)]
struct Promises {
    kept: bool,
    broken: bool,
}

/// A request to send.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Whom to ask.
    pub link: Link,
    /// What for.
    pub span: Span,
}

/// The missing messages of one stream partition.
#[derive(Debug, Default)]
pub struct Repair {
    missing: BTreeMap<(ChainKey, u64), Missing>,
    by_link: BTreeMap<Link, Word>,
    promises: BTreeMap<Link, Promises>,
}

/// Why a hole is pursued.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// A signed message refers to it.
    Signed,
    /// A neighbour says it has what is missing.
    Promise,
}

impl Repair {
    /// Pursues a hole that `hint` brought to light (and can probably fill).
    pub fn pursue(
        &mut self,
        chain: ChainKey,
        hole: RangeInclusive<u64>,
        (hint, evidence): (Link, Evidence),
        now_ms: u64,
    ) {
        for number in hole {
            let (pursued, kept) =
                self.by_link.get(&hint).map_or((0, 0), |word| (word.pursued, word.kept));
            if self.missing.len() >= MAX_MISSING || pursued >= MAX_PER_LINK {
                return;
            }
            let promised = evidence == Evidence::Promise;
            let due_ms = now_ms.saturating_add(FIRST_DELAY_MS);
            match self.missing.entry((chain, number)) {
                Entry::Vacant(free) => {
                    free.insert(Missing::new(due_ms, (hint, promised), 0, kept));
                }
                // Who brought it up first may be of no use; this one may be.
                Entry::Occupied(mut held) if held.get().renewable(hint) => {
                    let missing = held.get_mut();
                    let before = missing.hint;
                    let renewals = missing.renewals.saturating_add(1);
                    *missing = Missing::new(due_ms, (hint, promised), renewals, kept);
                    self.uncount(before);
                }
                Entry::Occupied(_) => continue,
            }
            self.by_link.entry(hint).or_default().pursued.count(1);
        }
    }

    /// Whether this number is asked for.
    #[must_use]
    pub fn pursues(&self, chain: ChainKey, number: u64) -> bool {
        self.missing.contains_key(&(chain, number))
    }

    /// A missing message came, from a neighbour or by our own making.
    pub fn found(&mut self, chain: ChainKey, number: u64, from: Option<Link>) {
        if self.missing.is_empty() {
            return;
        }
        if let Some(missing) = self.remove(&(chain, number))
            && missing.promised
            && from == Some(missing.hint)
        {
            self.promises.entry(missing.hint).or_default().kept = true;
            if let Some(word) = self.by_link.get_mut(&missing.hint) {
                word.kept.count(1_u64);
            }
        }
    }

    /// A neighbour sent what it has, but it was not taken: that keeps its promise, and fills no hole.
    pub fn answered(&mut self, chain: ChainKey, number: u64, from: Link) {
        if let Some(missing) = self.missing.get_mut(&(chain, number))
            && missing.promised
            && missing.hint == from
        {
            missing.promised = false;
            self.promises.entry(from).or_default().kept = true;
        }
    }

    /// Neighbours that kept none of their promises that fell due since the last call.
    pub fn broken(&mut self) -> Vec<Link> {
        let promises = std::mem::take(&mut self.promises).into_iter();
        promises.filter(|(_, word)| word.broken && !word.kept).map(|(link, _)| link).collect()
    }

    fn remove(&mut self, key: &(ChainKey, u64)) -> Option<Missing> {
        let missing = self.missing.remove(key)?;
        self.uncount(missing.hint);
        Some(missing)
    }

    fn uncount(&mut self, link: Link) {
        if let Some(word) = self.by_link.get_mut(&link) {
            word.pursued.uncount(1);
            if word.pursued == 0 {
                self.by_link.remove(&link);
            }
        }
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.missing.is_empty()
    }

    /// Requests that are due, spread over `neighbours`, and the spans that are given up.
    pub fn due(&mut self, neighbours: &[Link], now_ms: u64) -> (Vec<Request>, Vec<Span>) {
        let mut requests: Vec<Request> = Vec::new();
        let mut lost: Vec<Span> = Vec::new();
        let mut gone = Vec::new();
        for ((chain, number), missing) in &mut self.missing {
            if missing.due_ms > now_ms {
                continue;
            }
            if missing.promised && missing.asked_hint && neighbours.contains(&missing.hint) {
                self.promises.entry(missing.hint).or_default().broken = true;
            }
            missing.step(self.by_link.get(&missing.hint).map_or(0, |word| word.kept));
            if missing.attempts >= ATTEMPTS {
                gone.push((*chain, *number));
                grow(&mut lost, *chain, *number);
                continue;
            }
            let Some(link) = choose(neighbours, missing) else {
                // Nobody to ask is no attempt; links come back.
                missing.due_ms = now_ms.saturating_add(RETRY_MS);
                continue;
            };
            missing.attempts.count(1);
            missing.asked_hint = link == missing.hint;
            let wait_ms = RETRY_MS.saturating_mul(u64::from(missing.attempts));
            missing.due_ms = now_ms.saturating_add(wait_ms);
            ask(&mut requests, link, *chain, *number);
        }
        for key in gone {
            self.remove(&key);
        }
        (requests, lost)
    }
}

/// First the hint, then all others in turn; who promised it is asked every other time.
fn choose(neighbours: &[Link], missing: &Missing) -> Option<Link> {
    let start = neighbours.iter().position(|link| *link == missing.hint).unwrap_or_default();
    let attempts = usize::try_from(missing.attempts).unwrap_or_default();
    let step = match (missing.promised && neighbours.contains(&missing.hint), attempts % 2) {
        (false, _) => attempts,
        (true, 0) => 0,
        (true, _) => attempts.div_ceil(2),
    };
    let at = start.saturating_add(step).checked_rem(neighbours.len())?;
    neighbours.get(at).copied()
}

fn ask(requests: &mut Vec<Request>, link: Link, chain: ChainKey, number: u64) {
    if let Some(Request { link: to, span }) = requests.last_mut()
        && *to == link
        && span.chain == chain
        && span.last.checked_add(1) == Some(number)
        && number.saturating_sub(span.first) < MAX_REQUEST
    {
        span.last = number;
    } else {
        requests.push(Request { link, span: Span { chain, first: number, last: number } });
    }
}

fn grow(spans: &mut Vec<Span>, chain: ChainKey, number: u64) {
    match spans.last_mut() {
        Some(span) if span.chain == chain && span.last.checked_add(1) == Some(number) => {
            span.last = number;
        }
        Some(_) | None => spans.push(Span { chain, first: number, last: number }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::Address;

    const CHAIN: ChainKey = ChainKey { publisher: Address::ZERO, chain: 1 };

    fn span(first: u64, last: u64) -> Span {
        Span { chain: CHAIN, first, last }
    }

    #[test]
    fn the_hint_is_asked_first_then_the_others_then_it_is_lost() {
        let neighbours = [Link(1), Link(2), Link(3)];
        let mut repair = Repair::default();
        repair.pursue(CHAIN, 5..=7, (Link(2), Evidence::Signed), 0);
        assert_eq!(repair.due(&neighbours, 0).0, vec![]);
        let mut now = 0;
        let mut asked = Vec::new();
        let lost = loop {
            now += 50;
            let (requests, lost) = repair.due(&neighbours, now);
            for request in requests {
                assert_eq!(request.span, span(5, 7));
                asked.push(request.link.0);
            }
            if !lost.is_empty() {
                break lost;
            }
        };
        assert_eq!(asked, [2, 3, 1, 2, 3, 1, 2, 3]);
        assert_eq!(lost, vec![span(5, 7)]);
        assert!(repair.is_idle());
    }

    #[test]
    fn what_is_found_is_not_asked_for() {
        let mut repair = Repair::default();
        repair.pursue(CHAIN, 1..=3, (Link(1), Evidence::Signed), 0);
        repair.found(CHAIN, 2, None);
        let (requests, _) = repair.due(&[Link(1)], 100);
        let spans: Vec<Span> = requests.into_iter().map(|request| request.span).collect();
        assert_eq!(spans, vec![span(1, 1), span(3, 3)]);
    }

    #[test]
    fn without_neighbours_nothing_is_given_up() {
        let mut repair = Repair::default();
        repair.pursue(CHAIN, 1..=1, (Link(1), Evidence::Signed), 0);
        for now in 0..1_000 {
            assert!(repair.due(&[], now * 100).1.is_empty());
        }
        assert_eq!(repair.due(&[Link(4)], 200_000).0.len(), 1);
    }

    #[test]
    fn a_wild_hole_is_pursued_within_bounds_and_keeps_nobody_out() {
        let mut repair = Repair::default();
        repair.pursue(CHAIN, 0..=u64::MAX, (Link(1), Evidence::Promise), 0);
        assert_eq!(repair.missing.len(), MAX_PER_LINK);
        let honest = ChainKey { chain: 2, ..CHAIN };
        repair.pursue(honest, 0..=99, (Link(2), Evidence::Signed), 0);
        assert_eq!(repair.missing.len(), MAX_PER_LINK + 100);
        for link in 3..20 {
            repair.pursue(CHAIN, link << 32..=u64::MAX, (Link(link), Evidence::Promise), 0);
        }
        assert_eq!(repair.missing.len(), MAX_MISSING);
        for number in 0..100 {
            repair.found(honest, number, Some(Link(2)));
        }
        assert!(!repair.by_link.contains_key(&Link(2)));
    }

    #[test]
    fn another_neighbours_word_begins_anew_but_not_for_ever() {
        let mut repair = Repair::default();
        let (mut now, mut lost_at) = (0, None);
        repair.pursue(CHAIN, 7..=7, (Link(1), Evidence::Signed), 0);
        while lost_at.is_none() && now < 200_000 {
            now += 1_000;
            for link in 1..20 {
                repair.pursue(CHAIN, 7..=7, (Link(link), Evidence::Promise), now);
            }
            let lost = repair.due(&[Link(1), Link(2)], now + 50).1;
            lost_at = lost.first().map(|_| now);
            assert!(repair.by_link.len() <= 1);
            repair.missing.retain(|_, _| lost_at.is_none());
        }
        assert!((10_000..60_000).contains(&lost_at.unwrap()), "{lost_at:?}");
    }

    #[test]
    fn an_answer_that_is_not_taken_keeps_the_promise_and_is_still_missing() {
        let mut repair = Repair::default();
        repair.pursue(CHAIN, 4..=4, (Link(1), Evidence::Promise), 0);
        repair.due(&[Link(1)], 50);
        repair.answered(CHAIN, 4, Link(2));
        repair.due(&[Link(1)], 400);
        assert_eq!(repair.broken(), vec![Link(1)], "it was another's answer");
        repair.answered(CHAIN, 4, Link(1));
        for now in [5_000, 6_000, 7_000] {
            assert_eq!(repair.due(&[Link(1)], now).0.len(), 1, "it is still missing");
            assert!(repair.broken().is_empty());
        }
    }

    #[test]
    fn who_brings_what_it_promised_bit_by_bit_is_asked_for_the_rest() {
        let mut repair = Repair::default();
        let neighbours = [Link(1), Link(2), Link(3)];
        repair.pursue(CHAIN, 0..=799, (Link(2), Evidence::Promise), 0);
        let (mut now, mut next, mut lost) = (0, 0, Vec::new());
        while !repair.is_idle() && now < 600_000 {
            now += 50;
            let (requests, given_up) = repair.due(&neighbours, now);
            lost.extend(given_up);
            // Its queue takes 20 at a time; nobody else has any.
            if requests.iter().any(|request| request.link == Link(2)) {
                for number in next..next + 20 {
                    repair.found(CHAIN, number, Some(Link(2)));
                }
                next += 20;
            }
            assert!(now % 1_000 != 0 || repair.broken().is_empty(), "it keeps its promises");
        }
        assert_eq!((next, lost), (800, vec![]));
    }

    #[test]
    fn who_brings_one_of_many_now_and_then_is_given_up_in_the_end() {
        let mut repair = Repair::default();
        repair.pursue(CHAIN, 0..=999, (Link(1), Evidence::Promise), 0);
        let (mut now, mut next) = (0, 0);
        while !repair.is_idle() && now < 1_200_000 {
            now += 1_000;
            repair.due(&[Link(1), Link(2)], now);
            if now % 4_000 == 0 {
                repair.found(CHAIN, next, Some(Link(1)));
                next += 1;
            }
        }
        assert!(repair.is_idle() && next < 200, "{next}");
    }

    #[test]
    fn who_keeps_no_promise_is_named_and_who_keeps_one_is_not() {
        let mut repair = Repair::default();
        let neighbours = [Link(1), Link(2), Link(3)];
        repair.pursue(CHAIN, 0..=3, (Link(1), Evidence::Promise), 0);
        repair.pursue(CHAIN, 10..=13, (Link(2), Evidence::Promise), 0);
        repair.pursue(CHAIN, 20..=23, (Link(3), Evidence::Signed), 0);
        repair.due(&neighbours, 50);
        repair.found(CHAIN, 10, Some(Link(2)));
        assert!(repair.broken().is_empty());
        repair.found(CHAIN, 11, Some(Link(2)));
        repair.due(&neighbours, 400);
        assert_eq!(repair.broken(), vec![Link(1)]);
        assert!(repair.broken().is_empty());
        repair.due(&neighbours, 5_000);
        assert_eq!(repair.broken(), vec![Link(2)], "one kept promise excuses once");
        repair.due(&neighbours, 10_000);
        assert_eq!(repair.broken(), vec![Link(1)], "in between others were asked");
    }
}
