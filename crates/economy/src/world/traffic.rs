//! A day's traffic: who sends how much over which relays, and what of it is carried.
//!
//! A payer's traffic runs over sixteen relays, by their size; each epoch two of them are replaced, as trackers do when streams and
//! subscribers come and go. What a full relay cannot carry goes where there is room, everybody's in the same proportion.
//!
//! Invariant: nobody carries more than it can, or is signed for more than it carried.

use super::{World, own_edges};
use crate::agents::{Operator, bytes, seen};
use crate::draws::Draws;
use crate::ledger::controller::{InForce, quota_down};
use crate::ledger::payout::Edge;

const RELAYS: usize = 16;

/// What ran.
#[derive(Clone, Debug, Default)]
pub struct Flow {
    /// What is signed for.
    pub edges: Vec<Edge>,
    /// Of the population: what its quota allowed of what it wanted, and what was served of that.
    pub by_payer: Vec<(f64, f64)>,
    /// What the population wanted.
    pub wanted_bytes: f64,
    /// What of that the quotas allowed.
    pub allowed_bytes: f64,
    /// What of that was carried.
    pub served_bytes: f64,
    /// All quotas together, the outsiders' too.
    pub sold_bytes: f64,
    /// Payers that wanted more than their quota.
    pub ran_out: usize,
    /// Those of them that look after their stake once in seven epochs.
    pub weekly_ran_out: usize,
}

/// One who sends today.
struct Sender {
    payer: usize,
    asks: f64,
    relays: Vec<usize>,
}

/// The relays of a day, by id.
struct Relays {
    room: Vec<f64>,
    size: Vec<f64>,
    load: Vec<f64>,
}

/// Runs the epoch's traffic.
pub(super) fn run(world: &mut World, force: InForce, trend: f64, down: f64) -> Flow {
    let ids = world.registry.counts().count();
    let mut relays = Relays { room: vec![0.0; ids], size: vec![0.0; ids], load: vec![0.0; ids] };
    let mut serving = Vec::new();
    for operator in world.operators.iter().filter(|operator| operator.serves()) {
        let Some(id) = operator.id.filter(|id| is_there(world, *id)) else { continue };
        if let (Some(room), Some(size)) = (relays.room.get_mut(id), relays.size.get_mut(id)) {
            *room = operator.size_bytes * (1.0 - down);
            *size = operator.size_bytes;
            serving.push(id);
        }
    }
    let mut flow = Flow::default();
    let mut senders = wishes(world, force, trend, &serving, &relays, &mut flow);
    for (place, outsider) in world.outsiders.iter().enumerate() {
        let quota = seen(world.quota_of(outsider.account, force).into());
        flow.sold_bytes += quota;
        if outsider.uses && quota > 0.0 {
            let payer = world.payers.len() + place;
            senders.push(Sender { payer, asks: quota, relays: serving.clone() });
        }
    }
    carry(&mut relays, &senders, &serving, &mut flow, world.payers.len());
    own_edges(world, force, &mut flow.edges);
    flow
}

fn is_there(world: &World, id: usize) -> bool {
    world.registry.counts_of(id).bond_wei > 0
}

fn wishes(
    world: &mut World,
    force: InForce,
    trend: f64,
    serving: &[usize],
    relays: &Relays,
    flow: &mut Flow,
) -> Vec<Sender> {
    let price = world.market().price_per_gib(force.quota_bytes_per_data.max(1));
    let noise = world.rules.agents.daily_noise;
    let mut senders = Vec::with_capacity(world.payers.len());
    for (place, payer) in world.payers.iter_mut().enumerate() {
        let wanted = payer.wants(trend, price, noise, &mut world.days_luck);
        let quota = quota_down(world.pool.start_of(payer.account), force.quota_bytes_per_data);
        let quota = seen(quota.into());
        let allowed = wanted.min(quota);
        flow.wanted_bytes += wanted;
        flow.allowed_bytes += allowed;
        flow.sold_bytes += quota;
        if wanted > quota {
            flow.ran_out += 1;
            flow.weekly_ran_out += usize::from(!payer.is_keeper);
        }
        choose(&mut payer.relays, serving, relays, &mut world.routes_luck);
        senders.push(Sender { payer: place, asks: allowed, relays: payer.relays.clone() });
    }
    senders
}

