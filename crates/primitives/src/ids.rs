//! Ids of streams, operators and nodes, and the role a receipt pays for.
//!
//! Invariant: an id that exists is well-formed; text is checked once, where it enters.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{Address, B256, Keccak256};
use serde::{Deserialize, Serialize};

/// An operator's dense, append-only number in the registry.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct OperatorId(pub u32);

impl fmt::Display for OperatorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for OperatorId {
    type Err = std::num::ParseIntError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self)
    }
}

/// Which of a payer's processes received something. A process draws its number once and keeps it, so that several on
/// one account do not disturb each other's receipts.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ReaderId(pub u32);

impl fmt::Display for ReaderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A node's ed25519 public key.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NodeId(pub B256);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for NodeId {
    type Err = <B256 as FromStr>::Err;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(Self)
    }
}

/// A stream partition's key: `keccak256(id ‖ "#" ‖ partition in decimal)`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct StreamKey(pub B256);

impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A stream's name, such as `0xabc…/weather`: 1 to 255 bytes of printable ASCII without `#` or spaces.
///
/// Invariant: an owner's address is in small letters, however it was written, so that it names one stream.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StreamId(String);

/// Why a text is no stream id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamIdError {
    /// Empty, or longer than 255 bytes.
    #[error("a stream id has 1 to 255 bytes, this one {len}")]
    Length {
        /// Bytes in the text.
        len: usize,
    },
    /// A byte that is not printable ASCII, or `#`.
    #[error("a stream id holds printable ASCII without '#' and spaces; byte {at} is {byte:#04x}")]
    Byte {
        /// Where the byte stands.
        at: usize,
        /// The byte.
        byte: u8,
    },
    /// Capitals in the owner's address that are not its checksum (EIP-55).
    #[error(
        "{owner} is mistyped: its capitals are no checksum of it. Copy it again, or write it in small letters if it is right"
    )]
    Checksum {
        /// The address as it was written.
        owner: String,
    },
}

/// Bytes of an address as text, with its `0x`.
const ADDRESS_CHARS: usize = 42;

impl StreamId {
    /// Checks `text` and keeps it.
    pub fn new(text: impl Into<String>) -> Result<Self, StreamIdError> {
        let text = text.into();
        if text.is_empty() || text.len() > 255 {
            return Err(StreamIdError::Length { len: text.len() });
        }
        let bad = |byte: &u8| !byte.is_ascii_graphic() || *byte == b'#';
        match text.bytes().enumerate().find(|(_, byte)| bad(byte)) {
            Some((at, byte)) => Err(StreamIdError::Byte { at, byte }),
            None => Self::in_one_spelling(text).map(Self),
        }
    }

    /// `text` with its owner's address, if it has one, in small letters; capitals have to be right.
    fn in_one_spelling(text: String) -> Result<String, StreamIdError> {
        let (first, rest) = match text.find('/') {
            Some(at) => text.split_at(at),
            None => (text.as_str(), ""),
        };
        let digits = first.strip_prefix("0x").or_else(|| first.strip_prefix("0X"));
        let Some(digits) = digits.filter(|digits| {
            first.len() == ADDRESS_CHARS && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        }) else {
            return Ok(text);
        };
        let is_mixed = digits.bytes().any(|byte| byte.is_ascii_lowercase())
            && digits.bytes().any(|byte| byte.is_ascii_uppercase());
        if is_mixed && Address::parse_checksummed(format!("0x{digits}"), None).is_err() {
            return Err(StreamIdError::Checksum { owner: first.to_owned() });
        }
        Ok(format!("0x{}{rest}", digits.to_ascii_lowercase()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whose stream it is: the address before the first `/`, as in `0xabc…/weather`. A name that does not begin with an
    /// address is nobody's.
    pub fn owner(&self) -> Option<Address> {
        let first = self.0.split('/').next()?;
        let digits = first.strip_prefix("0x").filter(|digits| digits.len() == 40)?;
        digits.parse().ok()
    }

    /// The key of one partition.
    pub fn key(&self, partition: u16) -> StreamKey {
        let mut hasher = Keccak256::new();
        hasher.update(&self.0);
        hasher.update(b"#");
        hasher.update(partition.to_string());
        StreamKey(hasher.finalize())
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for StreamId {
    type Err = StreamIdError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::new(s)
    }
}

impl<'de> Deserialize<'de> for StreamId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// What the paid node did.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum Role {
    /// The payer subscribed and received from the node.
    #[default]
    Subscriber = 0,
    /// The payer published and the node accepted.
    Publisher = 1,
    /// The node served the payer from storage.
    Storage = 2,
}

/// A number that names no role.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0} is no role; 0 is subscriber, 1 publisher, 2 storage")]
pub struct UnknownRole(pub u8);

impl TryFrom<u8> for Role {
    type Error = UnknownRole;

    fn try_from(role: u8) -> Result<Self, Self::Error> {
        match role {
            0 => Ok(Self::Subscriber),
            1 => Ok(Self::Publisher),
            2 => Ok(Self::Storage),
            other => Err(UnknownRole(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::keccak256;

    #[test]
    fn stream_key_hashes_id_and_decimal_partition() {
        let id = StreamId::new("0xabc/weather").unwrap();
        assert_eq!(id.key(12).0, keccak256("0xabc/weather#12"));
    }

    #[test]
    fn a_stream_belongs_to_the_address_that_its_name_begins_with() {
        let owner = Address::repeat_byte(0xab);
        let of = |text: String| StreamId::new(text).unwrap().owner();
        assert_eq!(of(format!("{owner:#x}/weather")), Some(owner));
        assert_eq!(of(format!("{owner}/a/b")), Some(owner), "in any case");
        assert_eq!(of(format!("{owner:#x}")), Some(owner));
        assert_eq!(of(format!("{owner:#x}0/weather")), None);
        assert_eq!(of(format!("{owner:x}/weather")), None);
        assert_eq!(of("0x12/weather".to_owned()), None);
        assert_eq!(of(format!("acme/{owner:#x}")), None);
    }

    #[test]
    fn an_owners_address_has_one_spelling_and_a_wrong_checksum_is_noticed() {
        let owner: Address = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266".parse().unwrap();
        let small = StreamId::new(format!("{owner:#x}/Weather")).unwrap();
        let capitals = format!("{owner:#x}").to_uppercase();
        for written in [owner.to_string(), capitals.clone(), capitals.replace("0X", "0x")] {
            let stream = StreamId::new(format!("{written}/Weather")).unwrap();
            assert_eq!((stream.as_str(), stream.key(0)), (small.as_str(), small.key(0)));
        }
        let mistyped = owner.to_string().replace("F39F", "f39F").replace("92266", "92267");
        let error = StreamId::new(format!("{mistyped}/weather")).unwrap_err();
        assert_eq!(error, StreamIdError::Checksum { owner: mistyped });
        // What is no address keeps its capitals.
        assert_eq!(StreamId::new("Acme/W").unwrap().as_str(), "Acme/W");
    }

    #[test]
    fn stream_ids_are_checked() {
        assert_eq!(StreamId::new(""), Err(StreamIdError::Length { len: 0 }));
        assert_eq!(StreamId::new("a#1"), Err(StreamIdError::Byte { at: 1, byte: b'#' }));
        assert_eq!(StreamId::new("a b"), Err(StreamIdError::Byte { at: 1, byte: b' ' }));
        assert!(StreamId::new("x".repeat(256)).is_err());
        assert!(serde_json::from_str::<StreamId>("\"a#b\"").is_err());
    }
}
