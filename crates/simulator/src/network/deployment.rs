//! The deployment that is simulated: its domain, its payers' keys, its streams and what its chain says.
//!
//! Invariant: nobody's key or stream depends on chance.

use tatum_primitives::{Address, Domain, NodeId, OperatorId, StreamId};
use tatum_protocol::Stream;
use tatum_receipt::checks::StatedFacts;
use tatum_receipt::{SessionKey, Verifier};

use super::Scenario;

/// Partitions of a stream.
const PARTITIONS: usize = 2;

/// The stream that a partition belongs to.
pub(super) const fn group_of(partition: usize) -> usize {
    partition / PARTITIONS
}

/// The first partition of a stream.
pub(super) const fn first_of(group: usize) -> usize {
    group * PARTITIONS
}

/// A stream partition's name. One with an owner is its first publisher's.
pub(super) fn stream_name(partition: usize, scenario: &Scenario) -> Stream {
    let group = group_of(partition);
    let mut publishers = scenario.nodes..scenario.nodes + scenario.publishers;
    let owner = publishers.find(|number| group_of(scenario.stream_of(*number)) == group);
    let id = match owner.filter(|_| scenario.is_private) {
        Some(owner) => format!("{}/simulated", session(owner).address()),
        None => format!("simulated/{group}"),
    };
    let id = StreamId::new(id).unwrap_or_else(|_| unreachable!("such a name is one"));
    Stream::new(id, u16::try_from(partition % PARTITIONS).unwrap_or_default())
}

pub(super) fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

/// The payer key of a node.
pub(super) fn session(number: usize) -> SessionKey {
    let mut bytes = [9; 32];
    bytes[24..].copy_from_slice(&(number as u64 + 1).to_be_bytes());
    SessionKey::from_bytes(&bytes).unwrap_or_else(|_| unreachable!("a small number is a key"))
}

/// What the chain says: every client has the same stake, relays belong to their operators.
pub(super) fn facts(
    relays: impl Iterator<Item = (NodeId, OperatorId)>,
    quota_bytes: u64,
) -> StatedFacts {
    let stated = StatedFacts::default().quota_of_others(quota_bytes);
    relays.fold(stated, |facts, (node, operator)| facts.node(node, operator))
}
