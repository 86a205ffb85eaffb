//! Who may publish to a stream and subscribe to it, as its owner signed.
//!
//! A stream `0xOWNER/…` is its owner's alone until the owner signs a [`PermissionList`]; a name
//! that begins with no address is nobody's, and open to anyone. A list holds for all partitions of
//! the stream. Everybody checks the owner's signature for themselves, so whoever hands a list on
//! can withhold it, which opens nothing, but not change it.
//!
//! Invariant: of two lists of a stream the same one is newer for everybody ([`PermissionList::rank`]).
//! Source: EIP-712, with the deployment's domain.

mod book;
pub mod stated;

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tatum_primitives::{Address, B256, StreamId, keccak256};
use tatum_receipt::{SessionKey, Signature, SignatureError, Verifier};

pub use book::{Book, Entered};

/// Addresses that a list may name, publishers and subscribers together.
pub const MAX_ADDRESSES: usize = 4_096;
/// The highest version of a list, so that stores with signed numbers can hold it.
pub const MAX_VERSION: u64 = i64::MAX as u64;

static TYPE_HASH: LazyLock<B256> = LazyLock::new(|| {
    keccak256(
        "StreamPermissions(string stream,uint64 version,bool anyonePublishes,\
         bool anyoneSubscribes,address[] publishers,address[] subscribers)",
    )
});

/// Some addresses, or all there are. Written as a list in ascending order, or as `"anyone"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Audience {
    /// Everybody.
    Anyone,
    /// These, and the owner.
    Only(Arc<BTreeSet<Address>>),
}

/// What a stream's owner allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PermissionList {
    /// The stream, all its partitions.
    pub stream: StreamId,
    /// The higher one counts.
    pub version: u64,
    /// Whose messages are forwarded: the keys that sign them.
    pub publishers: Audience,
    /// Who is served and gets keys: payers, or keys that act for one.
    pub subscribers: Audience,
}

/// A list under its owner's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedPermissions {
    /// What is allowed.
    pub list: PermissionList,
    /// By the owner, over [`PermissionList::digest`].
    pub signature: Signature,
}

/// Why a list does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// Nobody can sign for such a name.
    #[error(
        "{stream} is nobody's: only a stream whose name begins with an address has permissions"
    )]
    NoOwner {
        /// The stream.
        stream: StreamId,
    },
    /// The list is too long.
    #[error("the list names {got} addresses, at most {MAX_ADDRESSES} are allowed")]
    TooLong {
        /// Addresses given.
        got: usize,
    },
    /// The version is out of range.
    #[error("version {got} is not within 1 and {MAX_VERSION}")]
    Version {
        /// The version given.
        got: u64,
    },
    /// The signature is not canonical.
    #[error("the owner's signature is refused")]
    Signature(#[from] SignatureError),
    /// Somebody else signed, or a field was changed.
    #[error("signed by {signer}, not by the owner {owner}")]
    Owner {
        /// Who signed these fields.
        signer: Address,
        /// Whose stream it is.
        owner: Address,
    },
}

impl Audience {
    /// Nobody but the owner.
    #[must_use]
    pub fn nobody() -> Self {
        Self::Only(Arc::default())
    }

    /// Whether it holds `address`.
    #[must_use]
    pub fn contains(&self, address: &Address) -> bool {
        match self {
            Self::Anyone => true,
            Self::Only(addresses) => addresses.contains(address),
        }
    }

    /// How many addresses it names.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Anyone => 0,
            Self::Only(addresses) => addresses.len(),
        }
    }

    /// Whether it names no address.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether all of it is in `other`.
    fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Anyone) => true,
            (Self::Anyone, Self::Only(_)) => false,
            (Self::Only(some), Self::Only(others)) => some.is_subset(others),
        }
    }

    /// EIP-712's encoding of the addresses, as `address[]`.
    fn hash(&self) -> B256 {
        match self {
            Self::Anyone => keccak256([]),
            Self::Only(addresses) => {
                let words: Vec<[u8; 32]> =
                    addresses.iter().map(|address| address.into_word().0).collect();
                keccak256(words.as_flattened())
            }
        }
    }
}