/// Fills up to sixteen relays, after letting go of the two that were used longest.
fn choose(own: &mut Vec<usize>, serving: &[usize], relays: &Relays, draws: &mut Draws) {
    own.retain(|id| relays.size.get(*id).is_some_and(|size| *size > 0.0));
    if own.len() >= RELAYS {
        own.drain(..2);
    }
    for _ in 0..2 * RELAYS {
        if own.len() >= RELAYS.min(serving.len()) {
            return;
        }
        if let Some(id) = serving.get(draws.place(serving.len())).filter(|id| !own.contains(id)) {
            own.push(*id);
        }
    }
}

/// First by each one's relays, then what is left wherever there is room.
fn carry(
    relays: &mut Relays,
    senders: &[Sender],
    serving: &[usize],
    flow: &mut Flow,
    population: usize,
) {
    let sizes: Vec<f64> = senders
        .iter()
        .map(|sender| sender.relays.iter().map(|id| relays.size.get(*id).unwrap_or(&0.0)).sum())
        .collect();
    for (sender, all) in senders.iter().zip(&sizes) {
        for id in &sender.relays {
            let part = relays.size.get(*id).unwrap_or(&0.0) / all.max(1.0);
            if let Some(load) = relays.load.get_mut(*id) {
                *load += sender.asks * part;
            }
        }
    }
    let taken: Vec<f64> = relays
        .load
        .iter()
        .zip(&relays.room)
        .map(|(load, room)| if *load > *room { room / load } else { 1.0 })
        .collect();
    let mut left: Vec<f64> = Vec::with_capacity(senders.len());
    for (sender, all) in senders.iter().zip(&sizes) {
        let mut served = 0.0;
        for id in &sender.relays {
            let part = relays.size.get(*id).unwrap_or(&0.0) / all.max(1.0);
            let carried = sender.asks * part * taken.get(*id).unwrap_or(&0.0);
            served += carried;
            push(&mut flow.edges, sender.payer, *id, carried);
        }
        left.push((sender.asks - served).max(0.0));
    }
    for (room, load) in relays.room.iter_mut().zip(&relays.load) {
        *room = (*room - load).max(0.0);
    }
    spill(relays, senders, serving, &mut left, &mut flow.edges);
    for (sender, left) in senders.iter().zip(&left).filter(|(sender, _)| sender.payer < population)
    {
        let served = sender.asks - left;
        flow.by_payer.push((sender.asks, served));
        flow.served_bytes += served;
    }
}

fn spill(
    relays: &mut Relays,
    senders: &[Sender],
    serving: &[usize],
    left: &mut [f64],
    edges: &mut Vec<Edge>,
) {
    let (needed, room) = (left.iter().sum::<f64>(), relays.room.iter().sum::<f64>());
    let share = if needed > room { room / needed } else { 1.0 };
    let mut free = serving.iter();
    let mut at = free.next();
    for (sender, left) in senders.iter().zip(left) {
        let mut wants = *left * share;
        while wants > 1.0 {
            let Some(id) = at else { return };
            let Some(room) = relays.room.get_mut(*id) else { return };
            let carried = wants.min(*room);
            push(edges, sender.payer, *id, carried);
            *room -= carried;
            wants -= carried;
            *left -= carried;
            if *room < 1.0 {
                at = free.next();
            }
        }
    }
}

fn push(edges: &mut Vec<Edge>, payer: usize, operator: usize, carried: f64) {
    let units = bytes(carried);
    if units > 0 {
        edges.push(Edge { payer, operator, units });
    }
}

/// What all that serve can carry, in bytes.
#[must_use]
pub(super) fn physical_bytes(operators: &[Operator]) -> f64 {
    operators.iter().filter(|operator| operator.serves()).map(|operator| operator.size_bytes).sum()
}
