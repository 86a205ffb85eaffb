//! The trackers of a deployment, and which of them is responsible for what.
//!
//! Invariant: where there are several, each is known by its key, so everybody who has the same list
//! finds the same one; nobody has to ask, and the list's order does not matter.

use std::str::FromStr;
use std::time::Duration;

use tatum_primitives::{B256, NodeId};
use tatum_tracker::rendezvous::ranked_by_keys;

use crate::NodeError;

const PATH: &str = "/v1/tracker";

/// Where a tracker is and, if that is known, which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackerAddress {
    url: String,
    key: Option<NodeId>,
}

impl TrackerAddress {
    /// Where its WebSocket is.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The only key that is accepted there.
    #[must_use]
    pub const fn key(&self) -> Option<NodeId> {
        self.key
    }

    /// Where it answers HTTP requests.
    #[must_use]
    pub fn http_url(&self) -> String {
        let base = self.url.strip_suffix(PATH).unwrap_or(&self.url);
        match base.strip_prefix("wss://") {
            Some(rest) => format!("https://{rest}"),
            None => base.replacen("ws://", "http://", 1),
        }
    }
}

/// `URL` or `URL#KEY`, as people write it: a web address or a WebSocket's.
impl FromStr for TrackerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (url, key) = match text.split_once('#') {
            Some((url, key)) => (url, Some(key)),
            None => (text, None),
        };
        let base = url.trim_end_matches('/');
        let (scheme, rest) = match base.split_once("://") {
            Some(("http" | "ws", rest)) if !rest.is_empty() => ("ws", rest),
            Some(("https" | "wss", rest)) if !rest.is_empty() => ("wss", rest),
            _ => {
                return Err(format!(
                    "{url:?} is not a tracker's URL; it looks like https://tracker.example:7080"
                ));
            }
        };
        let path = if rest.ends_with(PATH) { "" } else { PATH };
        let key = key.map(|key| key.parse().map_err(|_| format!("{key:?} is not a tracker's key")));
        Ok(Self { url: format!("{scheme}://{rest}{path}"), key: key.transpose()? })
    }
}

/// When a stream changes its tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handover {
    /// A tracker that is gone for longer is replaced by the next one; a plain restart is over by then.
    pub patience: Duration,
    /// A tracker that is back gets its streams after this.
    pub return_after: Duration,
    /// Neighbours that the tracker before assigned are kept for this long after the next one assigned some.
    pub linger: Duration,
}

impl Default for Handover {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(10),
            return_after: Duration::from_secs(30),
            linger: Duration::from_secs(60),
        }
    }
}

/// The trackers of a deployment.
#[derive(Debug, Clone)]
pub struct Trackers {
    list: Vec<TrackerAddress>,
    /// When a stream changes its tracker.
    pub handover: Handover,
}

impl Trackers {
    /// The most that a list has: a node keeps a connection to each.
    pub const MAX: usize = 64;

    /// A list that everybody in the deployment has.
    ///
    /// # Errors
    /// [`NodeError::Trackers`] if it is empty or too long, if a tracker stands there twice, or if there
    /// are several and one has no key.
    pub fn new(list: Vec<TrackerAddress>) -> Result<Self, NodeError> {
        let wrong = |reason: String| Err(NodeError::Trackers(reason));
        if list.is_empty() || list.len() > Self::MAX {
            return wrong(format!("a list has 1 to {} trackers, not {}", Self::MAX, list.len()));
        }
        if let [_, _, ..] = list.as_slice()
            && let Some(unknown) = list.iter().find(|tracker| tracker.key.is_none())
        {
            return wrong(format!(
                "of several trackers each needs its key, as in {}#0x…, so that everybody finds the same one for a \
                 stream; `/status` of the tracker names it",
                unknown.http_url()
            ));
        }
        for (place, tracker) in list.iter().enumerate() {
            let same = |other: &&TrackerAddress| {
                other.url == tracker.url || (other.key.is_some() && other.key == tracker.key)
            };
            if let Some(twice) = list.iter().take(place).find(same) {
                let (one, other) = (twice.http_url(), tracker.http_url());
                return wrong(format!("{one} and {other} are one tracker"));
            }
        }
        Ok(Self { list, handover: Handover::default() })
    }

    /// All of them, as they were given.
    #[must_use]
    pub fn list(&self) -> &[TrackerAddress] {
        &self.list
    }

    /// All of them, the one that is responsible for `key` first.
    #[must_use]
    pub fn ranked(&self, key: B256) -> Vec<&TrackerAddress> {
        let places = ranked_by_keys(self.list.iter().map(TrackerAddress::key), key);
        places.into_iter().filter_map(|place| self.list.get(place)).collect()
    }
}

/// A single tracker, whatever its key.
impl From<String> for Trackers {
    fn from(url: String) -> Self {
        Self { list: vec![TrackerAddress { url, key: None }], handover: Handover::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0x0000000000000000000000000000000000000000000000000000000000000001";

    fn list(texts: &[&str]) -> Result<Trackers, String> {
        let list = texts.iter().map(|text| text.parse()).collect::<Result<_, String>>()?;
        Trackers::new(list).map_err(|error| error.to_string())
    }

    #[test]
    fn a_tracker_is_named_by_its_web_address_and_its_key() {
        let parse = |text: &str| text.parse::<TrackerAddress>();
        let url = "ws://127.0.0.1:7080/v1/tracker";
        for text in ["http://127.0.0.1:7080/", "ws://127.0.0.1:7080", url] {
            let tracker = parse(text).unwrap();
            assert_eq!((tracker.url(), tracker.key()), (url, None));
            assert_eq!(tracker.http_url(), "http://127.0.0.1:7080");
        }
        let tracker = parse(&format!("https://t.example/eu/#{KEY}")).unwrap();
        assert_eq!(tracker.url(), "wss://t.example/eu/v1/tracker");
        assert_eq!(tracker.http_url(), "https://t.example/eu");
        assert_eq!(tracker.key(), Some(KEY.parse().unwrap()));
        assert!(parse("127.0.0.1:7080").unwrap_err().contains("looks like https://"));
        assert!(parse("http://").is_err());
        assert!(parse("http://a#0x12").unwrap_err().contains("\"0x12\""));
    }

    #[test]
    fn of_several_trackers_each_has_a_key_of_its_own() {
        assert_eq!(list(&["http://a"]).unwrap().list().len(), 1);
        let other = KEY.replace("01", "02");
        let (a, b) = (format!("http://a#{KEY}"), format!("https://b#{other}"));
        assert_eq!(list(&[&a, &b]).unwrap().list().len(), 2);
        let error = list(&[&a, "https://b"]).unwrap_err();
        assert!(error.contains("as in https://b#0x…"), "{error}");
        let error = list(&[&a, &format!("http://b#{KEY}")]).unwrap_err();
        assert!(error.contains("are one tracker"), "{error}");
        assert!(list(&[&a, &format!("http://a#{other}")]).is_err());
        assert!(list(&[]).is_err());
    }

    #[test]
    fn everybody_finds_the_same_tracker_for_a_key() {
        let other = KEY.replace("01", "02");
        let (a, b) = (format!("http://a#{KEY}"), format!("https://b#{other}"));
        let (one, reversed) = (list(&[&a, &b]).unwrap(), list(&[&b, &a]).unwrap());
        for byte in 0..50 {
            let key = B256::repeat_byte(byte);
            assert_eq!(one.ranked(key), reversed.ranked(key));
        }
    }
}