impl FromIterator<Address> for Audience {
    fn from_iter<T: IntoIterator<Item = Address>>(addresses: T) -> Self {
        Self::Only(Arc::new(addresses.into_iter().collect()))
    }
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Anyone => serializer.serialize_str("anyone"),
            Self::Only(addresses) => serializer.collect_seq(addresses.iter()),
        }
    }
}

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Text {
            Word(String),
            Addresses(Vec<Address>),
        }
        match Text::deserialize(deserializer)? {
            Text::Word(word) if word == "anyone" => Ok(Self::Anyone),
            Text::Word(word) => Err(D::Error::custom(format!("{word:?} is not \"anyone\""))),
            Text::Addresses(addresses) if addresses.is_sorted_by(|a, b| a < b) => {
                Ok(addresses.into_iter().collect())
            }
            Text::Addresses(_) => Err(D::Error::custom("addresses come once and in order")),
        }
    }
}

impl PermissionList {
    /// EIP-712's `hashStruct`.
    #[must_use]
    pub fn struct_hash(&self) -> B256 {
        let number = |value: u64| B256::left_padding_from(&value.to_be_bytes());
        let words = [
            *TYPE_HASH,
            keccak256(self.stream.as_str()),
            number(self.version),
            number((self.publishers == Audience::Anyone).into()),
            number((self.subscribers == Audience::Anyone).into()),
            self.publishers.hash(),
            self.subscribers.hash(),
        ];
        keccak256(words.concat())
    }

    /// What the owner signs.
    #[must_use]
    pub fn digest(&self, verifier: &Verifier) -> B256 {
        verifier.digest_of(self.struct_hash())
    }

    /// Orders the lists of a stream: by version, and those of an owner that signed two of one
    /// version in some way that is the same everywhere.
    #[must_use]
    pub fn rank(&self) -> (u64, B256) {
        (self.version, self.struct_hash())
    }

    /// Signs the list with the owner's key.
    #[must_use]
    pub fn signed(self, key: &SessionKey, verifier: &Verifier) -> SignedPermissions {
        let signature = Signature::sign(key, self.digest(verifier));
        SignedPermissions { list: self, signature }
    }

    /// How many addresses it names.
    #[must_use]
    pub fn addresses(&self) -> usize {
        self.publishers.len().saturating_add(self.subscribers.len())
    }
}

impl SignedPermissions {
    /// Checks bounds and signature; gives the owner.
    ///
    /// # Errors
    /// [`PermissionError`] says which rule is broken.
    pub fn verify(&self, verifier: &Verifier) -> Result<Address, PermissionError> {
        let list = &self.list;
        let Some(owner) = list.stream.owner() else {
            return Err(PermissionError::NoOwner { stream: list.stream.clone() });
        };
        if list.addresses() > MAX_ADDRESSES {
            return Err(PermissionError::TooLong { got: list.addresses() });
        }
        if list.version == 0 || list.version > MAX_VERSION {
            return Err(PermissionError::Version { got: list.version });
        }
        let signer = self.signature.signer(list.digest(verifier))?;
        if signer == owner { Ok(owner) } else { Err(PermissionError::Owner { signer, owner }) }
    }
}

/// What a stream allows at a node: its list, or what holds without one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Whether it is known what the owner permits; until its list has come, nothing is.
    known: bool,
    owner: Option<Address>,
    publishers: Audience,
    subscribers: Audience,
}

impl Access {
    /// Everything to anyone.
    #[must_use]
    pub const fn open() -> Self {
        Self {
            known: true,
            owner: None,
            publishers: Audience::Anyone,
            subscribers: Audience::Anyone,
        }
    }

    /// Without a list: a stream is its owner's alone, and nobody's stream is open.
    #[must_use]
    pub fn unlisted(stream: &StreamId) -> Self {
        match stream.owner() {
            None => Self::open(),
            owner => Self {
                known: false,
                owner,
                publishers: Audience::nobody(),
                subscribers: Audience::nobody(),
            },
        }
    }

    /// Under a list that was verified.
    #[must_use]
    pub fn under(list: &PermissionList) -> Self {
        Self {
            known: true,
            owner: list.stream.owner(),
            publishers: list.publishers.clone(),
            subscribers: list.subscribers.clone(),
        }
    }

    /// Whether the owner has said who may; otherwise its list is not there yet, and "no" may become "yes".
    #[must_use]
    pub const fn is_known(&self) -> bool {
        self.known
    }

