//! At which trackers a stream is joined, and whom each of them made a neighbour in it.
//!
//! Invariant: neighbours go only after others have come, so a stream flows on through every change of
//! trackers. A relay takes part wherever somebody responsible before its own tracker is up; so nodes that
//! see different trackers up do not fall apart into two graphs.

use std::collections::{BTreeMap, BTreeSet};

use tatum_primitives::NodeId;

use super::standing::{Standing, Times, TrackerNo};

/// Neighbours remembered of trackers that are gone.
const MAX_KEPT: usize = 64;

/// How things stand when a place is reviewed.
pub(super) struct View<'a> {
    pub(super) standing: &'a dyn Fn(TrackerNo) -> Standing,
    pub(super) times: Times,
    pub(super) relay: bool,
    pub(super) now_ms: u64,
}

/// What follows from a review.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    /// Trackers to ask for neighbours.
    pub(super) join: Vec<TrackerNo>,
    /// Trackers to tell that we take part there no more.
    pub(super) leave: Vec<TrackerNo>,
    /// Whether the neighbours are others than before.
    pub(super) neighbours: bool,
}

/// One stream's trackers.
#[derive(Debug, Default)]
pub(super) struct Place {
    /// All trackers, the responsible one first.
    ranking: Vec<TrackerNo>,
    /// Whether we take part of our own accord.
    pub(super) own: bool,
    /// Who recruited us.
    holders: BTreeSet<TrackerNo>,
    /// Whose it is for us.
    home: Option<TrackerNo>,
    /// Who knows, on the present connection, that we take part.
    joined: BTreeSet<TrackerNo>,
    assigned: BTreeMap<TrackerNo, BTreeSet<NodeId>>,
    /// Until when we stay with trackers that others take the place of.
    leaving: BTreeMap<TrackerNo, u64>,
    /// Neighbours whom trackers assigned that are gone.
    kept: BTreeSet<NodeId>,
    /// Until when those are kept; `None` before our tracker has assigned others.
    kept_until_ms: Option<u64>,
}

impl Place {
    /// A stream that nobody knows of yet.
    pub(super) fn new(ranking: Vec<TrackerNo>) -> Self {
        Self { ranking, ..Self::default() }
    }

    /// Sees to it that we take part where we should.
    pub(super) fn review(&mut self, view: &View<'_>) -> Changes {
        let mut changes = Changes::default();
        // First where we belong: everything below follows from it.
        self.home = choose(self.home, &self.ranking, view);
        let wanted = self.wanted(view);
        let up = |no: &&TrackerNo| matches!((view.standing)(**no), Standing::Up(_));
        // Join before anything is left, so that somebody always knows of us.
        for no in wanted.iter().filter(up) {
            if self.joined.insert(*no) {
                changes.join.push(*no);
            }
        }
        // Only when the new tracker has given us neighbours may the old ones go, a while later: links take time to open.
        let settled = self.home.is_some_and(|home| self.has_assigned(home));
        let due_ms = view.now_ms.saturating_add(view.times.linger_ms);
        let former: Vec<TrackerNo> = self.joined.difference(&wanted).copied().collect();
        self.leaving.retain(|no, _| settled && former.contains(no));
        for no in former.into_iter().filter(|_| settled) {
            if view.now_ms >= *self.leaving.entry(no).or_insert(due_ms) {
                self.leaving.remove(&no);
                self.joined.remove(&no);
                changes.neighbours |= self.assigned.remove(&no).is_some();
                changes.leave.push(no);
            }
        }
        // Neighbours of trackers that are gone go last, by the same rule; nobody is left to be told.
        if !settled || self.kept.is_empty() {
            self.kept_until_ms = None;
        } else if view.now_ms >= *self.kept_until_ms.get_or_insert(due_ms) {
            self.kept.clear();
            changes.neighbours = true;
        }
        changes
    }

    /// Where we should take part.
    fn wanted(&self, view: &View<'_>) -> BTreeSet<TrackerNo> {
        let Some(home) = self.home else { return self.holders.clone() };
        if !view.relay {
            return BTreeSet::from([home]);
        }
        let before = self.ranking.iter().take_while(|no| **no != home);
        before.chain([&home]).chain(&self.holders).copied().collect()
    }

