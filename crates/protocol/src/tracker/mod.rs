//! What a tracker and its nodes say to each other: JSON texts on one WebSocket.
//!
//! Invariant: a hello is signed over the tracker's fresh challenge, a signal by its sender over both ends and its body, and an
//! assignment by the tracker; a field that nobody knows spoils the text.

mod assignment;
mod from_tracker;
mod hello;
mod introduction;
mod signal;
mod to_tracker;

pub use assignment::{Assignment, Neighbour};
pub use from_tracker::FromTracker;
pub use hello::{sign_hello, verify_hello};
pub use introduction::{Welcome, ahead_ms, answer_challenge, welcome};
pub use signal::{Signal, SignalKind};
pub use to_tracker::{RelayOffer, ToTracker};

/// The version this code speaks. The first one knew streams by their keys only, so that nobody could tell whose they are; the
/// second knew of no other trackers; the third wrote incarnations and sessions as numbers, which JavaScript rounds; the fourth
/// told neither the time nor that a key is in use elsewhere; the fifth did not tell how long links take.
pub const VERSION: u32 = 6;
/// The largest text that a tracker accepts.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The largest text that a node accepts: a permission list of the greatest length, and some more.
pub const MAX_TRACKER_TEXT_BYTES: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tatum_primitives::StreamId;

    use super::*;
    use crate::{NodeKey, Stream};

    /// JSON of the right words in any order and number, which comes further than noise does.
    fn any_text() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"type\"",
            "\"hello\"",
            "\"join\"",
            "\"signal\"",
            "\"stream\"",
            "\"account\"",
            "\"lease\"",
            "\"claim\"",
            "\"evidence\"",
            "\"assign\"",
            "\"neighbours\"",
            "\"signature\"",
            "\"0x\"",
            "\"abc\"",
            "null",
            "-1",
            "1e400",
            "18446744073709551616",
            "\"\\ud800\"",
        ]);
        prop_oneof![prop::collection::vec(word, 0..60).prop_map(|words| words.concat()), ".{0,300}",]
    }

    proptest! {
        #[test]
        fn no_text_makes_the_protocol_panic(text in any_text()) {
            let _ = serde_json::from_str::<ToTracker>(&text);
            let _ = serde_json::from_str::<FromTracker>(&text);
        }

        #[test]
        fn no_changed_text_makes_the_protocol_panic(
            at in any::<prop::sample::Index>(),
            with in any::<char>(),
        ) {
            let a = NodeKey::from_bytes(&[1; 32]);
            let signal = Signal::sign(&a, a.id(), SignalKind::Offer, 7, "v=0".to_owned());
            let text = serde_json::to_string(&ToTracker::Signal { to: a.id(), signal }).unwrap();
            let at = at.index(text.len());
            let changed = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            if let Ok(ToTracker::Signal { to, signal }) = serde_json::from_str(&changed) {
                let same = serde_json::to_string(&ToTracker::Signal { to, signal: signal.clone() });
                prop_assert!(same.unwrap() == text || !signal.verify(a.id(), to));
            }
        }
    }

    #[test]
    fn texts_are_read_back_and_unknown_fields_refused() {
        let stream = Stream::new(StreamId::new("a/b").unwrap(), 1);
        let join = ToTracker::Join { stream, account: None };
        let text = serde_json::to_string(&join).unwrap();
        assert_eq!(text, r#"{"type":"join","stream":{"id":"a/b","partition":1}}"#);
        assert_eq!(serde_json::from_str::<ToTracker>(&text).unwrap(), join);
        let more = text.replace("}}", r#"},"extra":1}"#);
        assert!(serde_json::from_str::<ToTracker>(&more).is_err());
    }
}
