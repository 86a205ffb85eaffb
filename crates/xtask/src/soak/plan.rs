//! What happens in a soak, drawn from a seed.
//!
//! Invariant: the same seed and the same processes give the same faults in the same order, and each kind of fault comes once in each round.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tatum_test_utils::hostile::Attack;
use tatum_test_utils::{Habit, Rules};

/// Of so many blocks the providers have the state, as nodes without an archive do.
pub(super) const STATE_BLOCKS: u64 = 128;
/// Anvil's reorganisations are no deeper: its transactions are lost, and nobody brings them again but those who sent them.
const DEEPEST: u64 = 3;

/// Who can suffer, by name or by number.
#[derive(Debug)]
pub(super) struct Processes {
    pub(super) aggregators: Vec<String>,
    pub(super) trackers: Vec<String>,
    pub(super) relays: Vec<String>,
    pub(super) subscribers: Vec<String>,
    pub(super) disks: Vec<String>,
    pub(super) providers: usize,
}

/// One thing that goes wrong.
#[derive(Debug)]
pub(super) enum Fault {
    /// A service is killed, and started again after a while.
    Kill { whom: String, away: Duration },
    /// A subscriber is killed, and started again with its folder.
    KillSubscriber { whom: String, away: Duration },
    /// A provider gets a habit for a while.
    Provider { which: usize, how: &'static str, rules: Rules, lasts: Duration },
    /// The newest blocks are replaced by others, without their transactions.
    Reorganise { depth: u64 },
    /// A service's disk has no byte left for a while.
    FullDisk { whose: String, lasts: Duration },
    /// Strangers attack.
    Hostile { attack: Attack, seed: u64 },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill { whom, away } | Self::KillSubscriber { whom, away } => {
                write!(f, "kill -9 {whom}, away for {:.1} s", away.as_secs_f32())
            }
            Self::Provider { which, how, lasts, .. } => {
                write!(f, "provider {which} {how} for {} s", lasts.as_secs())
            }
            Self::Reorganise { depth } => write!(f, "a reorganisation {depth} blocks deep"),
            Self::FullDisk { whose, lasts } => {
                write!(f, "the disk of {whose} is full for {} s", lasts.as_secs())
            }
            Self::Hostile { attack, .. } => write!(f, "hostile peers: {attack:?}"),
        }
    }
}

/// The kinds, as often as they come in a round.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Aggregator,
    Tracker,
    Relay,
    Subscriber,
    Provider,
    Reorganisation,
    Disk,
    Hostile(Attack),
}

const ROUND: [Kind; 16] = [
    Kind::Aggregator,
    Kind::Aggregator,
    Kind::Tracker,
    Kind::Relay,
    Kind::Relay,
    Kind::Subscriber,
    Kind::Provider,
    Kind::Provider,
    Kind::Reorganisation,
    Kind::Reorganisation,
    Kind::Disk,
    Kind::Hostile(Attack::Places),
    Kind::Hostile(Attack::Garbage),
    Kind::Hostile(Attack::Paths),
    Kind::Hostile(Attack::Datagrams),
    Kind::Hostile(Attack::Links),
];

/// The faults, one after the other without end.
#[derive(Debug)]
pub(super) struct Plan {
    rng: StdRng,
    processes: Processes,
    round: Vec<Kind>,
}

impl Plan {
    pub(super) fn new(seed: u64, processes: Processes) -> Self {
        Self { rng: StdRng::seed_from_u64(seed), processes, round: Vec::new() }
    }

    /// How long it is quiet, and what comes then; nothing if there is nobody whom it could happen to.
    pub(super) fn next(&mut self) -> (Duration, Option<Fault>) {
        if self.round.is_empty() {
            self.round.extend(ROUND);
            self.round.shuffle(&mut self.rng);
        }
        let quiet = Duration::from_millis(self.rng.random_range(500..4_000));
        let fault = self.round.pop().and_then(|kind| self.draw(kind));
        (quiet, fault)
    }

