//! Permission lists: owners publish them, and everybody who takes part is told.
//!
//! Invariant: a stream's list is never replaced by an older one, and whoever takes part is told the newest. The caller puts a
//! list on disk between [`Tracker::admit_list`] and [`Tracker::enter_list`], so that it is kept before its owner is told so.
//! The tracker can withhold a list, but nobody needs its word for one: every node checks the owner's signature.

use std::collections::BTreeMap;

use tatum_overlay::Now;
use tatum_overlay::permissions::{Entered, SignedPermissions};
use tatum_primitives::{Address, Epoch, NodeId, StreamId, StreamKey};
use tatum_protocol::tracker::FromTracker;
use tatum_receipt::Verifier;
use tatum_receipt::checks::ChainFacts;

use crate::permission_lists::{MAX_WEIGHT, PermissionLists};
use crate::{ListRefusal, Tracker};

/// A list that its owner signed, who counts.
#[derive(Debug, Clone)]
pub struct CheckedList {
    signed: SignedPermissions,
    owner: Address,
}

impl CheckedList {
    /// Checks the owner's signature for the deployment of `verifier`, and its stake where the chain is followed.
    ///
    /// # Errors
    /// [`ListRefusal`] if one of them is wanting.
    pub fn check(
        signed: SignedPermissions,
        verifier: Option<Verifier>,
        facts: Option<&dyn ChainFacts>,
        epoch: Epoch,
    ) -> Result<Self, ListRefusal> {
        let verifier = verifier.ok_or(ListRefusal::NoDeployment)?;
        let owner = signed.verify(&verifier)?;
        if facts.is_some_and(|facts| facts.quota_bytes(owner, epoch).is_none()) {
            return Err(ListRefusal::NoStake(owner));
        }
        Ok(Self { signed, owner })
    }

    /// What was signed.
    #[must_use]
    pub const fn signed(&self) -> &SignedPermissions {
        &self.signed
    }
}

/// What becomes of a list that is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admitted {
    /// It is to be kept, then entered.
    New,
    /// It is kept already.
    Known,
}

impl Tracker {
    /// Enters a list that an earlier run kept.
    ///
    /// # Errors
    /// [`ListRefusal`] if it does not count here.
    pub fn restore_list(&mut self, signed: SignedPermissions) -> Result<(), ListRefusal> {
        let book = self.permissions.book.as_mut().ok_or(ListRefusal::NoDeployment)?;
        book.enter(signed)?;
        Ok(())
    }

    /// The newest list of a stream.
    #[must_use]
    pub fn list(&self, stream: &StreamId) -> Option<&SignedPermissions> {
        self.permissions.list(stream)
    }

    /// Whether a list would be taken now.
    ///
    /// # Errors
    /// [`ListRefusal`] says why not.
    pub fn admit_list(&mut self, list: &CheckedList, now: &Now) -> Result<Admitted, ListRefusal> {
        let PermissionLists { book, owners } = &mut self.permissions;
        let book = book.as_ref().ok_or(ListRefusal::NoDeployment)?;
        let CheckedList { signed, owner } = list;
        match book.look_up(signed) {
            Entered::Known => return Ok(Admitted::Known),
            Entered::Older { held } => {
                let (stream, got) = (signed.list.stream.clone(), signed.list.version);
                return Err(ListRefusal::Older { stream, got, held });
            }
            Entered::Newest => {}
        }
        if book.weight().saturating_add(book.growth(signed)) > MAX_WEIGHT {
            return Err(ListRefusal::Full);
        }
        if !owners.take(*owner, 1, now.monotonic_ms) {
            return Err(ListRefusal::TooFast);
        }
        Ok(Admitted::New)
    }

    /// Enters a list that is kept and tells everybody whom it concerns; gives how many.
    pub fn enter_list(&mut self, list: CheckedList) -> usize {
        let stream = list.signed.list.stream.clone();
        let Some(book) = &mut self.permissions.book else { return 0 };
        if book.enter(list.signed) != Ok(Entered::Newest) {
            return 0;
        }
        let mut told: BTreeMap<NodeId, StreamKey> = BTreeMap::new();
        for (key, state) in self.streams.iter().filter(|(_, state)| state.name.id == stream) {
            let nodes = state.topology.relays().chain(state.topology.clients());
            told.extend(nodes.map(|node| (node, *key)));
        }
        for (node, key) in &told {
            self.tell_permissions(*node, *key);
        }
        told.len()
    }

    /// Tells a node what the owner of a stream permits, if the owner ever said so.
    pub(crate) fn tell_permissions(&mut self, node: NodeId, key: StreamKey) {
        let Some(stream) = self.streams.get(&key) else { return };
        if let Some(signed) = self.permissions.list(&stream.name.id) {
            let text = FromTracker::Permissions(Box::new(signed.clone()));
            self.tell(node, text);
        }
    }
}
