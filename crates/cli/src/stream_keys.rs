//! Streams as people name them: by id and partition, or by key.
//!
//! Invariant: what is no stream is refused with what one looks like.

use tatum_primitives::StreamKey;

use crate::args::StreamArg;

/// A stream partition by its name or by its key.
pub(crate) fn parse_stream(text: &str) -> Result<StreamKey, String> {
    let is_key = text.len() == 66 && !text.contains('/');
    match text.parse() {
        Ok(key) if is_key => Ok(StreamKey(key)),
        _ => text.parse::<StreamArg>().map(|stream| stream.key()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_goes_by_its_name_or_by_its_key() {
        let named: StreamArg = "acme/weather#3".parse().unwrap();
        assert_eq!(parse_stream("acme/weather#3"), Ok(named.key()));
        assert_eq!(parse_stream(&named.key().to_string()), Ok(named.key()));
        assert!(parse_stream("0x12/weather").is_err());
        assert!(parse_stream(&named.key().to_string()[..65]).is_err());
    }
}