    /// Whether messages signed by `publisher` are forwarded. A session key needs a permission of
    /// its own: hops that do not follow the chain cannot know for whom it acts.
    #[must_use]
    pub fn may_publish(&self, publisher: &Address) -> bool {
        self.publishers.contains(publisher) || self.owner == Some(*publisher)
    }

    /// Whether a request of `signer` on `payer`'s account is served. That the key acts for the
    /// payer is the chain's to say.
    #[must_use]
    pub fn may_subscribe(&self, payer: &Address, signer: &Address) -> bool {
        [payer, signer]
            .into_iter()
            .any(|address| self.subscribers.contains(address) || self.owner == Some(*address))
    }

    /// Whether somebody may subscribe under this who may not under `newer`, of the same stream.
    #[must_use]
    pub fn is_narrowed_by(&self, newer: &Self) -> bool {
        !self.subscribers.is_within(&newer.subscribers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tatum_primitives::Domain;

    fn key(byte: u8) -> SessionKey {
        SessionKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn verifier() -> Verifier {
        Verifier::new(Domain { chain_id: 5, stake_pool: Address::repeat_byte(1) })
    }

    fn some(bytes: &[u8]) -> Audience {
        bytes.iter().map(|byte| Address::repeat_byte(*byte)).collect()
    }

    fn list(version: u64) -> PermissionList {
        PermissionList {
            stream: StreamId::new(format!("{}/weather", key(1).address())).unwrap(),
            version,
            publishers: some(&[3]),
            subscribers: some(&[5, 4]),
        }
    }

    #[test]
    fn only_the_owner_signs_and_every_field_is_signed() {
        let good = list(7).signed(&key(1), &verifier());
        assert_eq!(good.verify(&verifier()), Ok(key(1).address()));
        let stranger = list(7).signed(&key(2), &verifier());
        assert!(matches!(stranger.verify(&verifier()), Err(PermissionError::Owner { .. })));
        let elsewhere = Verifier::new(Domain { chain_id: 6, stake_pool: Address::repeat_byte(1) });
        assert!(good.verify(&elsewhere).is_err());
        let changes: [fn(&mut PermissionList); 6] = [
            |list| list.stream = StreamId::new(format!("{}/x", list.stream)).unwrap(),
            |list| list.version = 8,
            |list| list.publishers = some(&[3, 6]),
            |list| list.subscribers = some(&[4]),
            |list| list.publishers = Audience::Anyone,
            |list| std::mem::swap(&mut list.publishers, &mut list.subscribers),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad.list);
            assert!(bad.verify(&verifier()).is_err(), "change {number}");
        }
    }

    #[test]
    fn what_nobody_owns_is_too_long_or_out_of_range_is_refused() {
        let verify = |list: PermissionList| list.signed(&key(1), &verifier()).verify(&verifier());
        let nobodys = PermissionList { stream: StreamId::new("a/b").unwrap(), ..list(1) };
        assert!(matches!(verify(nobodys), Err(PermissionError::NoOwner { .. })));
        assert_eq!(verify(list(0)), Err(PermissionError::Version { got: 0 }));
        assert!(matches!(verify(list(u64::MAX)), Err(PermissionError::Version { .. })));
        let many = |count: usize| PermissionList {
            publishers: some(&[3]),
            subscribers: (0..count)
                .map(|number| Address::left_padding_from(&number.to_be_bytes()))
                .collect(),
            ..list(1)
        };
        assert!(verify(many(MAX_ADDRESSES - 1)).is_ok());
        let got = MAX_ADDRESSES + 1;
        assert_eq!(verify(many(MAX_ADDRESSES)), Err(PermissionError::TooLong { got }));
    }

    #[test]
    fn the_signed_text_is_fixed() {
        let good = list(7).signed(&key(1), &verifier());
        let text = serde_json::to_string(&good).unwrap();
        assert!(text.contains(r#""publishers":["0x0303"#), "{text}");
        assert_eq!(serde_json::from_str::<SignedPermissions>(&text).unwrap(), good);
        let open = PermissionList { subscribers: Audience::Anyone, ..list(7) };
        let text = serde_json::to_string(&open).unwrap();
        assert!(text.contains(r#""subscribers":"anyone""#), "{text}");
        assert_eq!(serde_json::from_str::<PermissionList>(&text).unwrap(), open);
        let [a, b] = [4, 5].map(|byte| Address::repeat_byte(byte).to_string());
        for bad in [format!("[\"{b}\",\"{a}\"]"), format!("[\"{a}\",\"{a}\"]"), "\"all\"".into()] {
            assert!(serde_json::from_str::<Audience>(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_type_hash_is_that_of_the_documented_type() {
        // As any EIP-712 wallet computes it.
        let empty = PermissionList { publishers: some(&[]), subscribers: some(&[]), ..list(1) };
        let open = PermissionList { publishers: Audience::Anyone, ..empty.clone() };
        assert_ne!(empty.struct_hash(), open.struct_hash());
        let words = [
            keccak256(
                "StreamPermissions(string stream,uint64 version,bool anyonePublishes,bool \
                 anyoneSubscribes,address[] publishers,address[] subscribers)",
            ),
            keccak256(empty.stream.as_str()),
            B256::with_last_byte(1),
            B256::ZERO,
            B256::ZERO,
            keccak256([]),
            keccak256([]),
        ];
        assert_eq!(empty.struct_hash(), keccak256(words.concat()));
    }

    #[test]
    fn without_a_list_a_stream_is_its_owners_and_nobodys_is_open() {
        let (owner, other) = (key(1).address(), Address::repeat_byte(9));
        let owned = Access::unlisted(&list(1).stream);
        assert!(!owned.is_known(), "the owner has said nothing yet");
        assert!(owned.may_publish(&owner) && owned.may_subscribe(&owner, &other));
        assert!(!owned.may_publish(&other) && !owned.may_subscribe(&other, &other));
        let open = Access::unlisted(&StreamId::new("test/stream").unwrap());
        assert!(open.may_publish(&other) && open.may_subscribe(&other, &other));
    }

    #[test]
    fn a_list_permits_payers_and_keys_to_subscribe_and_keys_to_publish() {
        let access = Access::under(&list(1));
        assert!(access.is_known());
        let [three, four, nine] = [3, 4, 9].map(Address::repeat_byte);
        assert!(access.may_publish(&three) && access.may_publish(&key(1).address()));
        assert!(!access.may_publish(&four));
        assert!(access.may_subscribe(&four, &nine) && access.may_subscribe(&nine, &four));
        assert!(!access.may_subscribe(&nine, &three));
    }

    #[test]
    fn a_stream_is_narrowed_when_somebody_is_left_out() {
        let with = |subscribers| Access::under(&PermissionList { subscribers, ..list(1) });
        let (few, more, all) = (with(some(&[4])), with(some(&[4, 5])), with(Audience::Anyone));
        assert!(more.is_narrowed_by(&few) && all.is_narrowed_by(&more));
        assert!(!few.is_narrowed_by(&more) && !more.is_narrowed_by(&all));
        assert!(!more.is_narrowed_by(&more));
        assert!(!Access::unlisted(&list(1).stream).is_narrowed_by(&few));
    }

    fn any_audience() -> impl Strategy<Value = Audience> {
        prop_oneof![
            Just(Audience::Anyone),
            prop::collection::btree_set(any::<u8>(), 0..20)
                .prop_map(|bytes| bytes.into_iter().map(Address::repeat_byte).collect()),
        ]
    }

    proptest! {
        #[test]
        fn equal_digests_mean_equal_lists(
            versions in (1_u64..3, 1_u64..3),
            publishers in (any_audience(), any_audience()),
            subscribers in (any_audience(), any_audience()),
        ) {
            let list = |version, publishers, subscribers| PermissionList {
                publishers,
                subscribers,
                ..list(version)
            };
            let one = list(versions.0, publishers.0, subscribers.0);
            let other = list(versions.1, publishers.1, subscribers.1);
            prop_assert_eq!(one == other, one.struct_hash() == other.struct_hash());
            prop_assert_eq!(one == other, one.rank() == other.rank());
            let text = serde_json::to_string(&one).unwrap();
            prop_assert_eq!(serde_json::from_str::<PermissionList>(&text).unwrap(), one);
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}") {
            let _ = serde_json::from_str::<SignedPermissions>(&text);
            let _ = serde_json::from_str::<Audience>(&text);
        }
    }
}
