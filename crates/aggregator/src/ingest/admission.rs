//! How much work is let in: bytes under way in all, and requests under way per client.
//!
//! Invariant: memory held by requests is bounded whatever arrives; one client cannot take more than a part of it. What was
//! taken is given back when the [`Admission`] is dropped.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::ApiError;

/// Bounds of the intake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// The largest body, in bytes.
    pub body_bytes: usize,
    /// The most receipts in one request.
    pub receipts_per_request: usize,
    /// Bytes of bodies under way at the same time.
    pub bytes_under_way: usize,
    /// Requests of one client (by IP address) under way at the same time.
    pub requests_per_client: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 8 * 1024 * 1024,
            receipts_per_request: 20_000,
            bytes_under_way: 64 * 1024 * 1024,
            requests_per_client: 64,
        }
    }
}

/// Lets requests in.
#[derive(Clone, Debug)]
pub(super) struct Gate {
    pub(super) limits: Limits,
    bytes: Arc<Semaphore>,
    clients: Arc<Mutex<HashMap<IpAddr, UnderWay>>>,
}

/// What one client has under way.
#[derive(Clone, Copy, Debug, Default)]
struct UnderWay {
    requests: usize,
    bytes: usize,
}

/// The part of all bytes under way that one client may have: one in so many.
const BYTES_SHARE: usize = 4;
/// The part of a client's requests under way that one with a poor record may have: one in so many.
const POOR_SHARE: usize = 8;

/// A request that was let in.
#[derive(Debug)]
pub struct Admission {
    _bytes: OwnedSemaphorePermit,
    clients: Arc<Mutex<HashMap<IpAddr, UnderWay>>>,
    client: IpAddr,
    length: usize,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        let bytes = Arc::new(Semaphore::new(limits.bytes_under_way.min(Semaphore::MAX_PERMITS)));
        Self { limits, bytes, clients: Arc::default() }
    }

    /// Lets in a request of `client`, whose record may be `poor`, with a body of `length` bytes or an unknown number.
    pub(super) fn admit(
        &self,
        client: IpAddr,
        length: Option<u64>,
        poor: bool,
    ) -> Result<Admission, ApiError> {
        let Limits { body_bytes: limit, requests_per_client, bytes_under_way, .. } = self.limits;
        let length = length.map_or(limit, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if length > limit {
            return Err(ApiError::TooLarge { what: "the body in bytes", limit });
        }
        let requests = if poor { requests_per_client / POOR_SHARE } else { requests_per_client };
        let bytes = bytes_under_way / BYTES_SHARE;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let held = clients.get(&client).copied().unwrap_or_default();
        // A client's only request is always let in, however small its share.
        if held.requests > 0
            && (held.requests >= requests || held.bytes.saturating_add(length) > bytes)
        {
            return Err(ApiError::TooManyRequests);
        }
        let permits = u32::try_from(length).unwrap_or(u32::MAX);
        let permits = Arc::clone(&self.bytes).try_acquire_many_owned(permits);
        let permits = permits.map_err(|_| ApiError::Busy)?;
        let taken = UnderWay {
            requests: held.requests.saturating_add(1),
            bytes: held.bytes.saturating_add(length),
        };
        clients.insert(client, taken);
        let clients = Arc::clone(&self.clients);
        Ok(Admission { _bytes: permits, clients, client, length })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(held) = clients.get_mut(&self.client) else { return };
        held.requests = held.requests.saturating_sub(1);
        held.bytes = held.bytes.saturating_sub(self.length);
        if held.requests == 0 {
            clients.remove(&self.client);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
    const OTHER: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);

    fn gate() -> Gate {
        let limits = Limits {
            body_bytes: 100,
            bytes_under_way: 250,
            requests_per_client: 2,
            ..Limits::default()
        };
        Gate::new(limits)
    }

    #[test]
    fn a_client_has_so_many_requests_under_way() {
        let gate = gate();
        let first = gate.admit(ONE, Some(1), false).unwrap();
        let _second = gate.admit(ONE, Some(1), false).unwrap();
        assert!(matches!(gate.admit(ONE, Some(1), false), Err(ApiError::TooManyRequests)));
        let _other = gate.admit(OTHER, Some(1), false).unwrap();
        drop(first);
        assert!(gate.admit(ONE, Some(1), true).is_err(), "a poor record has less");
        assert!(gate.admit(ONE, Some(1), false).is_ok());
    }

    #[test]
    fn a_client_has_a_part_of_the_bytes_and_always_one_request() {
        let gate = gate();
        let large = gate.admit(ONE, Some(100), true).unwrap();
        assert!(matches!(gate.admit(ONE, Some(1), false), Err(ApiError::TooManyRequests)));
        drop(large);
        let _half = gate.admit(ONE, Some(50), false).unwrap();
        assert!(gate.admit(ONE, Some(13), false).is_err());
        assert!(gate.admit(ONE, Some(12), false).is_ok());
    }

    #[test]
    fn bytes_under_way_are_bounded_and_given_back() {
        let gate = gate();
        let third = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 3));
        let whole =
            (gate.admit(ONE, None, false).unwrap(), gate.admit(OTHER, Some(100), false).unwrap());
        assert!(matches!(gate.admit(third, Some(51), false), Err(ApiError::Busy)));
        assert!(gate.admit(third, Some(50), false).is_ok());
        drop(whole);
        assert!(gate.admit(third, Some(100), false).is_ok());
        let large = gate.admit(third, Some(101), false);
        assert!(matches!(large, Err(ApiError::TooLarge { limit: 100, .. })));
        assert!(gate.clients.lock().unwrap().is_empty());
    }
}
