//! Receipts of channels, redeemed: from a node's folder, or from files.
//!
//! Invariant: nothing is sent that would redeem nothing, as far as the newest block tells.

use std::collections::BTreeSet;
use std::path::PathBuf;

use alloy::primitives::{TxHash, U256};
use anyhow::{bail, ensure};
use serde::Serialize;
use tatum_chain::{Chain, Judged};
use tatum_channel::{Refusal, highest_of_lanes, lane_id};
use tatum_primitives::{Address, B256, OperatorId};
use tatum_protocol::web::ChannelState;
use tatum_receipt::SignedReceipt;

use super::AccountArgs;
use crate::amounts::{format_data, parse_data};
use crate::dates::format_utc;
use crate::output::Output;
use tatum_watchtower::kept_receipts::{REDEEMED_AT_ONCE, in_file, in_folder};

/// What to redeem.
#[derive(Debug, clap::Args)]
pub(crate) struct RedeemArgs {
    /// Receipts as they are handed in, or as they are shown; those of no channel are passed over. May be repeated
    #[arg(long, value_name = "FILE", required_unless_present = "data")]
    receipts: Vec<PathBuf>,
    /// Folder of a node, whose receipts are taken; it may be running. May be repeated
    #[arg(long, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// Only this operator's
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: Option<OperatorId>,
    /// Send nothing unless it comes to so much DATA: transactions cost gas
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data)]
    at_least: Option<U256>,
    #[command(flatten)]
    account: AccountArgs,
}

/// Which channels' receipts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Any.
    All,
    /// Those whose payers are leaving.
    Exiting,
}

#[derive(Debug, Serialize)]
struct Outcome {
    /// Lanes that there are receipts for.
    lanes: usize,
    /// Lanes that were paid.
    redeemed: usize,
    #[serde(with = "tatum_primitives::decimal")]
    redeemed_wei: U256,
    refused: Vec<Refused>,
    transactions: Vec<TxHash>,
}

#[derive(Debug, Serialize)]
struct Refused {
    payer: Address,
    operator: OperatorId,
    channel: B256,
    lane: B256,
    code: &'static str,
    reason: String,
}

pub(super) async fn run(args: &RedeemArgs, which: Which, output: Output) -> anyhow::Result<()> {
    let mut receipts = highest_of_lanes(gathered(args).await?);
    if let Some(operator) = args.operator {
        receipts.retain(|signed| signed.receipt.operator_id == operator);
    }
    // A node may have served nobody by channel yet; whoever names files has something in mind.
    let is_expected = args.data.is_empty();
    ensure!(!receipts.is_empty() || !is_expected, "there are no receipts that name a channel");
    let chain = args.account.connect().await?;
    chain.settle_open().await?;
    if which == Which::Exiting {
        receipts = of_leaving(&chain, receipts, output).await?;
    }
    let lanes = receipts.len();
    let judged = chain.judge_channel_receipts(&receipts).await?;
    let refused: Vec<Refused> = judged.iter().filter_map(refusal).collect();
    let (good, due_wei) = paying(judged);
    say_refused(&refused, output);
    if good.is_empty() && refused.iter().any(|refused| refused.code != "nothing_new") {
        bail!("none of the receipts redeems anything");
    }
    let mut outcome =
        Outcome { lanes, redeemed: 0, redeemed_wei: U256::ZERO, refused, transactions: Vec::new() };
    if args.at_least.is_some_and(|least_wei| due_wei < least_wei) {
        output.progress(format!("{} would be redeemed: too little yet", format_data(due_wei)));
    } else if good.is_empty() {
        output.progress("there is nothing to redeem that is not redeemed already");
    } else {
        output.progress(format!("redeeming {} …", format_data(due_wei)));
        redeem(&chain, &good, &mut outcome).await?;
    }
    show(&outcome, output);
    Ok(())
}

