//! How a node and a tracker come to know each other: it challenges, the node says who it is, it welcomes the node.
//!
//! Invariant: of what a tracker says before its welcome nothing else counts, and no other key answers than the one that was named.

use std::net::SocketAddr;

use tatum_primitives::NodeId;

use super::{FromTracker, RelayOffer, ToTracker, VERSION, sign_hello};
use crate::NodeKey;

/// What a tracker welcomes a node with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// Its STUN service.
    pub stun: Option<SocketAddr>,
    /// Its clock.
    pub at_ms: u64,
}

/// The hello that answers a challenge, and the tracker's key, which is `pinned` if that is known.
///
/// # Errors
/// Says what is wrong with what the tracker said first.
pub fn answer_challenge(
    said: &FromTracker,
    pinned: Option<NodeId>,
    key: &NodeKey,
    relay: Option<RelayOffer>,
    incarnation: u64,
) -> Result<(NodeId, ToTracker), String> {
    let FromTracker::Challenge { nonce, tracker, version } = *said else {
        return Err("the tracker did not challenge us".to_owned());
    };
    if version != VERSION {
        return Err(format!("the tracker speaks version {version}, we speak {VERSION}"));
    }
    if pinned.is_some_and(|pinned| pinned != tracker) {
        return Err(format!("the tracker's key is {tracker}, not the configured one"));
    }
    Ok((tracker, sign_hello(key, tracker, nonce, relay, incarnation)))
}

/// What a tracker said to a hello.
///
/// # Errors
/// Says why it is no welcome.
pub fn welcome(said: FromTracker) -> Result<Welcome, String> {
    match said {
        FromTracker::Welcome { stun, at_ms } => Ok(Welcome { stun, at_ms }),
        FromTracker::Refused { reason } => Err(format!("the tracker refused us: {reason}")),
        // Whatever it says before its welcome is not for us yet.
        FromTracker::KeyInUse
        | FromTracker::Challenge { .. }
        | FromTracker::Carry { .. }
        | FromTracker::Leased(_)
        | FromTracker::Permissions(_)
        | FromTracker::Release { .. }
        | FromTracker::Assign(_)
        | FromTracker::Signal { .. }
        | FromTracker::KeyAsked { .. }
        | FromTracker::KeyGiven { .. } => Err("the tracker did not welcome us".to_owned()),
    }
}

/// How far a clock that showed `at_ms` is ahead of ours, which showed the other two just before and just after.
#[must_use]
pub fn ahead_ms(at_ms: u64, before_ms: u64, after_ms: u64) -> i64 {
    let ours_ms = before_ms.midpoint(after_ms);
    let apart_ms = i64::try_from(at_ms.abs_diff(ours_ms)).unwrap_or(i64::MAX);
    if at_ms >= ours_ms { apart_ms } else { apart_ms.saturating_neg() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::B256;

    #[test]
    fn a_clock_is_compared_with_the_middle_of_the_question() {
        assert_eq!(ahead_ms(1_500, 1_000, 1_200), 400);
        assert_eq!(ahead_ms(1_000, 1_400, 1_600), -500);
        assert_eq!(ahead_ms(u64::MAX, 0, 0), i64::MAX);
        assert_eq!(ahead_ms(0, u64::MAX, u64::MAX), -i64::MAX);
    }

    #[test]
    fn only_the_named_tracker_of_our_version_hears_who_we_are() {
        let (key, tracker) = (NodeKey::from_bytes(&[1; 32]), NodeKey::from_bytes(&[2; 32]).id());
        let challenge =
            |version| FromTracker::Challenge { nonce: B256::repeat_byte(3), tracker, version };
        let answer = |said: &FromTracker, pinned| {
            answer_challenge(said, pinned, &key, None, 4).map(|of| of.0)
        };
        assert_eq!(answer(&challenge(VERSION), None), Ok(tracker));
        assert_eq!(answer(&challenge(VERSION), Some(tracker)), Ok(tracker));
        assert!(answer(&challenge(VERSION), Some(key.id())).unwrap_err().contains("configured"));
        assert!(answer(&challenge(VERSION - 1), None).unwrap_err().contains("version"));
        assert!(answer(&FromTracker::KeyInUse, None).unwrap_err().contains("challenge"));
        let refused = FromTracker::Refused { reason: "it is full".to_owned() };
        assert!(welcome(refused).unwrap_err().contains("it is full"));
        assert!(welcome(challenge(VERSION)).unwrap_err().contains("welcome"));
    }
}
