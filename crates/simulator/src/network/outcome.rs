//! What came of a simulation.
//!
//! Invariant: only nodes that were there all the time and are honest are counted as receivers; what
//! a crashed node missed while it was away is nobody's failure.

use std::collections::BTreeMap;

use serde::Serialize;
use tatum_primitives::{Address, OperatorId, Role as ReceiptRole};
use tatum_receipt::ReceiptKey;

use super::Attack;
use super::population::{Node, Role, session};
use super::world::World;

/// The figures of one simulation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Relays and subscribers.
    pub nodes: usize,
    /// The mean time over a direct link, over all pairs of nodes.
    pub mean_link_ms: f64,
    /// The mean time from publication to a node's first copy.
    pub mean_ms: f64,
    /// 99 of 100 first copies came within this time.
    pub p99_ms: f64,
    /// The mean number of links that a first copy travelled.
    pub mean_hops: f64,
    /// The largest number of links that a first copy travelled.
    pub max_hops: u32,
    /// Copies beyond the first, per message and receiver.
    pub duplicates_per_message: f64,
    /// First copies at receivers.
    pub delivered: u64,
    /// Messages times receivers.
    pub expected: u64,
}

/// How exposed honest relays are to the malicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// The most neighbours of one foreign operator that any honest node has.
    pub worst_of_one_operator: usize,
    /// The most neighbours of the operator that tries to eclipse that any honest node has.
    pub worst_of_eclipser: usize,
    /// Honest nodes that have only malicious neighbours.
    pub surrounded: usize,
    /// Honest nodes that missed more than one message in a thousand though at most half of their
    /// neighbours are malicious.
    pub eclipsed: usize,
}

/// Everything a simulation shows.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The figures.
    pub report: Report,
    /// All delays, sorted, in microseconds.
    pub delays_us: Vec<u64>,
    /// How exposed honest nodes are.
    pub exposure: Exposure,
    /// Messages delivered in order to subscribers that were there all the time.
    pub delivered_to_subscribers: u64,
    /// What subscribers should have got.
    pub expected_by_subscribers: u64,
    /// Messages that the receipts count which they signed.
    pub signed: u64,
    /// Messages that the receipts count which relays hold: what crashed relays did shortly before
    /// may be missing.
    pub receipted: u64,
    /// Subscribers whose receipts do not add up to their deliveries.
    pub unbalanced: usize,
    /// Receipts that relays refused.
    pub rejected_receipts: u64,
    /// Times an honest node put another on its graylist.
    pub graylisted: u64,
    /// Runs of messages that subscribers gave up.
    pub gaps: u64,
}

impl Outcome {
    pub(super) fn of(world: &World) -> Self {
        let receivers: Vec<(usize, &Node)> =
            world.steady(Role::Relay).chain(world.steady(Role::Subscriber)).collect();
        let mut delays_us = Vec::new();
        let (mut hops, mut max_hops) = (0_u64, 0);
        for (_, node) in &receivers {
            for (arrival, published_us) in node.arrivals.iter().zip(&world.published_us) {
                let Some(arrival) = arrival else { continue };
                delays_us.push(arrival.at_us - published_us);
                hops += u64::from(arrival.hops);
                max_hops = max_hops.max(arrival.hops);
            }
        }
        delays_us.sort_unstable();
        let delivered = delays_us.len() as u64;
        let duplicates: u64 = receivers
            .iter()
            .map(|(_, node)| node.overlay.counters().duplicates + node.duplicates_before)
            .sum();
        let messages = world.published_us.len() as u64;
        let report = Report {
            nodes: world.scenario.nodes,
            mean_link_ms: mean_link_ms(world),
            mean_ms: ratio(delays_us.iter().sum(), delivered * 1_000),
            p99_ms: ratio(percentile(&delays_us, 99), 1_000),
            mean_hops: ratio(hops, delivered),
            max_hops,
            duplicates_per_message: ratio(duplicates, delivered),
            delivered,
            expected: messages * receivers.len() as u64,
        };
        let subscribers: Vec<(usize, &Node)> = world.steady(Role::Subscriber).collect();
        let signed = by_payer(world.signed.iter().map(|(key, messages)| (key, *messages)));
        let held = world.receipts.iter().map(|(key, held)| (key, held.receipt.messages));
        let held = by_payer(held);
        let of = |sums: &BTreeMap<Address, u64>, number: usize| {
            sums.get(&session(number).address()).copied().unwrap_or(0)
        };
        Self {
            report,
            delays_us,
            exposure: exposure(world, messages),
            delivered_to_subscribers: subscribers.iter().map(|(_, node)| node.delivered).sum(),
            expected_by_subscribers: messages * subscribers.len() as u64,
            signed: subscribers.iter().map(|(number, _)| of(&signed, *number)).sum(),
            receipted: subscribers.iter().map(|(number, _)| of(&held, *number)).sum(),
            unbalanced: subscribers
                .iter()
                .filter(|(number, node)| of(&signed, *number) != node.delivered)
                .count(),
            rejected_receipts: world.rejected,
            graylisted: receivers
                .iter()
                .map(|(_, node)| node.overlay.counters().graylisted + node.graylisted_before)
                .sum(),
            gaps: world.gaps,
        }
    }
}

