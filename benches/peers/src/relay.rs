//! One relay hop: ours and gossipsub's, over TCP and over webrtc-direct.

use anyhow::Context;
use serde::Serialize;

use crate::gossip::{self, Link};
use crate::{progress, tatum};

/// Messages through our relay: its memory is looked at after a million.
const MESSAGES: u64 = 1_000_000;
/// Messages through gossipsub's.
const TCP_MESSAGES: u64 = 200_000;
const WEBRTC_MESSAGES: u64 = 50_000;
/// Seconds at 1000 messages a second.
const STEADY_S: u32 = 20;

/// The figures, by the names under which they are compared from run to run.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    relay_msgs_per_s: u64,
    gossipsub_tcp_msgs_per_s: u64,
    gossipsub_webrtc_msgs_per_s: u64,
    relay_p99_us: u64,
    gossipsub_tcp_p99_us: u64,
    cpu_us_per_message: f64,
    rss_mb_after_1m: f64,
    channel_ratio: f64,
}

pub(crate) fn measure(tatum: &str) -> anyhow::Result<Figures> {
    progress("gossipsub over TCP");
    let tcp = gossip::measure(Link::Tcp, TCP_MESSAGES, STEADY_S).context("over TCP")?;
    eprintln!("   {tcp}");
    progress("gossipsub over webrtc-direct");
    let webrtc = gossip::measure(Link::Webrtc, WEBRTC_MESSAGES, STEADY_S);
    let webrtc = webrtc.context("over webrtc-direct")?;
    eprintln!("   {webrtc}");
    progress("our relay, a million messages");
    let ours = tatum::relay(tatum, MESSAGES, STEADY_S).context("tatum bench relay")?;
    eprintln!("   {ours}");
    Ok(Figures {
        relay_msgs_per_s: ours.relay_msgs_per_s as u64,
        gossipsub_tcp_msgs_per_s: tcp.msgs_per_s as u64,
        gossipsub_webrtc_msgs_per_s: webrtc.msgs_per_s as u64,
        relay_p99_us: ours.relay_p99_us as u64,
        gossipsub_tcp_p99_us: tcp.p99_us as u64,
        cpu_us_per_message: crate::round(ours.cpu_us_per_message),
        rss_mb_after_1m: crate::round(ours.rss_mb),
        channel_ratio: crate::round(ours.channel_ratio),
    })
}

/// A short look at gossipsub alone.
pub(crate) fn gossip_alone(link: &str) -> anyhow::Result<()> {
    const MESSAGES: u64 = 20_000;
    const STEADY_S: u32 = 5;
    println!("{}", gossip::measure(Link::parse(link)?, MESSAGES, STEADY_S)?);
    Ok(())
}
