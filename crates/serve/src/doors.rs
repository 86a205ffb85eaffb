//! Who may come in: places in all, and for each address block.
//!
//! Invariant: a block is remembered only while it holds a place, so memory is bounded by the places; a place that is dropped is free.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Limits;

/// An IPv4 /24 or an IPv6 /48: what one party can have many addresses of.
type Block = [u8; 6];

/// The places.
#[derive(Clone, Debug)]
pub(crate) struct Doors {
    limits: Limits,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Debug, Default)]
struct Taken {
    places: usize,
    by_block: HashMap<Block, usize>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    doors: Doors,
    block: Block,
}

impl Doors {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, taken: Arc::default() }
    }

    /// A place for somebody from there; none if all are taken, or those of its block.
    pub(crate) fn enter(&self, from: IpAddr) -> Option<Place> {
        let block = block(from);
        let mut taken = self.taken();
        let of_block = taken.by_block.get(&block).copied().unwrap_or_default();
        if taken.places >= self.limits.connections || of_block >= self.limits.per_block {
            return None;
        }
        taken.places += 1;
        taken.by_block.insert(block, of_block + 1);
        drop(taken);
        Some(Place { doors: self.clone(), block })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.doors.taken();
        taken.places -= 1;
        if let Some(of_block) = taken.by_block.get_mut(&self.block) {
            *of_block -= 1;
            if *of_block == 0 {
                taken.by_block.remove(&self.block);
            }
        }
    }
}

fn block(address: IpAddr) -> Block {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            // No IPv6 address that is given out begins so.
            [0, 0, 0, a, b, c]
        }
        IpAddr::V6(address) => {
            let [a, b, c, d, e, f, ..] = address.octets();
            [a, b, c, d, e, f]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_its_part_and_gives_it_back() {
        let limits = Limits { connections: 5, per_block: 2, ..Limits::default() };
        let doors = Doors::new(limits);
        let from = |text: &str| text.parse().unwrap();
        let one = doors.enter(from("10.0.0.1")).unwrap();
        let _two = doors.enter(from("10.0.0.200")).unwrap();
        assert!(doors.enter(from("10.0.0.3")).is_none(), "a third of one block");
        assert!(doors.enter(from("::ffff:10.0.0.3")).is_none(), "the same by another spelling");
        let _others = ["10.0.1.1", "2001:db8:1::1", "2001:db8:1:2::1"]
            .map(|text| doors.enter(from(text)).unwrap());
        assert!(doors.enter(from("10.9.9.9")).is_none(), "a sixth in all");
        drop(one);
        assert!(doors.enter(from("10.0.0.3")).is_some());
        assert_eq!(doors.taken().by_block.len(), 3);
    }
}
