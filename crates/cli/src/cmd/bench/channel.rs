//! `tatum bench channel`: what a channel's receipts cost a machine and, on a chain that is named, what they cost there.
//!
//! Invariant: every receipt that is counted passed every rule of receipts of a channel; what is counted on chain was paid there, and the
//! channels say so.

mod on_chain;

use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Serialize;
use tatum_chain::Deployment;
use tatum_primitives::{
    Address, B256, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey, keccak256,
};
use tatum_receipt::checks::{
    EpochWindow, OpenChannel, StatedFacts, check_all_in_channels, check_in_channel,
};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Signers, Verifier};

use super::ingest::domain;
use crate::cmd::stake::AccountArgs;
use crate::keys;
use crate::output::Output;
use on_chain::OnChain;

/// Receipts that one link or one client brings at a time.
const BATCH: usize = 1_024;

/// How much, and where.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Receipts to sign and to check, on one core
    #[arg(long, default_value_t = 20_000)]
    receipts: u32,
    /// Also pay on the chain of the deployment, a local one, from the account's DATA and gas: open the account's channels with these
    /// operators, redeem, leave, and let a watchtower answer. May be repeated; each operator is one exit to answer
    #[arg(long, value_name = "OPERATOR")]
    on_chain: Vec<OperatorId>,
    /// Lanes that are redeemed in one transaction
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100))]
    lanes: u32,
    #[command(flatten)]
    account: AccountArgs,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    receipts: u32,
    /// One core.
    signed_per_s: f64,
    /// One core, each receipt by itself: its signer's key is recovered.
    checked_per_s: f64,
    /// One core, in batches of 1024 whose signer is known.
    checked_in_batches_per_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_chain: Option<OnChain>,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<()> {
    ensure!(args.receipts > 0, "a receipt at least");
    output.progress(format!("signing and checking {} receipts …", args.receipts));
    let receipts = args.receipts;
    let measuring = tokio::task::spawn_blocking(move || off_chain(receipts));
    let mut measured = measuring.await.context("the measurement ended early")??;
    if !args.on_chain.is_empty() {
        let chain = args.account.connect().await?;
        ensure_local(chain.deployment())?;
        let payer = keys::session_key(&args.account.key()?)?;
        measured.on_chain =
            Some(on_chain::measure(chain, &payer, &args.on_chain, args.lanes, output).await?);
    }
    report(&measured, output);
    Ok(())
}

/// Money that is spent to measure is no real money.
fn ensure_local(deployment: &Deployment) -> anyhow::Result<()> {
    let chain_id = deployment.chain_id;
    ensure!(
        deployment.is_local(),
        "chain {chain_id} is no local one, and this spends DATA and gas; start anvil, or leave out --on-chain"
    );
    Ok(())
}

fn off_chain(count: u32) -> anyhow::Result<Measured> {
    let payer = SessionKey::from_bytes(&[7; 32])?;
    let channel = B256::repeat_byte(3);
    let verifier = Verifier::new(domain());
    let unsigned: Vec<DeliveryReceipt> =
        (0..count).map(|n| receipt(payer.address(), OperatorId(0), channel, n)).collect();
    let started = Instant::now();
    let signed: Vec<SignedReceipt> =
        unsigned.into_iter().map(|r| SignedReceipt::sign(r, &payer, &verifier)).collect();
    let signed_per_s = per_s(count, started);

    let open = OpenChannel { id: channel, deposited_wei: 1, paid_wei: 0, is_exiting: false };
    let facts = StatedFacts::default().node(NODE, OperatorId(0)).channel(
        payer.address(),
        OperatorId(0),
        open,
    );
    let window = EpochWindow::only(Epoch(0));
    let started = Instant::now();
    for signed in &signed {
        check_in_channel(signed, &verifier, window, &facts).context("a good receipt")?;
    }
    let checked_per_s = per_s(count, started);

    let signers = Signers::new(verifier, keccak256("bench").0);
    let batches: Vec<Vec<&SignedReceipt>> =
        signed.chunks(BATCH).map(|batch| batch.iter().collect()).collect();
    let check = |batch: &Vec<&SignedReceipt>| {
        let checked = check_all_in_channels(batch, &signers, window, &facts);
        let good = checked.iter().all(Result::is_ok);
        ensure!(good, "a good receipt was refused in its batch");
        Ok(())
    };
    // The signer is met once before.
    batches.first().map(check).transpose()?;
    let started = Instant::now();
    batches.iter().try_for_each(check)?;
    let checked_in_batches_per_s = per_s(count, started);
    let receipts = count;
    Ok(Measured { receipts, signed_per_s, checked_per_s, checked_in_batches_per_s, on_chain: None })
}

const NODE: NodeId = NodeId(B256::repeat_byte(9));

/// What a payer signs in the lane of reader `n`, all of its lane's fields set.
fn receipt(payer: Address, operator_id: OperatorId, channel: B256, n: u32) -> DeliveryReceipt {
    DeliveryReceipt {
        payer,
        operator_id,
        node: NODE,
        stream_key: StreamKey(B256::repeat_byte(1)),
        role: Role::Subscriber,
        reader: ReaderId(n),
        epoch: Epoch(0),
        sequence: 1_000,
        messages: 25_000,
        bytes: 3_000_000,
        bytes_on_time: 2_900_000,
        contents: keccak256("contents"),
        channel,
        owed: 1,
    }
}

fn per_s(count: u32, since: Instant) -> f64 {
    f64::from(count) / since.elapsed().as_secs_f64()
}

fn report(measured: &Measured, output: Output) {
    let number = |value: f64| format!("{value:.0}");
    let mut rows = vec![
        ("receipts", measured.receipts.to_string()),
        ("signed a second and core", number(measured.signed_per_s)),
        ("checked a second and core, by recovery", number(measured.checked_per_s)),
        ("… in batches of a known signer", number(measured.checked_in_batches_per_s)),
    ];
    if let Some(on_chain) = &measured.on_chain {
        rows.extend(on_chain.rows());
    }
    output.result(measured, &rows);
}
