//! Who listens to events: so many at a time, and so many of them of one client.
//!
//! Invariant: a place is free again when its stream ends, however it ends; one client, an IPv4 address or an IPv6 /64, never has
//! all places unless it was given as many.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::limits::client;

/// How many may listen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MostListeners {
    pub(crate) in_all: usize,
    pub(crate) of_one_client: usize,
}

/// Places to listen at.
#[derive(Clone, Debug)]
pub(crate) struct Listeners {
    most: MostListeners,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    in_all: usize,
    /// Nobody is kept here who does not listen.
    by_client: HashMap<IpAddr, usize>,
}

/// Why nobody more is let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// All places are taken.
    InAll,
    /// The client has as many as one may have.
    OfTheClient,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    client: IpAddr,
    open: Arc<Mutex<Open>>,
}

impl Listeners {
    pub(crate) fn new(most: MostListeners) -> Self {
        Self { most, open: Arc::default() }
    }

    /// A place for who asks from `address`.
    pub(crate) fn enter(&self, address: IpAddr) -> Result<Place, Full> {
        let client = client(address);
        let mut open = locked(&self.open);
        if open.in_all >= self.most.in_all {
            return Err(Full::InAll);
        }
        let of_client = open.by_client.get(&client).copied().unwrap_or_default();
        if of_client >= self.most.of_one_client {
            return Err(Full::OfTheClient);
        }
        open.in_all = open.in_all.saturating_add(1);
        open.by_client.insert(client, of_client.saturating_add(1));
        Ok(Place { client, open: Arc::clone(&self.open) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = locked(&self.open);
        open.in_all = open.in_all.saturating_sub(1);
        let left = open.by_client.get(&self.client).map_or(0, |of| of.saturating_sub(1));
        if left == 0 {
            open.by_client.remove(&self.client);
        } else {
            open.by_client.insert(self.client, left);
        }
    }
}

fn locked(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_takes_no_more_than_its_part_and_gives_it_back() {
        let listeners = Listeners::new(MostListeners { in_all: 4, of_one_client: 2 });
        let [one, two, three] = [1, 2, 3].map(|last| IpAddr::from([127, 0, 0, last]));
        let held = [listeners.enter(one).unwrap(), listeners.enter(one).unwrap()];
        assert_eq!(listeners.enter(one).unwrap_err(), Full::OfTheClient);
        let others = [listeners.enter(two).unwrap(), listeners.enter(three).unwrap()];
        assert_eq!(listeners.enter(two).unwrap_err(), Full::InAll);
        drop(held);
        assert!(listeners.enter(one).is_ok());
        drop(others);
        let open = locked(&listeners.open);
        assert_eq!(
            (open.in_all, open.by_client.len()),
            (0, 0),
            "nobody is kept who does not listen"
        );
    }

    #[test]
    fn a_client_of_ipv6_is_its_network() {
        let listeners = Listeners::new(MostListeners { in_all: 9, of_one_client: 1 });
        let [one, same, other] =
            ["2001:db8::1", "2001:db8::2", "2001:db8:0:1::1"].map(|text| text.parse().unwrap());
        let _held = listeners.enter(one).unwrap();
        assert_eq!(listeners.enter(same).unwrap_err(), Full::OfTheClient);
        assert!(listeners.enter(other).is_ok());
    }
}
