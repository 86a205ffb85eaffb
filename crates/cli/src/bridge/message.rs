//! How messages look outside: their names, and their JSON.
//!
//! Invariant: a message's name is `PUBLISHER/CHAIN/NUMBER`, and it is what a reader goes on after.

use serde_json::{Value, json};
use tatum_node::client::{Acceptance, Delivered, Item, Position};
use tatum_primitives::{Address, StreamKey};

use crate::formats::json_message;

/// A message's name.
fn name(publisher: &Address, chain: u64, sequence: u64) -> String {
    format!("{publisher:#x}/{chain}/{sequence}")
}

/// What a message that was read is called.
pub(super) fn name_of_read(message: &Delivered) -> String {
    name(&message.publisher, message.chain, message.sequence)
}

/// The message, for readers that are told of nothing else; that one is missed is in the log.
pub(super) fn readable(item: &Item) -> Option<&Delivered> {
    match item {
        Item::Message(message) => return Some(message),
        Item::Gap(gap) => tracing::warn!(
            publisher = %gap.publisher, first = gap.first, last = gap.last,
            "a reader misses messages that no relay has any more"
        ),
        Item::Unreadable(message) => tracing::warn!(
            publisher = %message.publisher, sequence = message.sequence,
            "a reader misses a message under a group key that nobody gave us"
        ),
    }
    None
}

/// What a published message is called.
pub(super) fn name_of(acceptance: &Acceptance) -> String {
    name(&acceptance.publisher, acceptance.chain, acceptance.sequence)
}

/// Where a reader goes on that has dealt with the message of this name.
pub(super) fn after(text: &str, stream: StreamKey) -> Result<Position, String> {
    let read = || {
        let mut parts = text.split('/');
        let publisher = parts.next()?.parse().ok()?;
        let chain = parts.next()?.parse().ok()?;
        let sequence: u64 = parts.next()?.parse().ok()?;
        let next = sequence.checked_add(1).filter(|_| parts.next().is_none())?;
        Some(Position { stream, publisher, chain, next })
    };
    read().ok_or_else(|| {
        format!("{text:?} names no message; a name is PUBLISHER/CHAIN/NUMBER, as each message has it in id")
    })
}

/// What a reader is told: of what kind it is, the name if it has one, and the rest.
pub(super) struct Told {
    pub(super) kind: &'static str,
    pub(super) name: Option<String>,
    pub(super) json: Value,
}

impl Told {
    pub(super) fn of(item: &Item) -> Self {
        match item {
            Item::Message(message) => {
                let name = name_of_read(message);
                let mut json = json_message(message);
                json["id"] = name.clone().into();
                Self { kind: "message", name: Some(name), json }
            }
            Item::Gap(gap) => {
                let json = json!({
                    "stream": gap.stream,
                    "publisher": gap.publisher,
                    "chain": gap.chain.to_string(),
                    "first": gap.first.to_string(),
                    "last": gap.last.to_string(),
                });
                Self { kind: "gap", name: None, json }
            }
            Item::Unreadable(message) => {
                Self { kind: "unreadable", name: None, json: json!(message) }
            }
        }
    }

    /// As a line: what is no message is below the name of its kind.
    pub(super) fn line(self) -> String {
        match self.kind {
            "message" => format!("{}\n", self.json),
            kind => format!("{}\n", json!({ kind: self.json })),
        }
    }
}

#[cfg(test)]
mod tests {
    use tatum_primitives::B256;

    use super::*;

    #[test]
    fn a_reader_goes_on_after_the_message_that_it_names() {
        let (stream, publisher) = (StreamKey(B256::ZERO), Address::repeat_byte(0xab));
        let text = name(&publisher, u64::MAX, 41);
        assert_eq!(text, format!("0x{}/18446744073709551615/41", "ab".repeat(20)));
        let expected = Position { stream, publisher, chain: u64::MAX, next: 42 };
        assert_eq!(after(&text, stream).unwrap(), expected);
        for wrong in ["", "0xab/1/1", &format!("{text}/1"), &format!("{publisher}/1")] {
            assert!(after(wrong, stream).unwrap_err().contains("names no message"), "{wrong}");
        }
        let last = format!("{publisher}/1/{}", u64::MAX);
        assert!(after(&last, stream).is_err());
    }
}
