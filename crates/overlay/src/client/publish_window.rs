//! How much a publisher may have on its way.
//!
//! Invariant: at most [`PublishWindow::MESSAGES`] messages, and fewer than [`PublishWindow::BYTES`] bytes
//! and one message, wait for a relay's word. That is less than what the overlay keeps for relays that ask,
//! so nothing is lost while no relay accepts.

use std::collections::VecDeque;

/// What was published, and what of it waits.
#[derive(Debug, Clone)]
pub struct PublishWindow {
    messages: u64,
    bytes: u64,
    /// The bytes published up to each of the last messages.
    totals: VecDeque<u64>,
}

impl Default for PublishWindow {
    fn default() -> Self {
        Self { messages: 0, bytes: 0, totals: VecDeque::from([0]) }
    }
}

impl PublishWindow {
    /// Messages that may wait.
    pub const MESSAGES: u64 = 4_096;
    /// Their bytes.
    pub const BYTES: u64 = 6 << 20;

    /// Messages published.
    #[must_use]
    pub const fn messages(&self) -> u64 {
        self.messages
    }

    /// Their bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// A message was published.
    pub fn published(&mut self, bytes: u64) {
        self.messages = self.messages.saturating_add(1);
        self.bytes = self.bytes.saturating_add(bytes);
        if self.totals.len() as u64 > Self::MESSAGES {
            self.totals.pop_front();
        }
        self.totals.push_back(self.bytes);
    }

    /// Whether one more may be published when so many were accepted. They are not always accepted in
    /// order; what that changes is less than what the overlay keeps beyond the window.
    #[must_use]
    pub fn has_room(&self, accepted: u64) -> bool {
        let waiting = self.messages.saturating_sub(accepted);
        let before =
            usize::try_from(waiting).ok().and_then(|back| self.totals.iter().rev().nth(back));
        let bytes = before.map(|before| self.bytes.saturating_sub(*before));
        waiting < Self::MESSAGES && bytes.is_some_and(|bytes| bytes < Self::BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(bytes: u64) -> PublishWindow {
        let mut window = PublishWindow::default();
        assert!(window.has_room(0));
        for _ in 0..PublishWindow::MESSAGES + 10 {
            window.published(bytes);
        }
        window
    }

    #[test]
    fn what_waits_is_bounded_in_messages_and_bytes() {
        let large = window(2_000);
        let most = PublishWindow::BYTES / 2_000;
        let waiting =
            |window: &PublishWindow, waiting| window.has_room(window.messages() - waiting);
        assert!(waiting(&large, 0) && waiting(&large, most) && !waiting(&large, most + 1));
        let small = window(1);
        assert!(waiting(&small, PublishWindow::MESSAGES - 1));
        assert!(!waiting(&small, PublishWindow::MESSAGES) && !small.has_room(0));
        assert!(small.has_room(u64::MAX), "more was accepted than published");
    }
}
