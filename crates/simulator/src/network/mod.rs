//! How messages spread over a network of many nodes and streams.
//!
//! A [`Scenario`] says how large, how lossy and how hostile the network is; [`run`] plays it and
//! gives an [`Outcome`]. Publishers and subscribers are clients; all other nodes offer to relay. The production trackers
//! ([`Tracker`](tatum_tracker::Tracker)) recruit them, weave them, lease them the clients' quotas and hand on keys and
//! permission lists; nodes find their trackers as in production
//! ([`Attendance`](tatum_overlay::attendance::Attendance)), when one is killed and when it is back.
//!
//! # Model
//! A frame takes half the round trip of its regions' table, up to a tenth more at random, and
//! 0.1 ms of work at the other end. A lost message frame is gone and must be repaired; a lost
//! control frame costs a retransmission (a round trip and 50 ms), since data channels are reliable.
//! A text to or from a tracker takes 100 ms; a new link an offer and an answer through the tracker and two one-way trips. A
//! crash is noticed after 1 s.
//!
//! # Not modelled
//! Bandwidth, NATs and CPU load.

mod attack;
mod attending;
mod chain;
mod churn;
mod deployment;
mod host;
mod links;
mod outcome;
mod plot;
mod population;
mod publish;
mod scenario;
mod secrets;
mod survey;
mod surveying;
mod trackers;
mod world;

pub use attack::{Attack, Drops};
pub use outcome::{Exposure, Outcome, Report};
pub use plot::svg;
pub use scenario::{Outage, Scenario};
pub use survey::{StreamSurvey, Survey};

use tatum_tracker::Finding;

/// Plays a scenario.
#[must_use]
pub fn run(scenario: &Scenario) -> Outcome {
    run_after(scenario, &[])
}

/// Plays a scenario whose trackers know what a survey of the epoch before found.
#[must_use]
pub fn run_after(scenario: &Scenario, found: &[Finding]) -> Outcome {
    let mut world = world::World::new(scenario);
    world.judge(found);
    world.play();
    outcome::Outcome::of(&world)
}
