//! Who takes part: relays, subscribers and publishers, their keys, places and manners.
//!
//! Invariant: node numbers are dense: relays first, then subscribers, then publishers.

use ed25519_dalek::SigningKey;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tatum_overlay::ledger::Cadence;
use tatum_overlay::node::{Account, Ceilings, Config};
use tatum_overlay::propagation::Limits;
use tatum_overlay::{Block, Overlay, credit};
use tatum_primitives::{Address, B256, Domain, NodeId, OperatorId, ReaderId};
use tatum_receipt::{SessionKey, Verifier};
use tatum_tracker::topology::Place;

use super::{Attack, Scenario};

/// Nodes of an honest operator.
const NODES_PER_OPERATOR: usize = 4;
/// Nodes of a malicious operator that does not try to eclipse.
const NODES_PER_ATTACKER: usize = 8;
/// Address blocks of those that try to eclipse, all of one operator.
const ECLIPSE_BLOCKS: u32 = 3;

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Relay,
    Subscriber,
    Publisher,
}

/// When and over how many links a message reached a node first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) at_us: u64,
    pub(super) hops: u32,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) overlay: Overlay,
    pub(super) role: Role,
    pub(super) key: SigningKey,
    pub(super) place: Place,
    pub(super) attack: Option<Attack>,
    pub(super) alive: bool,
    /// It crashed at least once.
    pub(super) churned: bool,
    /// By the number of the message.
    pub(super) arrivals: Vec<Option<Arrival>>,
    /// Deliveries in order to the application, for subscribers.
    pub(super) delivered: u64,
    /// What was counted before it crashed last.
    pub(super) duplicates_before: u64,
    pub(super) graylisted_before: u64,
}

impl Node {
    pub(super) fn id(&self) -> NodeId {
        NodeId(B256::from(self.key.verifying_key().to_bytes()))
    }
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

fn signing_key(number: usize) -> SigningKey {
    let mut bytes = [3; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    SigningKey::from_bytes(&bytes)
}

/// All nodes of a scenario, in `regions` regions.
pub(super) fn populate(scenario: &Scenario, regions: usize, rng: &mut StdRng) -> Vec<Node> {
    let relays = scenario.relays();
    let mut attacks: Vec<Option<Attack>> = (0..relays)
        .map(|number| (number < scenario.malicious()).then(|| Attack::ALL[number % 4]))
        .collect();
    attacks.shuffle(rng);
    let mut malicious = 0;
    let mut nodes = Vec::new();
    for number in 0..scenario.nodes + scenario.publishers {
        let role = match number {
            _ if number < relays => Role::Relay,
            _ if number < scenario.nodes => Role::Subscriber,
            _ => Role::Publisher,
        };
        let attack = attacks.get(number).copied().flatten();
        malicious += usize::from(attack.is_some());
        let region = match role {
            Role::Publisher => number % regions,
            Role::Relay | Role::Subscriber => rng.random_range(0..regions),
        };
        let region = u16::try_from(region).unwrap_or_default();
        let place = place(number, malicious, role, attack, region);
        let key = signing_key(number);
        let overlay = overlay(number, role, &key, place.operator);
        nodes.push(Node {
            overlay,
            role,
            key,
            place,
            attack,
            alive: true,
            churned: false,
            arrivals: vec![None; scenario.messages],
            delivered: 0,
            duplicates_before: 0,
            graylisted_before: 0,
        });
    }
    nodes
}

fn place(
    number: usize,
    malicious: usize,
    role: Role,
    attack: Option<Attack>,
    region: u16,
) -> Place {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let (operator, block) = match attack {
        Some(Attack::Eclipse) => (2_000_000, 2_000_000 + small(malicious) % ECLIPSE_BLOCKS),
        Some(_) => {
            let operator = small(malicious / NODES_PER_ATTACKER);
            (1_000_000 + operator, 1_000_000 + operator)
        }
        None => (small(number / NODES_PER_OPERATOR), small(number)),
    };
    let operator = (role == Role::Relay).then_some(OperatorId(operator));
    Place { region, operator, block: Some(Block::numbered(block)) }
}

/// A node as it starts, without memory of an earlier run.
pub(super) fn overlay(
    number: usize,
    role: Role,
    key: &SigningKey,
    operator_id: Option<OperatorId>,
) -> Overlay {
    let config = Config {
        id: NodeId(B256::from(key.verifying_key().to_bytes())),
        relay: role == Role::Relay,
        operator_id,
        limits: Limits::default(),
        credit: credit::Limits::default(),
        ceilings: Ceilings::default(),
        latency_bound_ms: 2_000,
    };
    let account = (role != Role::Relay).then(|| Account {
        payer: session(number).address(),
        reader: ReaderId(0),
        key: session(number),
        verifier: verifier(),
        cadence: Cadence { messages: 100, interval_ms: 1_000, resend_ms: 1_000 },
    });
    Overlay::new(config, account)
}
