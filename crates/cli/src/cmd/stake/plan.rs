//! `tatum stake plan`: what a stream needs of a stake, what that costs, and how long a stake lasts.
//!
//! Invariant: whole numbers only, rounded so that the plan never promises more than it buys: stakes and fees up, epochs down.

use std::process::ExitCode;

use alloy::primitives::U256;
use anyhow::ensure;
use serde::Serialize;
use tatum_chain::StakeTerms;
use tatum_primitives::{Address, Epoch};

use super::keep::epoch_ms;
use super::rate::Traffic;
use crate::amounts::format_data;
use crate::args::ChainArgs;
use crate::output::Output;

const PPB: u64 = 1_000_000_000;
const DAY_MS: u64 = 86_400_000;
/// As far as a plan looks ahead.
const MOST_EPOCHS: u64 = 100_000;

/// What is planned for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    traffic: Traffic,
    /// How many epochs the stake shall last without being topped up
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=MOST_EPOCHS))]
    epochs: u64,
    /// Whose stake counts already
    #[arg(long, value_name = "ADDRESS", env = "TATUM_PAYER")]
    payer: Option<Address>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// A plan, at the price of the next epoch.
#[derive(Debug, Serialize)]
struct Plan {
    epoch: Epoch,
    epoch_length_ms: u64,
    #[serde(with = "tatum_primitives::decimal")]
    needed_bytes_per_epoch: U256,
    #[serde(with = "tatum_primitives::decimal")]
    quota_bytes_per_data: U256,
    epochs: u64,
    /// The stake that lasts for `epochs`.
    #[serde(with = "tatum_primitives::decimal")]
    stake_needed_wei: U256,
    /// What the fee takes of a stake that is kept just large enough.
    #[serde(with = "tatum_primitives::decimal")]
    fee_per_epoch_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    fee_per_day_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    fee_per_year_wei: U256,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<Staked>,
}

/// What somebody has staked already.
#[derive(Debug, Serialize)]
struct Staked {
    address: Address,
    #[serde(with = "tatum_primitives::decimal")]
    stake_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    missing_wei: U256,
    /// Epochs, from the next one on, that the stake as it is suffices for.
    lasts_epochs: u64,
}

pub(super) async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let chain = args.chain.read_only().await?;
    let terms = chain.stake_terms(args.payer.unwrap_or_default()).await?;
    let plan = plan(&args, terms, epoch_ms(&chain).await?)?;
    output.result(&plan, &rows(&plan));
    Ok(ExitCode::SUCCESS)
}

fn plan(args: &Args, terms: StakeTerms, epoch_length_ms: u64) -> anyhow::Result<Plan> {
    let needed_bytes = args.traffic.bytes_in(epoch_length_ms);
    let (one_wei, lasting_wei) =
        (lasting(terms, needed_bytes, 1), lasting(terms, needed_bytes, args.epochs));
    ensure!(
        lasting_wei != U256::MAX,
        "no stake buys {needed_bytes} bytes in an epoch: a DATA buys {} in the next one",
        terms.next_quota_bytes_per_data
    );
    let fee_wei = fee(one_wei, terms.fee_rate_ppb);
    let in_time = |ms: u64| {
        fee_wei.saturating_mul(U256::from(ms)).div_ceil(U256::from(epoch_length_ms.max(1)))
    };
    let staked = |address| Staked {
        address,
        stake_wei: terms.stake_wei,
        missing_wei: lasting_wei.saturating_sub(terms.stake_wei),
        lasts_epochs: lasts(terms, needed_bytes),
    };
    Ok(Plan {
        epoch: terms.epoch,
        epoch_length_ms,
        needed_bytes_per_epoch: needed_bytes,
        quota_bytes_per_data: terms.next_quota_bytes_per_data,
        epochs: args.epochs,
        stake_needed_wei: lasting_wei,
        fee_per_epoch_wei: fee_wei,
        fee_per_day_wei: in_time(DAY_MS),
        fee_per_year_wei: in_time(DAY_MS.saturating_mul(365)),
        payer: args.payer.map(staked),
    })
}

/// What a fee takes.
fn fee(stake_wei: U256, rate_ppb: u64) -> U256 {
    stake_wei.saturating_mul(U256::from(rate_ppb)).div_ceil(U256::from(PPB))
}

