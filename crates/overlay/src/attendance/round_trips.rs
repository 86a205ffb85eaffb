//! How long neighbours take to answer, as the trackers that gave them are told.
//!
//! Invariant: a report has [`MOST_TOLD`] neighbours at most, and no time above [`LONGEST_ROUND_TRIP_US`]: who writes one keeps to it, and who reads one
//! makes sure, for it is a stranger's word.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tatum_primitives::NodeId;

use super::TrackerNo;

/// How often they are told.
const EVERY_MS: u64 = 5_000;
/// Neighbours in one report.
const MOST_TOLD: usize = 256;
/// Whoever takes longer is as good as gone.
pub const LONGEST_ROUND_TRIP_US: u32 = 60_000_000;

/// A neighbour, and how long it took to answer last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoundTrip {
    /// The neighbour.
    pub node: NodeId,
    /// From question to answer on the link's own path, in microseconds.
    pub round_trip_us: u32,
}

/// What is kept of a report.
#[must_use]
pub fn bounded(reported: impl IntoIterator<Item = RoundTrip>) -> BTreeMap<NodeId, u32> {
    let told = reported.into_iter().take(MOST_TOLD);
    told.map(|RoundTrip { node, round_trip_us }| (node, round_trip_us.min(LONGEST_ROUND_TRIP_US)))
        .collect()
}

/// When they were told last.
#[derive(Debug, Default)]
pub(super) struct RoundTrips {
    told_ms: u64,
}

impl RoundTrips {
    /// What each tracker is to be told of the neighbours that it gave, if it is time.
    pub(super) fn due(
        &mut self,
        measured: &BTreeMap<NodeId, u32>,
        given: impl IntoIterator<Item = (NodeId, TrackerNo)>,
        now_ms: u64,
    ) -> BTreeMap<TrackerNo, Vec<RoundTrip>> {
        if now_ms.saturating_sub(self.told_ms) < EVERY_MS {
            return BTreeMap::new();
        }
        self.told_ms = now_ms;
        let mut by_tracker: BTreeMap<TrackerNo, BTreeMap<NodeId, u32>> = BTreeMap::new();
        for (node, no) in given {
            if let Some(round_trip_us) = measured.get(&node) {
                by_tracker
                    .entry(no)
                    .or_default()
                    .insert(node, (*round_trip_us).min(LONGEST_ROUND_TRIP_US));
            }
        }
        let told = |by_node: BTreeMap<NodeId, u32>| {
            let all = by_node.into_iter();
            all.map(|(node, round_trip_us)| RoundTrip { node, round_trip_us })
                .take(MOST_TOLD)
                .collect()
        };
        by_tracker.into_iter().map(|(no, by_node)| (no, told(by_node))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::B256;

    fn node(number: usize) -> NodeId {
        NodeId(B256::left_padding_from(&number.to_be_bytes()))
    }

    #[test]
    fn each_tracker_is_told_of_the_neighbours_that_it_gave_now_and_then() {
        let (first, second) = (TrackerNo(0), TrackerNo(1));
        let measured = BTreeMap::from([(node(1), 1_500), (node(2), u32::MAX), (node(9), 7)]);
        // In two streams the same neighbour is given twice; the third has not answered yet.
        let given = [(node(1), first), (node(1), first), (node(2), second), (node(3), second)];
        let mut round_trips = RoundTrips::default();
        assert_eq!(round_trips.due(&measured, given, 4_999), BTreeMap::new());
        let told = |node, round_trip_us| vec![RoundTrip { node, round_trip_us }];
        let expected = BTreeMap::from([
            (first, told(node(1), 1_500)),
            (second, told(node(2), LONGEST_ROUND_TRIP_US)),
        ]);
        assert_eq!(round_trips.due(&measured, given, 5_000), expected);
        assert_eq!(round_trips.due(&measured, given, 9_999), BTreeMap::new());
        assert_eq!(round_trips.due(&measured, given, 10_000), expected);
    }

    #[test]
    fn a_report_is_bounded_by_who_writes_and_by_who_reads() {
        let measured: BTreeMap<NodeId, u32> = (0..MOST_TOLD + 9).map(|n| (node(n), 3)).collect();
        let given = measured.keys().map(|node| (*node, TrackerNo(0)));
        let told = RoundTrips::default().due(&measured, given, 5_000);
        assert_eq!(told[&TrackerNo(0)].len(), MOST_TOLD);
        let claimed =
            measured.keys().map(|node| RoundTrip { node: *node, round_trip_us: u32::MAX });
        let kept = bounded(claimed);
        assert_eq!(kept.len(), MOST_TOLD);
        assert!(kept.values().all(|us| *us == LONGEST_ROUND_TRIP_US));
    }
}