    fn draw(&mut self, kind: Kind) -> Option<Fault> {
        let away = Duration::from_millis(self.rng.random_range(0..5_000));
        let lasts = Duration::from_secs(self.rng.random_range(3..10));
        let rng = &mut self.rng;
        Some(match kind {
            Kind::Aggregator => Fault::Kill { whom: pick(&self.processes.aggregators, rng)?, away },
            Kind::Tracker => Fault::Kill { whom: pick(&self.processes.trackers, rng)?, away },
            Kind::Relay => Fault::Kill { whom: pick(&self.processes.relays, rng)?, away },
            Kind::Subscriber => {
                Fault::KillSubscriber { whom: pick(&self.processes.subscribers, rng)?, away }
            }
            Kind::Reorganisation => Fault::Reorganise { depth: rng.random_range(1..=DEEPEST) },
            Kind::Disk => Fault::FullDisk { whose: pick(&self.processes.disks, rng)?, lasts },
            Kind::Hostile(attack) => Fault::Hostile { attack, seed: rng.random() },
            Kind::Provider => {
                let which = rng.random_range(0..self.processes.providers);
                let (how, rules) = habit(rng);
                Fault::Provider { which, how, rules, lasts: lasts * 2 }
            }
        })
    }
}

fn pick(among: &[String], rng: &mut StdRng) -> Option<String> {
    (!among.is_empty()).then(|| among[rng.random_range(0..among.len())].clone())
}

/// How a provider behaves when it behaves.
pub(super) fn good_rules() -> Rules {
    Rules { state_blocks: Some(STATE_BLOCKS), ..Rules::default() }
}

fn habit(rng: &mut StdRng) -> (&'static str, Rules) {
    let rules = good_rules();
    let all = |habit| Rules { everything: Some(habit), ..good_rules() };
    match rng.random_range(0..8) {
        0 => ("answers nothing", all(Habit::Silence)),
        1 => ("says that it is busy (429)", all(Habit::Busy(429, 2))),
        2 => ("says that it is down (503)", all(Habit::Busy(503, 1))),
        3 => ("fails", all(Habit::Error(-32603, "internal error"))),
        4 => ("gives the logs of 20 blocks", Rules { log_range: Some(20), ..rules }),
        5 => ("takes 30 calls a second", Rules { rate: Some(30), ..rules }),
        6 => ("thinks for a second", Rules { latency: Duration::from_secs(1), ..rules }),
        _ => (
            "knows no block and no receipt yet",
            rules.with("eth_getTransactionReceipt", Habit::Nothing, 20).with(
                "eth_getBlockByNumber",
                Habit::Nothing,
                20,
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64) -> Plan {
        let names = |of: &str| vec![format!("{of} 1"), format!("{of} 2")];
        Plan::new(
            seed,
            Processes {
                aggregators: names("aggregator"),
                trackers: names("tracker"),
                relays: names("relay"),
                subscribers: names("subscriber"),
                disks: Vec::new(),
                providers: 2,
            },
        )
    }

    fn told(plan: &mut Plan, faults: usize) -> Vec<String> {
        let tell = |(quiet, fault): (Duration, Option<Fault>)| format!("{quiet:?} {fault:?}");
        (0..faults).map(|_| tell(plan.next())).collect()
    }

    #[test]
    fn a_seed_draws_the_same_faults_and_another_seed_others() {
        let first = told(&mut plan(1), 60);
        assert_eq!(first, told(&mut plan(1), 60));
        assert_ne!(first, told(&mut plan(2), 60));
    }

    #[test]
    fn each_kind_comes_in_each_round_but_what_can_happen_to_nobody() {
        let mut plan = plan(3);
        for _ in 0..4 {
            let round = told(&mut plan, ROUND.len()).join("\n");
            for kind in ["Kill {", "KillSubscriber", "Provider", "Reorganise", "Places", "None"] {
                assert!(round.contains(kind), "no {kind} in\n{round}");
            }
            assert_eq!(round.matches("Hostile").count(), Attack::ALL.len());
        }
    }
}
