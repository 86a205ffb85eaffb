//! Honest and cheating payers, operators and watchtowers at random, on the contract and the machine off chain, with a chain that is
//! against them: transactions are lost, blocks are taken back, the base fee jumps, watchtowers are killed.
//!
//! After each action: numbered invariants of the hub's money (`invariants`). After each run: the honest operator has all that it
//! accepted. `TATUM_MODEL_RUNS` runs from the seed `TATUM_MODEL_SEED` on; a failure prints its seed and what was done.

mod actions;
mod counts;
mod dice;
mod exits;
mod invariants;
mod money;
mod operator;
mod payer;
mod run;
mod tower;
mod weather;
mod world;

use std::time::Instant;

use counts::Counts;
use run::Run;
use world::World;

/// What a run does, at least.
const ACTIONS: usize = 80;
/// Runs of a test that is not told how many.
const RUNS: u64 = 12;

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_the_honest_operator_is_paid_and_no_payer_pays_more_than_it_signed() {
    let (runs, first) = (number("TATUM_MODEL_RUNS", RUNS), number("TATUM_MODEL_SEED", 1));
    let (mut world, mut counts) = (World::start().await.unwrap(), Counts::default());
    let began = Instant::now();
    for seed in first..first + runs {
        let mut run = Run::begin(&mut world, seed, &mut counts).await.unwrap();
        if let Err(error) = run.play(ACTIONS).await {
            let trail = run.trail.join("\n  ");
            panic!(
                "TATUM_MODEL_SEED={seed} TATUM_MODEL_RUNS=1: {error:#}\nwhat was done:\n  {trail}"
            );
        }
    }
    println!("{runs} runs in {:.0?}\n{counts}", began.elapsed());
    counts.check(runs);
}
