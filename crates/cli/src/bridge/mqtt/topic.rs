//! Topics: a stream's id as it is, `?partition=3` behind it for another partition than 0.
//!
//! Invariant: a topic is one stream partition, and no filter is more than one.

use mqute_codec::protocol::v5::ReasonCode;
use tatum_node::client::Stream;

use crate::args::StreamArg;

/// What stands before a partition's number.
const PARTITION: &str = "?partition=";
/// What a subscription that is shared with others begins with.
const SHARED: &str = "$share/";

/// The stream partition of a topic.
pub(super) fn stream(topic: &str) -> Result<Stream, String> {
    let (id, partition) = topic.rsplit_once(PARTITION).unwrap_or((topic, "0"));
    let named: StreamArg = format!("{id}#{partition}").parse()?;
    Ok(named.named())
}

/// The stream partition that a filter names.
pub(super) fn filtered(filter: &str) -> Result<Stream, (ReasonCode, String)> {
    let refused = |code, why: &str| Err((code, why.to_owned()));
    if filter.starts_with(SHARED) {
        let why = "a subscription is not shared among clients";
        return refused(ReasonCode::SharedSubscriptionsNotSupported, why);
    }
    if filter.contains(['+', '#']) {
        let why = "a topic is one stream's id: there are no wildcards";
        return refused(ReasonCode::WildcardSubscriptionsNotSupported, why);
    }
    stream(filter).map_err(|why| (ReasonCode::TopicFilterInvalid, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_a_stream_and_its_partition() {
        let read =
            |topic: &str| stream(topic).map(|stream| (stream.id.to_string(), stream.partition));
        let owner = format!("0x{}/weather/roof", "ab".repeat(20));
        assert_eq!(read(&owner), Ok((owner.clone(), 0)));
        assert_eq!(read(&format!("{owner}?partition=7")), Ok((owner, 7)));
        assert_eq!(read("a?b"), Ok(("a?b".to_owned(), 0)));
        for wrong in ["", "a b", "0xabc/weather", "a?partition=", "a?partition=70000", "a#0"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_filter_of_more_than_one_stream_is_refused_by_what_it_is() {
        let code = |filter| filtered(filter).map_err(|(code, _)| code).err();
        assert_eq!(code("acme/weather"), None);
        for wildcard in ["#", "acme/#", "+/weather", "acme/+"] {
            assert_eq!(code(wildcard), Some(ReasonCode::WildcardSubscriptionsNotSupported));
        }
        let shared = Some(ReasonCode::SharedSubscriptionsNotSupported);
        assert_eq!(code("$share/group/acme/#"), shared);
        assert_eq!(code("0xabc/weather"), Some(ReasonCode::TopicFilterInvalid));
    }
}
