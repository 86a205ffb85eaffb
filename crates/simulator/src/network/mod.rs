//! How messages spread over a network of many nodes.
//!
//! A [`Scenario`] says how large, how lossy and how hostile the network is; [`run`] plays it and
//! gives an [`Outcome`]. Publishers and subscribers are clients; all other nodes are relays of one
//! stream, woven by the tracker's [`Topology`](tatum_tracker::topology::Topology).
//!
//! # Model
//! A frame takes half the round trip of its regions' table, up to a tenth more at random, and
//! 0.1 ms of work at the other end. A lost message frame is gone and must be repaired; a lost
//! control frame costs a retransmission (a round trip and 50 ms), since data channels are reliable.
//! The tracker's word takes 100 ms, a new link four one-way trips. A crash is noticed after 1 s.
//!
//! # Not modelled
//! Bandwidth, NATs and CPU load.

mod attack;
mod outcome;
mod plot;
mod population;
mod publish;
mod scenario;
mod tracker;
mod world;

pub use attack::Attack;
pub use outcome::{Exposure, Outcome, Report};
pub use plot::svg;
pub use scenario::Scenario;

/// Plays a scenario.
#[must_use]
pub fn run(scenario: &Scenario) -> Outcome {
    let mut world = world::World::new(scenario);
    world.play();
    outcome::Outcome::of(&world)
}
