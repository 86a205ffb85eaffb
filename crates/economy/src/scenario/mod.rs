//! What is played, one file a scenario or a group of them, and the bounds that must hold in it.
//!
//! Invariant: a scenario is a function of the rules, the seed and the sizes; it reports what it measured whatever came out. Bounds
//! are the lines of "Theorems and bounds" in `docs/economics.md`.

mod attack;
mod boundary;
mod controller;
mod demand;
mod epochs;
mod fake;
mod ledgers;
mod overage;
mod receipts;
mod strategic;
mod summary;
mod token;
mod wash;
mod whale;

use crate::Error;
use crate::report::Report;
use crate::rules::Rules;
use crate::world::{Script, World};

/// How a scenario is played.
#[derive(Clone, Copy, Debug)]
pub struct Play {
    /// By which rules.
    pub rules: Rules,
    /// How long.
    pub epochs: u64,
    /// How often, each with other draws.
    pub runs: u64,
    /// From which everything random follows.
    pub seed: u64,
}

/// One that can be played.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is called.
    pub name: &'static str,
    /// What happens in it.
    pub about: &'static str,
    run: fn(&Play, &mut Report) -> Result<(), Error>,
}

/// All of them.
pub const ALL: [Scenario; 16] = [
    Scenario {
        name: "controller",
        about: "the price rule by itself, and a calm market",
        run: controller::run,
    },
    Scenario {
        name: "demand",
        about: "demand grows fivefold and falls back, operators lag",
        run: demand::run,
    },
    Scenario {
        name: "token",
        about: "the token loses 90 and 99 %, gains fivefold, wanders",
        run: token::run,
    },
    Scenario {
        name: "whale",
        about: "one stake as large as all, or ten times, for a while",
        run: whale::run,
    },
    Scenario {
        name: "timing",
        about: "stakes for a burst, and in and out of an epoch",
        run: boundary::timing,
    },
    Scenario { name: "sybil", about: "one operator under many ids", run: attack::sybil },
    Scenario {
        name: "collusion",
        about: "an operator that is its own payer",
        run: attack::collusion,
    },
    Scenario { name: "wash", about: "a stake that signs for its own operator", run: wash::run },
    Scenario { name: "fake", about: "as much capacity again that never serves", run: fake::run },
    Scenario {
        name: "strategic",
        about: "operators that declare what is best for themselves",
        run: strategic::run,
    },
    Scenario {
        name: "overage",
        about: "receipts for more than the quota, stolen keys",
        run: overage::run,
    },
    Scenario { name: "empty", about: "nobody stakes, or nobody serves", run: boundary::empty },
    Scenario {
        name: "outage",
        about: "all relays are down, or half of them",
        run: boundary::outage,
    },
    Scenario { name: "dust", about: "ten years of remainders", run: ledgers::dust },
    Scenario {
        name: "selfdeal",
        about: "what one payer's receipts can move",
        run: receipts::selfdeal,
    },
    Scenario { name: "omission", about: "receipts that are left out", run: receipts::omission },
];

const EPOCHS: (u64, u64) = (120, 36_525);
const RUNS: (u64, u64) = (1, 1_000);

impl Scenario {
    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|scenario| scenario.name == name)
    }

    /// Plays it.
    ///
    /// # Errors
    ///
    /// [`Error::Size`], and what the ledger refuses.
    pub fn play(&self, play: &Play) -> Result<Report, Error> {
        for (what, got, (least, most)) in
            [("epochs", play.epochs, EPOCHS), ("runs", play.runs, RUNS)]
        {
            if got < least || got > most {
                return Err(Error::Size { what, got, least, most });
            }
        }
        let mut report = Report {
            scenario: self.name.into(),
            seed: play.seed,
            runs: play.runs,
            epochs: play.epochs,
            figures: Vec::new(),
            bounds: Vec::new(),
            curves: Vec::new(),
        };
        (self.run)(play, &mut report)?;
        Ok(report)
    }
}

impl Play {
    /// All runs with a script for each, over as many threads as there are processors. The order is that of the runs.
    fn worlds<S: Script>(
        &self,
        rules: &Rules,
        script: impl Fn() -> S + Sync,
    ) -> Result<Vec<World>, Error> {
        let one = |run| World::new(rules, self.seed, run)?.play(&mut script(), self.epochs);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        if threads < 2 || self.runs < 2 {
            return (0..self.runs).map(one).collect();
        }
        let (one, mut worlds) = (&one, Vec::new());
        std::thread::scope(|scope| {
            let part = |first: u64| -> Vec<(u64, Result<World, Error>)> {
                (first..self.runs).step_by(threads).map(|run| (run, one(run))).collect()
            };
            let others: Vec<_> =
                (1..threads as u64).map(|first| scope.spawn(move || part(first))).collect();
            worlds.extend(part(0));
            for other in others {
                match other.join() {
                    Ok(part) => worlds.extend(part),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        });
        worlds.sort_by_key(|(run, _)| *run);
        worlds.into_iter().map(|(_, world)| world).collect()
    }
}