    /// A tracker recruited us. Gives whether nobody had before.
    pub(super) fn recruited(&mut self, by: TrackerNo) -> bool {
        let first = self.holders.is_empty();
        self.holders.insert(by);
        self.joined.insert(by);
        first
    }

    /// A tracker needs us no more. Gives whether anybody does: of those that recruited us, who is gone
    /// for long has left the stream to others.
    pub(super) fn released(&mut self, by: TrackerNo, gone: impl Fn(TrackerNo) -> bool) -> bool {
        self.holders.remove(&by);
        self.assigned.remove(&by);
        self.own || self.holders.iter().any(|no| !gone(*no))
    }

    /// The connection to a tracker ended: it knows nothing of us any more.
    pub(super) fn lost(&mut self, no: TrackerNo) {
        self.joined.remove(&no);
        self.leaving.remove(&no);
        let Some(nodes) = self.assigned.remove(&no) else { return };
        if self.kept.len().saturating_add(nodes.len()) > MAX_KEPT {
            self.kept.clear();
        }
        self.kept.extend(nodes);
        self.kept_until_ms = None;
    }

    /// A tracker named our neighbours. Gives whether it may.
    pub(super) fn assign(&mut self, by: TrackerNo, nodes: BTreeSet<NodeId>) -> bool {
        let known = self.joined.contains(&by);
        if known {
            self.assigned.insert(by, nodes);
        }
        known
    }

    /// Offers ourselves again, as a relay, wherever we should take part and nobody has taken us.
    pub(super) fn offer_again(&mut self) {
        let (own, holders) = (self.own, &self.holders);
        self.joined.retain(|no| own || holders.contains(no));
    }

    /// Asks our tracker again if it gave us nobody.
    pub(super) fn ask_again(&mut self) {
        if let Some(home) = self.home.filter(|home| !self.has_assigned(*home)) {
            self.joined.remove(&home);
        }
    }

    /// Asks our tracker anew: we take part as something else.
    pub(super) fn ask_anew(&mut self) {
        self.joined.retain(|no| Some(*no) != self.home);
    }

    /// A tracker could not be asked yet.
    pub(super) fn put_off(&mut self, no: TrackerNo) {
        self.joined.remove(&no);
    }

    /// Who knows that we take part.
    pub(super) fn joined(&self) -> impl Iterator<Item = TrackerNo> {
        self.joined.iter().copied()
    }

    /// All neighbours.
    pub(super) fn neighbours(&self) -> BTreeSet<NodeId> {
        self.assigned.values().flatten().chain(&self.kept).copied().collect()
    }

    /// Neighbours, and who may introduce us to them.
    pub(super) fn routes(&self) -> impl Iterator<Item = (NodeId, TrackerNo)> {
        self.assigned.iter().flat_map(|(no, nodes)| nodes.iter().map(|node| (*node, *no)))
    }

    fn has_assigned(&self, no: TrackerNo) -> bool {
        self.assigned.get(&no).is_some_and(|nodes| !nodes.is_empty())
    }
}

/// Which tracker a stream belongs to, for us: the first that is up, but we wait a while for one that
/// just went, and do not go back to one that just came.
fn choose(current: Option<TrackerNo>, ranking: &[TrackerNo], view: &View<'_>) -> Option<TrackerNo> {
    let mut newly_up = None;
    let mut gone = false;
    for no in ranking.iter().copied() {
        let awaited = current.is_none_or(|current| current == no);
        match (view.standing)(no) {
            Standing::Up(_) if awaited => return Some(no),
            Standing::Up(_) if gone => return newly_up.or(Some(no)),
            Standing::Up(for_ms) if for_ms >= view.times.return_ms => return Some(no),
            Standing::Up(_) => newly_up = newly_up.or(Some(no)),
            Standing::Down(for_ms) if awaited && for_ms < view.times.patience_ms => return current,
            Standing::Down(_) => gone |= current == Some(no),
        }
    }
    newly_up.or(current)
}

#[cfg(test)]
mod tests;
