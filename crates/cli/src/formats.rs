//! What lines of an input mean, and how payloads are printed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tatum_node::client::Delivered;

/// No relay is asked for more messages of a publisher than this.
pub(crate) const MOST_HISTORY: u64 = 16_384;

/// What a line of a publisher's input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum InputFormat {
    /// Text. A line ends with \n or \r\n, and neither is part of the message
    Lines,
    /// A JSON value; a line that is none is not sent
    Json,
    /// Bytes as they are, up to the \n; a \r before it is part of the message
    Raw,
    /// Bytes as base64, with padding
    Base64,
}

impl InputFormat {
    /// The payload that a line, without its \n, stands for.
    pub(crate) fn payload(self, line: &[u8]) -> Result<Vec<u8>, String> {
        let text = line.strip_suffix(b"\r").unwrap_or(line);
        match self {
            Self::Lines => Ok(text.to_vec()),
            Self::Json => serde_json::from_slice::<serde::de::IgnoredAny>(text)
                .map(|_| text.to_vec())
                .map_err(|error| format!("it is no JSON: {error}")),
            Self::Raw => Ok(line.to_vec()),
            Self::Base64 => {
                STANDARD.decode(text).map_err(|error| format!("it is no base64: {error}"))
            }
        }
    }
}

/// How a subscriber's messages are printed without `--json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum OutputFormat {
    /// The payload as it is, and \n
    Lines,
    /// The payload as base64, a line each, which a payload with \n in it does not tear apart
    Base64,
}

impl OutputFormat {
    /// A payload as a line.
    pub(crate) fn line(self, payload: &[u8]) -> Vec<u8> {
        match self {
            Self::Lines => [payload, b"\n"].concat(),
            Self::Base64 => format!("{}\n", STANDARD.encode(payload)).into_bytes(),
        }
    }
}

/// A payload in JSON: text under one name, other bytes under another, so that neither is taken for the other.
pub(crate) fn json_payload(payload: &[u8]) -> (&'static str, String) {
    match std::str::from_utf8(payload) {
        Ok(text) => ("payload", text.to_owned()),
        Err(_) => ("payload_base64", STANDARD.encode(payload)),
    }
}

/// A message in JSON.
pub(crate) fn json_message(message: &Delivered) -> Value {
    let mut told = json!({
        "stream": message.stream,
        "partition": message.partition,
        "publisher": message.publisher,
        // Both may be any that 63 bits hold, which JSON's numbers do not.
        "chain": message.chain.to_string(),
        "sequence": message.sequence.to_string(),
        "timestamp_ms": message.timestamp_ms,
    });
    let (name, payload) = json_payload(&message.payload);
    told[name] = payload.into();
    told
}

/// How many messages of each publisher a new subscriber asks relays for: what `oldest`, `now` and `last:N` mean.
pub(crate) fn parse_from(text: &str) -> Result<u64, String> {
    match text {
        "oldest" => Ok(MOST_HISTORY),
        "now" => Ok(0),
        _ => text
            .strip_prefix("last:")
            .and_then(|number| number.parse().ok())
            .filter(|number| *number <= MOST_HISTORY)
            .ok_or_else(|| format!("say oldest, now, or last:N with N up to {MOST_HISTORY}")),
    }
}

/// Messages in a second: more than none, and no more than timers can tell apart.
pub(crate) fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "a rate is a number, like 100 or 0.5".to_owned())?;
    if (0.001..=1_000_000.0).contains(&rate) {
        Ok(rate)
    } else {
        Err("a rate is 0.001 to 1000000 messages per second".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_its_format_says() {
        let read = |format: InputFormat, line: &[u8]| format.payload(line);
        assert_eq!(read(InputFormat::Lines, b"one\r").unwrap(), b"one");
        assert_eq!(read(InputFormat::Raw, b"one\r").unwrap(), b"one\r");
        assert_eq!(read(InputFormat::Json, b"{\"a\": 1}\r").unwrap(), b"{\"a\": 1}");
        assert!(read(InputFormat::Json, b"{a: 1}").unwrap_err().contains("no JSON"));
        assert_eq!(read(InputFormat::Base64, b"AAr/\r").unwrap(), [0, 10, 255]);
        assert!(read(InputFormat::Base64, b"A").unwrap_err().contains("no base64"));
    }

    #[test]
    fn bytes_and_text_are_told_apart_and_come_back_whole() {
        assert_eq!(json_payload(b"0x0a"), ("payload", "0x0a".to_owned()));
        let (name, text) = json_payload(&[0, 10, 255]);
        assert_eq!((name, text.as_str()), ("payload_base64", "AAr/"));
        assert_eq!(OutputFormat::Base64.line(&[0, 10, 255]), b"AAr/\n");
        assert_eq!(OutputFormat::Lines.line(b"one"), b"one\n");
    }

    #[test]
    fn a_subscription_begins_where_it_is_told() {
        assert_eq!(parse_from("now"), Ok(0));
        assert_eq!(parse_from("last:10"), Ok(10));
        assert_eq!(parse_from("oldest"), Ok(MOST_HISTORY));
        for wrong in ["", "last", "last:", "last:-1", "last:20000", "yesterday"] {
            assert!(parse_from(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_has_bounds() {
        assert_eq!(parse_rate("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "1e-300", "1e9", "NaN", "inf", "fast"] {
            assert!(parse_rate(wrong).is_err(), "{wrong}");
        }
    }
}
