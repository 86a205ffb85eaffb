//! How much work is let in: bytes under way in all, and requests under way per client.
//!
//! Invariant: memory held by requests is bounded whatever arrives; one client cannot take all of it. Both limits are given
//! back when the [`Admission`] is dropped.

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
    clients: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A request that was let in.
#[derive(Debug)]
pub struct Admission {
    _bytes: OwnedSemaphorePermit,
    clients: Arc<Mutex<HashMap<IpAddr, usize>>>,
    client: IpAddr,
}

impl Gate {
    pub(super) fn new(limits: Limits) -> Self {
        let bytes = Arc::new(Semaphore::new(limits.bytes_under_way.min(Semaphore::MAX_PERMITS)));
        Self { limits, bytes, clients: Arc::default() }
    }

    /// Lets in a request of `client` whose body has `length` bytes, or an unknown number.
    pub(super) fn admit(&self, client: IpAddr, length: Option<u64>) -> Result<Admission, ApiError> {
        let limit = self.limits.body_bytes;
        let length = length.map_or(limit, |length| usize::try_from(length).unwrap_or(usize::MAX));
        if length > limit {
            return Err(ApiError::TooLarge { what: "the body in bytes", limit });
        }
        let permits = u32::try_from(length).unwrap_or(u32::MAX);
        let bytes = Arc::clone(&self.bytes).try_acquire_many_owned(permits);
        let bytes = bytes.map_err(|_| ApiError::Busy)?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let under_way = clients.entry(client).or_default();
        if *under_way >= self.limits.requests_per_client {
            return Err(ApiError::TooManyRequests);
        }
        *under_way = under_way.saturating_add(1);
        Ok(Admission { _bytes: bytes, clients: Arc::clone(&self.clients), client })
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let left = clients.get(&self.client).map_or(0, |under_way| under_way.saturating_sub(1));
        if left == 0 {
            clients.remove(&self.client);
        } else {
            clients.insert(self.client, left);
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
        let first = gate.admit(ONE, Some(1)).unwrap();
        let _second = gate.admit(ONE, Some(1)).unwrap();
        assert!(matches!(gate.admit(ONE, Some(1)), Err(ApiError::TooManyRequests)));
        let _other = gate.admit(OTHER, Some(1)).unwrap();
        drop(first);
        assert!(gate.admit(ONE, Some(1)).is_ok());
    }

    #[test]
    fn bytes_under_way_are_bounded_and_given_back() {
        let gate = gate();
        let whole = (gate.admit(ONE, None).unwrap(), gate.admit(OTHER, Some(100)).unwrap());
        assert!(matches!(gate.admit(ONE, Some(51)), Err(ApiError::Busy)));
        assert!(gate.admit(ONE, Some(50)).is_ok());
        drop(whole);
        assert!(gate.admit(ONE, Some(100)).is_ok());
        assert!(matches!(gate.admit(ONE, Some(101)), Err(ApiError::TooLarge { limit: 100, .. })));
        assert!(gate.clients.lock().unwrap().is_empty());
    }
}
