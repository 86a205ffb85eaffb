//! How much one client may ask: so many requests a second, more for a moment.
//!
//! Invariant: memory is bounded whatever addresses knock: who has not asked for long enough to have its full allowance again
//! is forgotten, and while [`MOST_CLIENTS`] are remembered that have not, a new one is turned away. An IPv6 client is its /64.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tatum_protocol::ProblemKind;

use crate::error::ApiError;

/// Clients remembered at once.
const MOST_CLIENTS: usize = 65_536;
/// For a moment a client may ask as much as in so many seconds.
const BURST_S: f64 = 4.0;
/// How often, at most, all clients are looked at.
const SWEPT_EVERY: Duration = Duration::from_secs(1);

/// What clients may ask.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    per_second: f64,
    clients: Arc<Mutex<Clients>>,
}

#[derive(Debug, Default)]
struct Clients {
    allowances: HashMap<IpAddr, Allowance>,
    /// When those that have their full allowance again were last looked for among all.
    swept: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Allowance {
    requests: f64,
    at: Instant,
}

impl Limits {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second: f64::from(per_second), clients: Arc::default() }
    }

    fn admits(&self, client: IpAddr, now: Instant) -> bool {
        let full = self.per_second * BURST_S;
        let grown = |allowance: &Allowance| {
            let gone_s = now.saturating_duration_since(allowance.at).as_secs_f64();
            (allowance.requests + gone_s * self.per_second).min(full)
        };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let Clients { allowances, swept } = &mut *clients;
        if allowances.len() >= MOST_CLIENTS && !allowances.contains_key(&client) {
            // Not for each stranger: that would be work in proportion to all who knock.
            if swept.is_none_or(|swept| now.saturating_duration_since(swept) >= SWEPT_EVERY) {
                *swept = Some(now);
                allowances.retain(|_, allowance| grown(allowance) < full);
            }
            if allowances.len() >= MOST_CLIENTS {
                return false;
            }
        }
        let allowance = allowances.entry(client).or_insert(Allowance { requests: full, at: now });
        let requests = grown(allowance);
        let admitted = requests >= 1.0;
        *allowance =
            Allowance { requests: if admitted { requests - 1.0 } else { requests }, at: now };
        admitted
    }
}

/// Turns away who asks too much.
pub(crate) async fn limit(
    State(limits): State<Limits>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if limits.admits(client(from.ip()), Instant::now()) {
        return next.run(request).await;
    }
    let detail = "too many requests of this address; wait a second";
    ApiError::new(ProblemKind::TooManyRequests, detail).into_response()
}

/// One client has an IPv6 network of its own.
pub(crate) fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_too_much_waits_and_others_do_not() {
        let (limits, now) = (Limits::new(10), Instant::now());
        let [one, two] = [IpAddr::from([1, 1, 1, 1]), IpAddr::from([2, 2, 2, 2])];
        let admitted = (0..100).filter(|_| limits.admits(one, now)).count();
        assert_eq!(admitted, 40);
        assert!(limits.admits(two, now));
        let later = now + Duration::from_millis(250);
        assert_eq!((0..100).filter(|_| limits.admits(one, later)).count(), 2);
    }

    #[test]
    fn who_is_new_waits_while_too_many_are_remembered_and_no_longer() {
        let (limits, now) = (Limits::new(1), Instant::now());
        let client = |number: u32| IpAddr::from(number.to_be_bytes());
        let most = u32::try_from(MOST_CLIENTS).unwrap();
        assert!((0..most).all(|number| limits.admits(client(number), now)));
        assert!(!limits.admits(client(most), now), "nobody can be forgotten yet");
        // Who is known is not turned away.
        assert!(limits.admits(client(0), now) && limits.admits(client(0), now));
        let later = now + Duration::from_secs(2);
        assert!(limits.admits(client(most), later), "by then all but one have it back");
        assert_eq!(limits.clients.lock().unwrap().allowances.len(), 2);
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        let [a, b, c] = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"]
            .map(|text| client(text.parse().unwrap()));
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(client("::ffff:1.2.3.4".parse().unwrap()), IpAddr::from([1, 2, 3, 4]));
    }
}
