//! What waits to leave on one link, in lanes: the more urgent lane always leaves first.
//!
//! Invariant: frames of one lane keep their order; a lane never waits for a less urgent one.

use bytes::Bytes;

use crate::frame::Packer;

/// How urgent a frame is; the first is the most urgent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Receipts, their answers and what publishers were accepted: they are what work is paid by.
    Account,
    /// Greetings, requests, refusals, news.
    Control,
    /// Messages on their way for the first time.
    Live,
    /// Messages that a neighbour asked for again.
    Repair,
}

impl Priority {
    /// All lanes, the most urgent first.
    pub const ALL: [Self; 4] = [Self::Account, Self::Control, Self::Live, Self::Repair];
}

/// Packets in the making for one link.
#[derive(Debug, Default)]
pub struct Outbox {
    lanes: [Lane; 4],
}

#[derive(Debug, Default)]
struct Lane {
    packer: Packer,
    packets: Vec<Bytes>,
}

impl Outbox {
    /// Adds a frame to its lane.
    pub fn push(&mut self, frame: &Bytes, priority: Priority) {
        if let Some(lane) = self.lanes.get_mut(priority as usize) {
            lane.packets.extend(lane.packer.push(frame));
        }
    }

    /// Takes all packets, the most urgent first.
    pub fn take(&mut self) -> Vec<(Priority, Bytes)> {
        let mut packets = Vec::new();
        for (priority, lane) in Priority::ALL.into_iter().zip(&mut self.lanes) {
            lane.packets.extend(lane.packer.finish());
            packets.extend(lane.packets.drain(..).map(|packet| (priority, packet)));
        }
        packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn packets_leave_by_urgency_and_keep_their_order(
            pushed in prop::collection::vec((0_usize..4, 1_usize..6_000), 0..60),
        ) {
            let mut outbox = Outbox::default();
            for (number, (lane, size)) in pushed.iter().enumerate() {
                let mut frame = vec![0; size + 8];
                frame[..8].copy_from_slice(&(number as u64).to_be_bytes());
                outbox.push(&frame.into(), Priority::ALL[*lane]);
            }
            let mut left = Vec::new();
            for (priority, packet) in outbox.take() {
                let mut at = 1;
                while at < packet.len() {
                    let size = usize::from(u16::from_be_bytes([packet[at], packet[at + 1]]));
                    let number = &packet[at + 2..at + 10];
                    left.push((priority, u64::from_be_bytes(number.try_into().unwrap())));
                    at += 2 + size;
                }
            }
            prop_assert_eq!(left.len(), pushed.len());
            prop_assert!(left.is_sorted());
            prop_assert!(outbox.take().is_empty());
        }
    }
}
