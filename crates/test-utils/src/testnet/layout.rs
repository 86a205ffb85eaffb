//! How the processes of a network are laid out: how many there are, and what they lean on.

use std::collections::BTreeMap;

use tatum_primitives::{B256, NodeId, keccak256};

use super::cast::node;
use crate::SmallDisk;

/// What a network is made of, beside its cast.
#[derive(Debug)]
pub struct Layout {
    /// Where processes find the chain: each keeps to one of these, or goes to the chain itself if there are none.
    pub rpc_urls: Vec<String>,
    /// The database that the aggregators share; each has its own without.
    pub database: Option<String>,
    /// How many aggregators; relays are spread over them.
    pub aggregators: usize,
    /// How many trackers.
    pub trackers: usize,
    /// Services whose folder is on a small disk.
    pub disks: BTreeMap<String, SmallDisk>,
}

impl Default for Layout {
    fn default() -> Self {
        let (rpc_urls, disks) = (Vec::new(), BTreeMap::new());
        Self { rpc_urls, database: None, aggregators: 1, trackers: 1, disks }
    }
}

impl Layout {
    /// The endpoint of a process, the same each time it is started.
    pub(super) fn rpc_url(&self, process: &str) -> Option<&str> {
        let turn: usize = process.bytes().map(usize::from).sum();
        let index = turn.checked_rem(self.rpc_urls.len())?;
        self.rpc_urls.get(index).map(String::as_str)
    }
}

/// What a service is called: the first of several by its kind alone.
pub(super) fn numbered(kind: &str, index: usize) -> String {
    if index == 0 { kind.to_owned() } else { format!("{kind}-{}", index + 1) }
}

/// A tracker's key, and how others know it. Where there are several, each needs one that it keeps.
pub(super) fn tracker_key(index: usize) -> (B256, NodeId) {
    let secret = keccak256(format!("tatum test tracker {index}"));
    (secret, node(&secret))
}