/// Messages that each subscriber's receipts count.
fn by_payer<'a>(receipts: impl Iterator<Item = (&'a ReceiptKey, u64)>) -> BTreeMap<Address, u64> {
    let mut sums = BTreeMap::new();
    for (key, messages) in receipts.filter(|(key, _)| key.role == ReceiptRole::Subscriber) {
        *sums.entry(key.payer).or_default() += messages;
    }
    sums
}

fn exposure(world: &World, messages: u64) -> Exposure {
    let mut exposure =
        Exposure { worst_of_one_operator: 0, worst_of_eclipser: 0, surrounded: 0, eclipsed: 0 };
    for (_, node) in world.steady(Role::Relay).chain(world.steady(Role::Subscriber)) {
        let relays = world.topology.relays_of(&node.id());
        let others: Vec<&Node> = relays
            .iter()
            .filter_map(|id| world.by_id.get(id))
            .map(|number| &world.nodes[*number])
            .collect();
        let mut of_operator: BTreeMap<OperatorId, usize> = BTreeMap::new();
        let foreign = others.iter().filter_map(|other| other.place.operator);
        for operator in foreign.filter(|operator| Some(*operator) != node.place.operator) {
            *of_operator.entry(operator).or_default() += 1;
        }
        let eclipsers = others.iter().filter(|other| other.attack == Some(Attack::Eclipse)).count();
        let malicious = others.iter().filter(|other| other.attack.is_some()).count();
        let got = node.arrivals.iter().flatten().count() as u64;
        let worst = of_operator.values().max().copied().unwrap_or_default();
        exposure.worst_of_one_operator = exposure.worst_of_one_operator.max(worst);
        exposure.worst_of_eclipser = exposure.worst_of_eclipser.max(eclipsers);
        exposure.surrounded += usize::from(!others.is_empty() && malicious == others.len());
        let missed = messages - got;
        let bearable = malicious * 2 <= others.len();
        exposure.eclipsed += usize::from(bearable && missed * 1_000 > messages);
    }
    exposure
}

fn mean_link_ms(world: &World) -> f64 {
    let count = world.scenario.nodes;
    let mut in_region = vec![0_u64; world.regions.count()];
    for node in world.nodes.iter().take(count) {
        in_region[usize::from(node.place.region)] += 1;
    }
    let (mut sum_us, mut pairs) = (0, 0);
    for (a, here) in in_region.iter().enumerate() {
        for (b, there) in in_region.iter().enumerate() {
            let links = if a == b { here * here.saturating_sub(1) } else { here * there };
            sum_us += links * world.regions.one_way_us(a, b);
            pairs += links;
        }
    }
    ratio(sum_us, pairs * 1_000)
}

fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

/// A quotient with two places.
#[expect(clippy::cast_precision_loss, reason = "these are figures for people, far below 2^52")]
fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { (a as f64 * 100.0 / b as f64).round() / 100.0 }
}
