//! How much passes in each stream, as trackers are told it.
//!
//! Invariant: only streams that are carried are remembered.

use std::collections::BTreeMap;

use tatum_primitives::StreamKey;

/// How often loads are reported.
const EVERY_MS: u64 = 5_000;

/// What was reported last.
#[derive(Debug, Default)]
pub(super) struct Load {
    reported_ms: u64,
    /// What had passed by then since the start.
    bytes: BTreeMap<StreamKey, u64>,
}

impl Load {
    /// Given what passed since the start in each stream that is carried: the bytes per second of those in
    /// which anything did, if it is time to report them.
    pub(super) fn due(
        &mut self,
        passed: impl IntoIterator<Item = (StreamKey, u64)>,
        now_ms: u64,
    ) -> Vec<(StreamKey, u64)> {
        let elapsed_ms = now_ms.saturating_sub(self.reported_ms);
        if elapsed_ms < EVERY_MS {
            return Vec::new();
        }
        self.reported_ms = now_ms;
        let before = std::mem::take(&mut self.bytes);
        let mut loads = Vec::new();
        for (stream, bytes) in passed {
            let more = bytes.saturating_sub(before.get(&stream).copied().unwrap_or_default());
            if more > 0 {
                let per_second = more.saturating_mul(1_000).checked_div(elapsed_ms);
                loads.push((stream, per_second.unwrap_or_default()));
            }
            self.bytes.insert(stream, bytes);
        }
        loads
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::B256;

    #[test]
    fn loads_are_what_passed_since_the_last_report() {
        let [one, two] = [1, 2].map(|byte| StreamKey(B256::repeat_byte(byte)));
        let mut load = Load::default();
        assert_eq!(load.due([(one, 10_000)], 5_000), [(one, 2_000)]);
        assert_eq!(load.due([(one, 90_000)], 9_999), []);
        assert_eq!(load.due([(one, 30_000), (two, 0)], 15_000), [(one, 2_000)]);
        // A stream that was dropped and is carried again counts from nothing.
        assert_eq!(load.due([(two, 0)], 20_000), []);
        assert_eq!(load.due([(one, 5_000), (two, 0)], 25_000), [(one, 1_000)]);
    }
}
