//! Missing messages: whom to ask, when to ask again, when to give up.
//!
//! Invariant: at most [`MAX_MISSING`] numbers are pursued per stream, each at most
//! [`ATTEMPTS`] times, so a neighbour that claims to have what nobody has costs a bounded effort.
//! Source: gossipsub's IHAVE/IWANT, with ranges instead of message ids.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::frame::Span;
use crate::{ChainKey, Link};

/// Numbers pursued at one time.
pub const MAX_MISSING: usize = 16_384;
/// How often a number is asked for.
pub const ATTEMPTS: u32 = 6;
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
}

impl Repair {
    /// Pursues a hole that `hint` brought to light (and can probably fill).
    pub fn pursue(&mut self, chain: ChainKey, hole: RangeInclusive<u64>, hint: Link, now_ms: u64) {
        for number in hole {
            if self.missing.len() >= MAX_MISSING {
                return;
            }
            self.missing.entry((chain, number)).or_insert(Missing {
                attempts: 0,
                due_ms: now_ms + FIRST_DELAY_MS,
                hint,
            });
        }
    }

    /// A missing message came.
    pub fn found(&mut self, chain: ChainKey, number: u64) {
        if !self.missing.is_empty() {
            self.missing.remove(&(chain, number));
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
            if missing.attempts >= ATTEMPTS {
                gone.push((*chain, *number));
                grow(&mut lost, *chain, *number);
                continue;
            }
            let Some(link) = choose(neighbours, missing) else {
                // Nobody to ask is no attempt; links come back.
                missing.due_ms = now_ms + RETRY_MS;
                continue;
            };
            missing.attempts += 1;
            missing.due_ms = now_ms + RETRY_MS * u64::from(missing.attempts);
            ask(&mut requests, link, *chain, *number);
        }
        for key in gone {
            self.missing.remove(&key);
        }
        (requests, lost)
    }
}

fn choose(neighbours: &[Link], missing: &Missing) -> Option<Link> {
    let start = neighbours.iter().position(|link| *link == missing.hint).unwrap_or_default();
    let step = usize::try_from(missing.attempts).unwrap_or_default();
    neighbours.get((start + step) % neighbours.len().max(1)).copied()
}

fn ask(requests: &mut Vec<Request>, link: Link, chain: ChainKey, number: u64) {
    if let Some(Request { link: to, span }) = requests.last_mut()
        && *to == link
        && span.chain == chain
        && span.last.checked_add(1) == Some(number)
        && number - span.first < MAX_REQUEST
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
        _ => spans.push(Span { chain, first: number, last: number }),
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
        repair.pursue(CHAIN, 5..=7, Link(2), 0);
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
        assert_eq!(asked, [2, 3, 1, 2, 3, 1]);
        assert_eq!(lost, vec![span(5, 7)]);
        assert!(repair.is_idle());
    }

    #[test]
    fn what_is_found_is_not_asked_for() {
        let mut repair = Repair::default();
        repair.pursue(CHAIN, 1..=3, Link(1), 0);
        repair.found(CHAIN, 2);
        let (requests, _) = repair.due(&[Link(1)], 100);
        let spans: Vec<Span> = requests.into_iter().map(|request| request.span).collect();
        assert_eq!(spans, vec![span(1, 1), span(3, 3)]);
    }

    #[test]
    fn without_neighbours_nothing_is_given_up() {
        let mut repair = Repair::default();
        repair.pursue(CHAIN, 1..=1, Link(1), 0);
        for now in 0..1_000 {
            assert!(repair.due(&[], now * 100).1.is_empty());
        }
        assert_eq!(repair.due(&[Link(4)], 200_000).0.len(), 1);
    }

    #[test]
    fn a_wild_hole_is_pursued_within_bounds() {
        let mut repair = Repair::default();
        repair.pursue(CHAIN, 0..=u64::MAX, Link(1), 0);
        assert_eq!(repair.missing.len(), MAX_MISSING);
    }
}
