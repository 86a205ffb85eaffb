//! Ten years of remainders: what rounding leaves unpaid never grows.
//!
//! Invariant: exact; by the workshop's starting point, where everything goes to all in equal parts and nothing but rounding is carried.

use super::Play;
use crate::Error;
use crate::agents::seen;
use crate::draws::Draws;
use crate::ledger::payout::Purse;
use crate::ledger::pool::Pool;
use crate::ledger::registry::{Counts, Registry};
use crate::report::Report;
use crate::rules::{PayRule, Rules};

const EPOCHS: u64 = 3_650;
const OPERATORS: usize = 97;

pub(super) fn dust(play: &Play, report: &mut Report) -> Result<(), Error> {
    let pay = PayRule { pool_bps: 10_000, pool_limit_bps: 0, ..play.rules.pay };
    let rules = Rules { pay, ..play.rules };
    let draws = &mut Draws::of(play.seed, 0);
    let (mut pool, mut purse) = (Pool::new(rules.fee), Purse::default());
    let mut registry = Registry::new(rules.operators);
    for _ in 0..OPERATORS {
        registry.register(rules.operators.minimum_bond_wei, 1 << 30)?;
    }
    let payer = pool.open_account();
    let (mut most, mut put_in, mut pots) = (0u64, 0u128, 0u128);
    for _ in 0..EPOCHS {
        registry.open();
        let stake_wei = rules.fee.minimum_stake_wei + u128::from(draws.bits());
        pool.stake(payer, stake_wei)?;
        put_in += stake_wei;
        let closed = pool.close();
        pots += closed.pot_wei;
        let counts: Vec<Counts> = registry.counts().collect();
        let paid = purse.settle(&rules, closed.pot_wei, &[pool.fee_of(payer)], &[], &counts)?;
        most = most.max(paid.carried_nano);
    }
    report.at_most(
        "unpaid remainders, nano an operator, worst",
        seen(most.into()) / seen(OPERATORS as u128),
        1.0,
    );
    let missing = put_in.abs_diff(pots + pool.total_wei());
    report.exactly("stakes neither there nor taken as fees, wei", seen(missing), 0.0);
    let paid_out = purse.distributed_nano() + purse.proposers_nano();
    let unpaid = (pots / 1_000_000_000).abs_diff(u128::from(paid_out + purse.left_nano()));
    report.exactly("fees neither paid nor carried, nano", seen(unpaid), 0.0);
    Ok(())
}
