//! `tatum bench relay`: one relay as a process of its own, between a publisher and subscribers on loopback.
//!
//! Invariant: every figure is of messages that were delivered; not one may be missing. Everything is as in a real network:
//! signatures are checked at the hop and at the end, receipts are signed, stored, acknowledged and handed in. Only the
//! chain is made up.

mod flood;
mod network;
pub(super) mod process;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde::Serialize;
use tatum_primitives::B256;
use tatum_receipt::{SessionKey, Signature};

use super::ingest::temporary_folder;
use crate::output::Output;
use flood::Flood;
use network::{Network, PAYLOAD_BYTES};
use process::Paying;

/// Subscribers of the relay when the work of a message is measured.
const DEGREE: u64 = 4;
/// Messages before anything is measured.
const WARM_UP: u64 = 2_000;
/// How often stakes and channels take turns.
const TURNS: u64 = 5;
/// The rate at which delays are measured.
const STEADY_PER_S: u32 = 1_000;

/// How much load.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Messages to send flat out through the relay to one subscriber; a tenth of them to four
    #[arg(long, default_value_t = 200_000)]
    messages: u64,
    /// Seconds in which delays are measured, at 1000 messages a second
    #[arg(long, default_value_t = 10)]
    steady_s: u32,
    /// Also send stray datagrams to the relay, and compare the rates of a tenth of the messages before and meanwhile
    #[arg(long)]
    flood: bool,
    /// Where the temporary folder goes
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// What was measured.
#[derive(Debug, Serialize)]
struct Measured {
    messages: u64,
    payload_bytes: usize,
    /// Publisher to one subscriber over the relay, all three busy.
    relay_msgs_per_s: f64,
    /// From the call that seals, signs and publishes to the opened payload, over two links and the relay.
    relay_p50_us: f64,
    relay_p99_us: f64,
    /// User and system time of the relay's process for a message that goes to four subscribers, flat out.
    cpu_us_per_message: f64,
    /// The same for a message that goes to one subscriber, flat out.
    cpu_us_per_message_degree_1: f64,
    /// The same for a message that goes to one subscriber at the steady rate.
    cpu_us_per_message_steady: f64,
    /// The rate where everything is paid by channels, as a part of the rate where stakes pay; both in turns.
    channel_ratio: f64,
    /// What libsecp256k1's recovery of one signature takes, by itself: what a message that comes alone costs of that.
    recover_us: f64,
    /// The relay's memory after a tenth of the messages and after all.
    rss_mb_at_a_tenth: f64,
    rss_mb: f64,
    /// Receipts that the relay checked, stored and acknowledged.
    receipts: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    flood: Option<Flooded>,
}

/// One subscriber's rate while stray datagrams come in.
#[derive(Debug, Serialize)]
struct Flooded {
    before_msgs_per_s: f64,
    meanwhile_msgs_per_s: f64,
    datagrams: u64,
    /// Of them read and refused; the rest did not fit into the socket's buffer.
    refused: u64,
}

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<()> {
    ensure!(args.messages >= 10 && args.steady_s > 0, "ten messages and a second at least");
    let folder = temporary_folder(args.folder.as_deref())?;
    output.progress("starting a tracker, a relay, a publisher and a subscriber …");
    let by_stake = folder.path().join("stake");
    let mut network = Network::start(&by_stake, Paying::Stake).await?;
    network.flat_out(WARM_UP).await?;

    output.progress(format!("{STEADY_PER_S} messages a second for {} s …", args.steady_s));
    let before = network.relay.cpu_time()?;
    network.steady(STEADY_PER_S, args.steady_s).await?;
    let steady = u64::from(STEADY_PER_S) * u64::from(args.steady_s);
    let cpu_us_per_message_steady = per_message_us(network.relay.cpu_time()? - before, steady);

    output.progress(format!("{} messages to one subscriber …", args.messages));
    let first = args.messages / 10;
    let before = network.relay.cpu_time()?;
    let mut took = network.flat_out(first).await?;
    let rss_mb_at_a_tenth = network.relay.resident_mb()?;
    took += network.flat_out(args.messages - first).await?;
    let cpu_us_per_message_degree_1 =
        per_message_us(network.relay.cpu_time()? - before, args.messages);
    let rss_mb = network.relay.resident_mb()?;

    let flood = if args.flood { Some(flooded(&mut network, first, output).await?) } else { None };
    output.progress(format!("{first} messages to {DEGREE} subscribers …"));
    for _ in 1..DEGREE {
        network.subscribe().await?;
    }
    network.flat_out(WARM_UP).await?;
    let before = network.relay.cpu_time()?;
    network.flat_out(first).await?;
    let cpu_us_per_message = per_message_us(network.relay.cpu_time()? - before, first);

    let finished = network.finish().await?;
    output.progress(format!("{first} messages paid from stakes, and as many by channels …"));
    let channel_ratio = channel_ratio(folder.path(), first).await?;
    let from = usize::try_from(WARM_UP)?;
    let mut delays = finished.delays;
    let delays = &mut delays[from..from + usize::try_from(steady)?];
    delays.sort_unstable();
    let measured = Measured {
        messages: args.messages,
        payload_bytes: PAYLOAD_BYTES,
        relay_msgs_per_s: args.messages as f64 / took.as_secs_f64(),
        relay_p50_us: percentile_us(delays, 50),
        relay_p99_us: percentile_us(delays, 99),
        cpu_us_per_message,
        cpu_us_per_message_degree_1,
        cpu_us_per_message_steady,
        channel_ratio,
        recover_us: recover_us()?,
        rss_mb_at_a_tenth,
        rss_mb,
        receipts: finished.settled,
        flood,
    };
    report(&measured, output);
    Ok(())
}