/// Sends the receipts, and counts what their channels paid meanwhile.
async fn redeem(
    chain: &Chain,
    receipts: &[SignedReceipt],
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let before_wei = paid_wei(chain, receipts).await?;
    for some in receipts.chunks(REDEEMED_AT_ONCE) {
        let redeemed = chain.redeem_receipts(some).await?;
        outcome.redeemed += redeemed.receipts;
        outcome.transactions.push(redeemed.transaction);
    }
    outcome.redeemed_wei = paid_wei(chain, receipts).await?.saturating_sub(before_wei);
    Ok(())
}

/// What the channels of these receipts have paid.
async fn paid_wei(chain: &Chain, receipts: &[SignedReceipt]) -> anyhow::Result<U256> {
    let mut sum_wei = U256::ZERO;
    for (payer, operator) in pairs(receipts) {
        let paid = chain.channel(payer, operator).await?;
        let paid_wei = paid.state().map_or(0, |open| open.paid_wei);
        sum_wei = sum_wei.saturating_add(U256::from(paid_wei));
    }
    Ok(sum_wei)
}

fn pairs(receipts: &[SignedReceipt]) -> BTreeSet<(Address, OperatorId)> {
    receipts.iter().map(|signed| (signed.receipt.payer, signed.receipt.operator_id)).collect()
}

/// Receipts of channels that are being left; fails if there are none, and says until when there is time.
async fn of_leaving(
    chain: &Chain,
    mut receipts: Vec<SignedReceipt>,
    output: Output,
) -> anyhow::Result<Vec<SignedReceipt>> {
    let mut leaving = BTreeSet::new();
    for (payer, operator) in pairs(&receipts) {
        let status = chain.channel_status(payer, operator).await?;
        if let (ChannelState::Exiting, Some(ends_s)) = (status.state, status.exit_ends_s) {
            let until = format_utc(ends_s);
            output.progress(format!("{payer} is leaving; receipts count until {until}"));
            leaving.insert((payer, operator));
        }
    }
    receipts.retain(|signed| leaving.contains(&(signed.receipt.payer, signed.receipt.operator_id)));
    ensure!(!receipts.is_empty(), "nobody is leaving a channel that there are receipts for");
    Ok(receipts)
}

/// Everything in the files and in the node's store.
async fn gathered(args: &RedeemArgs) -> anyhow::Result<Vec<SignedReceipt>> {
    let mut receipts = Vec::new();
    for path in &args.receipts {
        receipts.extend(in_file(path)?);
    }
    for folder in &args.data {
        receipts.extend(in_folder(folder).await?);
    }
    Ok(receipts)
}

fn paying(judged: Vec<Judged>) -> (Vec<SignedReceipt>, U256) {
    let mut due_wei = U256::ZERO;
    let mut good = Vec::new();
    for Judged { signed, verdict } in judged {
        if let Ok(amount_wei) = verdict {
            due_wei = due_wei.saturating_add(U256::from(amount_wei));
            good.push(signed);
        }
    }
    (good, due_wei)
}

fn refusal(judged: &Judged) -> Option<Refused> {
    let refusal: &Refusal = judged.verdict.as_ref().err()?;
    let receipt = &judged.signed.receipt;
    Some(Refused {
        payer: receipt.payer,
        operator: receipt.operator_id,
        channel: receipt.channel,
        lane: lane_id(receipt),
        code: refusal.code(),
        reason: refusal.to_string(),
    })
}

fn say_refused(refused: &[Refused], output: Output) {
    for Refused { payer, lane, reason, .. } in refused {
        output.progress(format!("lane {lane} of {payer}: {reason}"));
    }
}

fn show(outcome: &Outcome, output: Output) {
    let mut rows = vec![
        ("lanes", outcome.lanes.to_string()),
        (
            "redeemed",
            format!("{} of {} lanes", format_data(outcome.redeemed_wei), outcome.redeemed),
        ),
        ("refused", outcome.refused.len().to_string()),
    ];
    rows.extend(outcome.transactions.iter().map(|hash| ("transaction", hash.to_string())));
    output.result(outcome, &rows);
}
