//! How many relays a stream needs, and who may ask for them.
//!
//! Invariant: relays are recruited only for clients whose payer the chain knows, each payer for at
//! most [`MAX_PAYER_STREAMS`] streams at a time and [`NEW_STREAMS`] new ones per second. A client
//! key costs nothing to make, a payer's stake does; so one party cannot use up everybody's relays.

use std::collections::{BTreeMap, BTreeSet};

use tatum_overlay::limit::{Limiter, Rate};
use tatum_primitives::{Address, NodeId, StreamKey};

use crate::Refusal;

/// Streams that one payer's clients may take part in at a time.
pub(crate) const MAX_PAYER_STREAMS: usize = 256;
/// New streams that a payer may bring up.
const NEW_STREAMS: Rate = Rate { per_second: 4, burst: 256 };
/// Payers whose rates are remembered.
const MAX_PAYERS: usize = 16_384;
/// Seats for clients that one relay of a stream is reckoned with.
const SEATS: usize = 32;
/// Bytes per second that one relay is reckoned to send to its clients.
const SERVICE_BYTES_PER_SECOND: u64 = 16 << 20;
/// The most relays that are recruited for one stream.
const MAX_RELAYS: usize = 256;

/// After how long without a report nothing passes: relays make one every 5 seconds of those in which something did.
const SILENT_MS: u64 = 15_000;

/// How much passes on a stream, as its relays say.
#[derive(Debug, Default)]
pub(crate) struct Load {
    reports: BTreeMap<NodeId, Report>,
}

/// What a relay said last, and when.
#[derive(Clone, Copy, Debug)]
struct Report {
    bytes_per_second: u64,
    at_ms: u64,
}

impl Load {
    pub(crate) fn report(&mut self, relay: NodeId, bytes_per_second: u64, now_ms: u64) {
        self.reports.insert(relay, Report { bytes_per_second, at_ms: now_ms });
    }

    pub(crate) fn forget(&mut self, relay: &NodeId) {
        self.reports.remove(relay);
    }

    /// What passed when something last did.
    fn bytes_per_second(&self) -> u64 {
        median(self.reports.values().map(|report| report.bytes_per_second))
    }

    /// What passes now.
    pub(crate) fn passing(&self, now_ms: u64) -> u64 {
        median(self.reports.values().map(|report| {
            let is_silent = now_ms.saturating_sub(report.at_ms) > SILENT_MS;
            if is_silent { 0 } else { report.bytes_per_second }
        }))
    }

    /// Relays that serve `clients` at `relays_of_client` each, but at least `base`.
    pub(crate) fn relays_needed(
        &self,
        base: usize,
        clients: usize,
        relays_of_client: usize,
    ) -> usize {
        let seats = clients.saturating_mul(relays_of_client);
        let sent = self.bytes_per_second().saturating_mul(seats as u64);
        let by_rate =
            usize::try_from(sent.div_ceil(SERVICE_BYTES_PER_SECOND)).unwrap_or(MAX_RELAYS);
        seats.div_ceil(SEATS).max(by_rate).min(MAX_RELAYS).max(base)
    }
}

/// The median: half of the relays would have to lie to move it at will.
fn median(rates: impl Iterator<Item = u64>) -> u64 {
    let mut all: Vec<u64> = rates.collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// What each payer's clients take part in.
#[derive(Debug)]
pub(crate) struct Payers {
    streams: BTreeMap<Address, BTreeMap<StreamKey, BTreeSet<NodeId>>>,
    rate: Limiter<Address>,
}

impl Payers {
    pub(crate) const fn new() -> Self {
        Self { streams: BTreeMap::new(), rate: Limiter::new(NEW_STREAMS, MAX_PAYERS) }
    }

    /// A payer's client wants to take part in a stream.
    pub(crate) fn join(
        &mut self,
        payer: Address,
        (client, stream): (NodeId, StreamKey),
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let before = self.streams.get(&payer);
        if !before.is_some_and(|streams| streams.contains_key(&stream)) {
            if before.is_some_and(|streams| streams.len() >= MAX_PAYER_STREAMS) {
                return Err(Refusal::PayerStreams { limit: MAX_PAYER_STREAMS });
            }
            if !self.rate.take(payer, 1, now_ms) {
                return Err(Refusal::NewStreams);
            }
        }
        // Only now, so that who is refused leaves nothing behind.
        let streams = self.streams.entry(payer).or_default();
        streams.entry(stream).or_default().insert(client);
        Ok(())
    }

    pub(crate) fn leave(&mut self, payer: Address, client: NodeId, stream: &StreamKey) {
        let Some(streams) = self.streams.get_mut(&payer) else { return };
        if let Some(clients) = streams.get_mut(stream) {
            clients.remove(&client);
            if clients.is_empty() {
                streams.remove(stream);
            }
        }
        if streams.is_empty() {
            self.streams.remove(&payer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::B256;

    const PAYER: Address = Address::repeat_byte(5);

    fn node(number: u8) -> NodeId {
        NodeId(B256::repeat_byte(number))
    }

    fn stream(number: u32) -> StreamKey {
        StreamKey(B256::left_padding_from(&number.to_be_bytes()))
    }

    #[test]
    fn relays_grow_with_rate_times_subscribers() {
        let mut load = Load::default();
        assert_eq!(load.relays_needed(4, 10, 2), 4);
        assert_eq!(load.relays_needed(4, 320, 2), 20);
        for (relay, rate) in [(1, 1 << 20), (2, 1 << 20), (3, u64::MAX)] {
            load.report(node(relay), rate, 0);
        }
        assert_eq!(load.relays_needed(4, 10, 2), 4);
        assert_eq!(load.relays_needed(4, 160, 2), 20);
        assert_eq!(load.relays_needed(4, 100_000, 2), MAX_RELAYS);
        load.forget(&node(1));
        load.forget(&node(2));
        assert_eq!(load.relays_needed(4, 1, 2), MAX_RELAYS);
    }

    #[test]
    fn what_passed_once_does_not_pass_for_ever_and_is_reckoned_with_all_the_same() {
        let mut load = Load::default();
        load.report(node(1), 100 << 20, 1_000);
        assert_eq!(load.passing(1_000 + SILENT_MS), 100 << 20);
        assert_eq!(load.passing(1_001 + SILENT_MS), 0);
        let needed = load.relays_needed(4, 160, 2);
        assert!(needed > 20, "{needed}");
        load.report(node(1), 1 << 20, 60_000);
        assert_eq!(load.passing(60_000), 1 << 20);
    }

    #[test]
    fn a_payer_has_a_quota_of_streams_however_many_client_keys_it_makes() {
        let mut payers = Payers::new();
        let mut taken = 0;
        for number in 0..2_000 {
            let client = node(u8::try_from(number % 250).unwrap());
            taken += usize::from(payers.join(PAYER, (client, stream(number)), 0).is_ok());
        }
        assert_eq!(taken, MAX_PAYER_STREAMS);
        assert!(payers.join(Address::ZERO, (node(1), stream(1)), 0).is_ok());
        payers.leave(PAYER, node(0), &stream(0));
        assert!(payers.join(PAYER, (node(9), stream(5_000)), 0).is_err(), "too fast");
        assert!(payers.join(PAYER, (node(9), stream(5_000)), 1_000).is_ok());
    }
}
