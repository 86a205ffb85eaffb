//! Random epochs, the right proposals for them, and lies about them: does a watcher find a disproof of every lie, and does
//! none of all disproofs hold against a right proposal?
//!
//! Invariant: everything follows from the seed. Whether a draft is a lie is decided by [`World::is_right`], which works the
//! rule out anew and knows none of the disproofs.

#![allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, clippy::unwrap_used)]

mod calls;
mod draft;
mod lies;
mod random;
mod truth;
mod world;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Verdict, find, find_without};
pub use calls::every_call;
pub use draft::Draft;
pub use lies::{LIES, Lie};
pub use random::Random;
pub use world::World;

/// What a run found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Lies told.
    pub mutations: u64,
    /// How many of them the watcher disproved, on the spot or by a disproof that holds.
    pub disproved: u64,
    /// Right proposals.
    pub proposals: u64,
    /// How many of them some disproof held against, or the watcher doubted.
    pub wrongly_disproved: u64,
    /// Disproofs tried against right proposals.
    pub calls: u64,
    /// By lie: told, disproved.
    pub by_kind: BTreeMap<&'static str, [u64; 2]>,
    /// How many lies each rule disproved.
    pub by_rule: BTreeMap<String, u64>,
    /// How many of them no other rule disproves: without this rule, nobody could.
    pub only_by: BTreeMap<String, u64>,
}

/// Tells `mutations` lies and makes `proposals` right proposals.
pub fn run(seed: u64, mutations: u64, proposals: u64) -> Report {
    let mut report = Report::default();
    let mut random = Random::new(seed);
    while report.proposals < proposals {
        try_right(&World::random(&mut random), &mut report);
    }
    while report.mutations < mutations {
        let world = World::random(&mut random);
        let right = world.right();
        // Several of one world: making it is the dear part.
        for _ in 0..8u64.min(mutations - report.mutations) {
            if let Some((lie, draft)) = lies::tell(&world, &right, &mut random) {
                try_lie(&world, lie, &draft, &mut report);
            }
        }
    }
    report
}

fn try_right(world: &World, report: &mut Report) {
    let right = world.right();
    let (proposal, data) = right.propose(world);
    let mut accepted = proposal.check(&world.facts).is_err();
    accepted |= find(&proposal, &data, &world.kept, &world.facts) != Verdict::Right;
    for call in every_call(&data, &world.kept) {
        report.calls += 1;
        accepted |= call.holds(&proposal, &world.facts);
    }
    report.proposals += 1;
    report.wrongly_disproved += u64::from(accepted);
}

fn try_lie(world: &World, lie: &Lie, draft: &Draft, report: &mut Report) {
    let (proposal, data) = draft.propose(world);
    let refused = proposal.check(&world.facts).is_err();
    let verdict = find(&proposal, &data, &world.kept, &world.facts);
    let by = match &verdict {
        _ if refused => Some("propose".to_owned()),
        Verdict::Wrong(disproof) if disproof.holds(&proposal, &world.facts) => {
            Some(format!("{:?}", disproof.kind()))
        }
        // Words that do not add up cannot be shown, so the demand for them is never answered.
        Verdict::Withheld(_) => Some("demand".to_owned()),
        Verdict::Wrong(_) | Verdict::Right => None,
    };
    let counts = report.by_kind.entry(lie.name).or_default();
    counts[0] += 1;
    report.mutations += 1;
    let Some(by) = by else { return };
    counts[1] += 1;
    report.disproved += 1;
    // Rules that come later in the search are asked only if this one is left out.
    if let Verdict::Wrong(disproof) = verdict
        && !refused
        && find_without(Some(disproof.kind()), &proposal, &data, &world.kept, &world.facts)
            == Verdict::Right
    {
        *report.only_by.entry(by.clone()).or_default() += 1;
    }
    *report.by_rule.entry(by).or_default() += 1;
}
