//! What a client holds of each publisher's chain in an epoch: its newest message, and how much of the chain from where it came in.
//!
//! Invariant: a chain's span begins with the first message that came while it was made, not with history that was asked for, and grows
//! with every later number; `held ≤ span`. At most [`MAX_LINES`] chains are told of each stream and epoch: who begins more has those
//! forgotten that stood still for longest.

use std::collections::BTreeMap;

use tatum_primitives::{B256, Epoch, Role, StreamKey};
use tatum_receipt::{ContentsLine, MAX_LINES};

use crate::ChainKey;
use crate::count::Count;

/// A stream partition as a client takes part in it, in an epoch.
pub(crate) type Place = (StreamKey, Role, Epoch);

/// A message that a client holds.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    /// Publisher and chain.
    pub chain: ChainKey,
    /// Its number.
    pub number: u64,
    /// What its publisher signed.
    pub id: B256,
    /// Whether it came as it was made, and not as history or repair.
    pub live: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Holding {
    number: u64,
    id: B256,
    /// Numbers that an earlier run of this process was there for.
    before: u64,
    /// The first that came live in this run.
    first: Option<u64>,
    held: u64,
    /// When it last grew, in steps of the whole.
    turn: u64,
}

impl Holding {
    fn span(&self) -> u64 {
        let here =
            self.first.map_or(0, |first| self.number.saturating_sub(first).saturating_add(1));
        self.before.saturating_add(here).min(self.number.saturating_add(1))
    }
}

/// What is held, by stream, role and epoch.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    places: BTreeMap<Place, BTreeMap<ChainKey, Holding>>,
    turn: u64,
}

impl Holdings {
    /// Notes a message that is here for the first time; false if it lies before where we came in.
    pub(crate) fn hold(&mut self, place: Place, head: &Head) -> bool {
        self.turn.count(1);
        let chains = self.places.entry(place).or_default();
        if !chains.contains_key(&head.chain) {
            if !head.live {
                return false;
            }
            make_room(chains);
        }
        let holding = chains.entry(head.chain).or_default();
        if holding.first.is_none() && head.live {
            holding.first = Some(head.number);
        }
        if holding.first.is_none_or(|first| head.number < first) {
            return false;
        }
        holding.turn = self.turn;
        holding.held.count(1);
        if head.number >= holding.number {
            (holding.number, holding.id) = (head.number, head.id);
        }
        true
    }

    /// How many of these numbers lie between where we came in and the newest that we hold: those that were there for us to get.
    pub(crate) fn covers(&self, place: Place, chain: &ChainKey, first: u64, last: u64) -> u64 {
        let holding = self.places.get(&place).and_then(|chains| chains.get(chain));
        let Some(Holding { number, first: Some(from), .. }) = holding else { return 0 };
        let (first, end) = (first.max(*from), last.saturating_add(1).min(*number));
        end.saturating_sub(first)
    }

    /// Goes on from what an earlier run stated.
    pub(crate) fn resume(&mut self, place: Place, line: &ContentsLine) {
        let chain = ChainKey { publisher: line.publisher, chain: line.chain };
        let chains = self.places.entry(place).or_default();
        if chains.len() >= MAX_LINES && !chains.contains_key(&chain) {
            return;
        }
        let holding = chains.entry(chain).or_default();
        if holding.first.is_none() && line.span > holding.before {
            (holding.before, holding.held) = (line.span, line.held);
            (holding.number, holding.id) = (line.number, line.id);
        }
    }

    /// A line for each chain of a place, without what any node brought.
    pub(crate) fn lines(&self, place: Place) -> Vec<ContentsLine> {
        let chains = self.places.get(&place).into_iter().flatten();
        let line = |(chain, holding): (&ChainKey, &Holding)| ContentsLine {
            publisher: chain.publisher,
            chain: chain.chain,
            number: holding.number,
            id: holding.id,
            span: holding.span(),
            held: holding.held.min(holding.span()),
            due: 0,
            brought: 0,
        };
        chains.map(line).collect()
    }

    pub(crate) fn forget_before(&mut self, earliest: Epoch) {
        self.places.retain(|(_, _, epoch), _| *epoch >= earliest);
    }
}

fn make_room(chains: &mut BTreeMap<ChainKey, Holding>) {
    if chains.len() < MAX_LINES {
        return;
    }
    let still = chains.iter().min_by_key(|(_, holding)| holding.turn).map(|(chain, _)| *chain);
    if let Some(still) = still {
        chains.remove(&still);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::Address;

    fn place() -> Place {
        (StreamKey::default(), Role::Subscriber, Epoch(3))
    }

    fn chain(number: u64) -> ChainKey {
        ChainKey { publisher: Address::ZERO, chain: number }
    }

    fn head(chain_no: u64, number: u64, live: bool) -> Head {
        let id = B256::left_padding_from(&number.to_be_bytes());
        Head { chain: chain(chain_no), number, id, live }
    }

    fn spans(holdings: &Holdings) -> Vec<(u64, u64, u64)> {
        let lines = holdings.lines(place());
        lines.iter().map(|line| (line.number, line.span, line.held)).collect()
    }

    #[test]
    fn who_comes_late_is_there_from_its_first_live_message_on() {
        let mut holdings = Holdings::default();
        assert!(!holdings.hold(place(), &head(1, 70, false)), "history comes first");
        assert!(holdings.hold(place(), &head(1, 100, true)));
        assert!(!holdings.hold(place(), &head(1, 99, false)));
        assert!(holdings.hold(place(), &head(1, 103, true)));
        assert!(holdings.hold(place(), &head(1, 101, false)));
        assert_eq!(spans(&holdings), [(103, 4, 3)]);
        assert_eq!(holdings.covers(place(), &chain(1), 90, 200), 3, "100, 101, 102");
        assert_eq!(holdings.covers(place(), &chain(2), 0, 200), 0);
    }

    #[test]
    fn a_restart_goes_on_and_what_was_missed_meanwhile_is_not_its_span() {
        let mut before = Holdings::default();
        for number in 10..20 {
            before.hold(place(), &head(1, number, true));
        }
        let line = before.lines(place())[0];
        let mut after = Holdings::default();
        after.resume(place(), &line);
        after.resume(place(), &ContentsLine { span: 2, held: 2, number: 3, ..line });
        assert!(!after.hold(place(), &head(1, 25, false)), "repaired before anything came live");
        assert!(after.hold(place(), &head(1, 30, true)));
        assert_eq!(spans(&after), [(30, 11, 11)]);
    }

    #[test]
    fn of_many_chains_those_that_stand_still_are_forgotten() {
        let mut holdings = Holdings::default();
        for no in 0..MAX_LINES as u64 + 9 {
            holdings.hold(place(), &head(no, 0, true));
            holdings.hold(place(), &head(0, no + 1, true));
        }
        let lines = holdings.lines(place());
        assert_eq!((lines.len(), lines[0].chain, lines[1].chain), (MAX_LINES, 0, 10));
        assert!(tatum_receipt::Contents::new(lines).is_ok());
        holdings.forget_before(Epoch(4));
        assert!(holdings.lines(place()).is_empty());
    }
}
