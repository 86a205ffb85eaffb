//! Permission lists that are stated rather than posted: for tests.
//!
//! Invariant: all of them are of one owner in one deployment.

use tatum_primitives::{Address, Domain, StreamId};
use tatum_receipt::{SessionKey, Verifier};

use super::{Audience, PermissionList, SignedPermissions};

/// The deployment that stated lists are signed for.
#[must_use]
pub fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 5, stake_pool: Address::repeat_byte(1) })
}

/// A list of the owner's stream with this name: nobody else publishes, and one subscribes.
#[must_use]
pub fn list(name: &str, version: u64, subscriber: u8) -> SignedPermissions {
    let key = SessionKey::from_bytes(&[7; 32]).unwrap_or_else(|_| unreachable!("it is a key"));
    let stream = StreamId::new(format!("{}/{name}", key.address()));
    let list = PermissionList {
        stream: stream.unwrap_or_else(|_| unreachable!("short names are names")),
        version,
        publishers: Audience::nobody(),
        subscribers: [Address::repeat_byte(subscriber)].into_iter().collect(),
    };
    list.signed(&key, &verifier())
}