/// Two relays at rest but one, in turns, so that what the machine does meanwhile falls on both.
async fn channel_ratio(folder: &Path, count: u64) -> anyhow::Result<f64> {
    let mut by_stake = Network::start(&folder.join("turns-stake"), Paying::Stake).await?;
    let mut by_channel = Network::start(&folder.join("turns-channel"), Paying::Channel).await?;
    for network in [&mut by_stake, &mut by_channel] {
        network.flat_out(WARM_UP).await?;
    }
    let (mut stake, mut channel) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..TURNS {
        stake += by_stake.flat_out(count / TURNS).await?;
        channel += by_channel.flat_out(count / TURNS).await?;
    }
    by_stake.finish().await?;
    by_channel.finish().await?;
    Ok(stake.as_secs_f64() / channel.as_secs_f64())
}

async fn flooded(network: &mut Network, count: u64, output: Output) -> anyhow::Result<Flooded> {
    output.progress(format!("{count} messages without and {count} with stray datagrams …"));
    let before = network.flat_out(count).await?;
    let flood = Flood::start(network.relay.udp)?;
    let meanwhile = network.flat_out(count).await;
    let datagrams = flood.stop();
    let status = network.relay.status().await?;
    Ok(Flooded {
        before_msgs_per_s: count as f64 / before.as_secs_f64(),
        meanwhile_msgs_per_s: count as f64 / meanwhile?.as_secs_f64(),
        datagrams,
        refused: status.refused_datagrams,
    })
}

fn report(measured: &Measured, output: Output) {
    let number = |value: f64| format!("{value:.1}");
    let mut rows = vec![
        ("messages", measured.messages.to_string()),
        ("messages per second", format!("{:.0}", measured.relay_msgs_per_s)),
        ("delay at 1000/s, p50 (µs)", number(measured.relay_p50_us)),
        ("delay at 1000/s, p99 (µs)", number(measured.relay_p99_us)),
        ("relay's CPU per message, 4 subscribers (µs)", number(measured.cpu_us_per_message)),
        ("… 1 subscriber (µs)", number(measured.cpu_us_per_message_degree_1)),
        ("… 1 subscriber at 1000/s (µs)", number(measured.cpu_us_per_message_steady)),
        ("rate by channels / by stakes", format!("{:.2}", measured.channel_ratio)),
        ("recovering one signature's key (µs)", number(measured.recover_us)),
        ("relay's memory at a tenth (MB)", number(measured.rss_mb_at_a_tenth)),
        ("relay's memory (MB)", number(measured.rss_mb)),
        ("receipts acknowledged", measured.receipts.to_string()),
    ];
    if let Some(flood) = &measured.flood {
        rows.extend([
            ("messages per second before the flood", format!("{:.0}", flood.before_msgs_per_s)),
            ("… meanwhile", format!("{:.0}", flood.meanwhile_msgs_per_s)),
            ("stray datagrams", flood.datagrams.to_string()),
            ("… read and refused", flood.refused.to_string()),
        ]);
    }
    output.result(measured, &rows);
}

/// The best of some rounds, each with other signatures.
fn recover_us() -> anyhow::Result<f64> {
    const ROUNDS: u8 = 20;
    const SIGNATURES: u32 = 100;
    let signer = SessionKey::from_bytes(&B256::repeat_byte(7).0)?;
    let mut best = Duration::MAX;
    for round in 1..=ROUNDS {
        let digests: Vec<B256> = (0..SIGNATURES)
            .map(|n| B256::left_padding_from(&[&[round][..], &n.to_be_bytes()].concat()))
            .collect();
        let signed: Vec<Signature> =
            digests.iter().map(|digest| Signature::sign(&signer, *digest)).collect();
        let started = Instant::now();
        for (signature, digest) in signed.iter().zip(&digests) {
            ensure!(signature.signer(*digest)? == signer.address(), "not by its signer");
        }
        best = best.min(started.elapsed());
    }
    Ok(per_message_us(best, u64::from(SIGNATURES)))
}

fn per_message_us(time: Duration, messages: u64) -> f64 {
    time.as_secs_f64() * 1e6 / messages as f64
}

fn percentile_us(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |delay| delay.as_secs_f64() * 1e6)
}