/// The stake that buys `bytes` in each of `epochs`, the fee of every one taken; `U256::MAX` if none does.
fn lasting(terms: StakeTerms, bytes: U256, epochs: u64) -> U256 {
    let mut stake_wei = StakeTerms { stake_wei: U256::ZERO, ..terms }.missing_wei(bytes);
    let kept_ppb = U256::from(PPB.saturating_sub(terms.fee_rate_ppb));
    for _ in 1..epochs {
        match stake_wei.checked_mul(U256::from(PPB)) {
            Some(product) if !kept_ppb.is_zero() => stake_wei = product.div_ceil(kept_ppb),
            _ => return U256::MAX,
        }
    }
    stake_wei
}

/// For how many epochs the stake buys `bytes`, if nothing is added.
fn lasts(mut terms: StakeTerms, bytes: U256) -> u64 {
    let mut epochs = 0;
    while epochs < MOST_EPOCHS && terms.missing_wei(bytes).is_zero() {
        epochs += 1;
        terms.stake_wei = terms.stake_wei.saturating_sub(fee(terms.stake_wei, terms.fee_rate_ppb));
    }
    epochs
}

fn rows(plan: &Plan) -> Vec<(&'static str, String)> {
    let per_epoch = plan.needed_bytes_per_epoch;
    let mut rows = vec![
        ("needed", format!("{per_epoch} bytes in an epoch of {} s", plan.epoch_length_ms / 1_000)),
        (
            "a DATA buys",
            format!("{} bytes in epoch {}", plan.quota_bytes_per_data, plan.epoch.next()),
        ),
        (
            "stake",
            format!(
                "{} for {} epochs without topping up",
                format_data(plan.stake_needed_wei),
                plan.epochs
            ),
        ),
        (
            "fee",
            format!(
                "{} an epoch, {} a day, {} a year, of a stake that is kept just large enough",
                format_data(plan.fee_per_epoch_wei),
                format_data(plan.fee_per_day_wei),
                format_data(plan.fee_per_year_wei)
            ),
        ),
    ];
    if let Some(Staked { address, stake_wei, missing_wei, lasts_epochs }) = &plan.payer {
        rows.push((
            "staked",
            format!("{} by {address}, enough for {lasts_epochs} epochs", format_data(*stake_wei)),
        ));
        rows.push(("missing", format_data(*missing_wei)));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DATA: u128 = 1_000_000_000_000_000_000;

    fn terms(stake_wei: u128, fee_rate_ppb: u64) -> StakeTerms {
        StakeTerms {
            epoch: Epoch(0),
            stake_wei: U256::from(stake_wei),
            least_wei: U256::ZERO,
            fee_rate_ppb,
            next_quota_bytes_per_data: U256::from(100),
        }
    }

    #[test]
    fn a_fee_of_a_tenth_makes_a_stake_for_two_epochs_a_ninth_larger() {
        let free = terms(9 * DATA, 0);
        assert_eq!(lasting(free, U256::from(900), 7), U256::from(9 * DATA));
        assert_eq!(lasts(free, U256::from(900)), MOST_EPOCHS);
        assert_eq!(lasts(free, U256::from(901)), 0);
        let tenth = terms(100 * DATA, PPB / 10);
        assert_eq!(lasting(tenth, U256::from(810), 1), U256::from(9 * DATA));
        assert_eq!(lasting(tenth, U256::from(810), 2), U256::from(10 * DATA));
        assert_eq!(lasts(terms(10 * DATA, PPB / 10), U256::from(810)), 2);
        assert_eq!(lasting(terms(0, PPB), U256::from(1), 2), U256::MAX);
    }

    proptest! {
        #[test]
        fn a_stake_lasts_as_long_as_was_planned(bytes in 1..=u64::MAX, fee_ppb in 0..PPB / 2, epochs in 1..200_u64) {
            let bytes = U256::from(bytes);
            let stake_wei = lasting(terms(0, fee_ppb), bytes, epochs);
            let staked = StakeTerms { stake_wei, ..terms(0, fee_ppb) };
            prop_assert!(stake_wei == U256::MAX || lasts(staked, bytes) >= epochs);
        }
    }
}
