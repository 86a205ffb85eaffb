//! rust-libp2p's gossipsub over one hop: publisher → relay → subscriber, the relay as a process of its own, every message
//! signed by its publisher and its signature checked at the relay and at the subscriber.
//!
//! Invariant: as in `tatum bench relay`, a message counts once the subscriber has it, not one may be missing, and no more
//! than [`WINDOW`] are on their way. Tuned for this: no gossip about large messages (there is nobody to tell), queues
//! larger than the window, TCP without delay. Keys are ed25519, libp2p's default.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::Ipv4Addr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use futures::StreamExt;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::gossipsub::{self, IdentTopic, MessageAuthenticity, ValidationMode};
use libp2p::swarm::SwarmEvent;
use libp2p::{Multiaddr, Swarm, SwarmBuilder, Transport as _, identity, noise, tcp, yamux};
use libp2p_webrtc::tokio as webrtc;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

/// As in `tatum bench relay`.
const PAYLOAD_BYTES: usize = 1024;
const WINDOW: u64 = 512;
const WARM_UP: u64 = 2_000;
const STEADY_PER_S: u32 = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);

/// What the messages travel over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    Tcp,
    Webrtc,
}

impl Link {
    pub(crate) fn parse(name: &str) -> anyhow::Result<Self> {
        match name {
            "tcp" => Ok(Self::Tcp),
            "webrtc" => Ok(Self::Webrtc),
            other => bail!("{other:?} is neither tcp nor webrtc"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Webrtc => "webrtc",
        }
    }

    fn listen(self) -> Multiaddr {
        let address = Multiaddr::empty().with(Ipv4Addr::LOCALHOST.into());
        match self {
            Self::Tcp => address.with(libp2p::multiaddr::Protocol::Tcp(0)),
            Self::Webrtc => address
                .with(libp2p::multiaddr::Protocol::Udp(0))
                .with(libp2p::multiaddr::Protocol::WebRTCDirect),
        }
    }
}

/// What one hop does.
pub(crate) struct Measured {
    pub(crate) msgs_per_s: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// User and system time of the relay's process for a message to one subscriber, flat out.
    pub(crate) cpu_us_per_message: f64,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { msgs_per_s, p50_us, p99_us, cpu_us_per_message } = self;
        write!(
            f,
            "{msgs_per_s:.0} messages/s, p50 {p50_us:.0} µs, p99 {p99_us:.0} µs, \
             {cpu_us_per_message:.0} µs of CPU a message (1 subscriber)"
        )
    }
}

type Gossip = Swarm<gossipsub::Behaviour>;

fn topic() -> IdentTopic {
    IdentTopic::new("bench/relay")
}

fn swarm(link: Link) -> anyhow::Result<Gossip> {
    // webrtc-rs asks rustls for the process's cryptography; of the two that are built in, it knows ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = gossipsub::ConfigBuilder::default()
        .validation_mode(ValidationMode::Strict)
        .max_transmit_size(64 * 1024)
        .idontwant_message_size_threshold(64 * 1024)
        .build()
        .map_err(|error| anyhow::anyhow!("{error}"))?;
    let behaviour = move |key: &identity::Keypair| {
        gossipsub::Behaviour::new(MessageAuthenticity::Signed(key.clone()), config)
            .map_err(|error| Box::<dyn std::error::Error + Send + Sync>::from(error.to_owned()))
    };
    let builder = SwarmBuilder::with_new_identity().with_tokio();
    let forever = |config: libp2p::swarm::Config| {
        config.with_idle_connection_timeout(Duration::from_secs(3_600))
    };
    let mut swarm = match link {
        Link::Tcp => builder
            .with_tcp(
                tcp::Config::default().nodelay(true),
                noise::Config::new,
                yamux::Config::default,
            )?
            .with_behaviour(behaviour)?
            .with_swarm_config(forever)
            .build(),
        Link::Webrtc => builder
            .with_other_transport(|key| {
                let certificate = webrtc::Certificate::generate(&mut rand::rng())?;
                let transport = webrtc::Transport::new(key.clone(), certificate);
                Ok(transport.map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection))))
            })?
            .with_behaviour(behaviour)?
            .with_swarm_config(forever)
            .build(),
    };
    swarm.behaviour_mut().subscribe(&topic())?;
    Ok(swarm)
}

/// The relay's process: prints where it listens, and ends with its standard input.
pub(crate) fn relay_process(link: Link) -> anyhow::Result<()> {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    Runtime::new()?.block_on(async {
        let mut swarm = swarm(link)?;
        swarm.listen_on(link.listen())?;
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                let mut out = std::io::stdout();
                writeln!(out, "{address}/p2p/{}", swarm.local_peer_id())?;
                out.flush()?;
            }
        }
    })
}

struct Relay {
    process: Child,
    address: Multiaddr,
}

impl Relay {
    fn start(link: Link) -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["gossip-relay", link.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("starting the relay's process")?;
        let out = process.stdout.take().context("the relay has no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let line = line.trim();
        // A webrtc-direct address ends with the peer already.
        let address = line.parse().with_context(|| format!("reading {line}"))?;
        Ok(Self { process, address })
    }

    fn cpu_time(&self) -> anyhow::Result<Duration> {
        const TICKS_PER_S: f64 = 100.0;
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let fields = text.rsplit(')').next().unwrap_or_default();
        let ticks: Vec<u64> =
            fields.split_whitespace().skip(11).take(2).map_while(|f| f.parse().ok()).collect();
        ensure!(ticks.len() == 2, "/proc is not understood");
        Ok(Duration::from_secs_f64(ticks.iter().sum::<u64>() as f64 / TICKS_PER_S))
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// Runs publisher and subscriber here and the relay beside.
pub(crate) fn measure(link: Link, messages: u64, steady_s: u32) -> anyhow::Result<Measured> {
    Runtime::new()?.block_on(hop(link, messages, steady_s))
}

async fn hop(link: Link, messages: u64, steady_s: u32) -> anyhow::Result<Measured> {
    let relay = Relay::start(link)?;
    let publisher = joined(link, &relay).await.context("the publisher")?;
    let subscriber = joined(link, &relay).await.context("the subscriber")?;
    let (payloads, queue) = mpsc::channel(1024);
    let (sender, delivered) = watch::channel(0);
    let (stop, stopped) = oneshot::channel();
    let started = Instant::now();
    tokio::spawn(publish(publisher, queue));
    let reading = tokio::spawn(read(subscriber, sender, stopped, started));
    // The relay takes the subscriber into its mesh with a heartbeat, one a second.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut flow = Flow { payloads, delivered, started, published: 0 };
    flow.flat_out(WARM_UP).await?;
    flow.steady(steady_s).await?;
    let before = relay.cpu_time()?;
    let took = flow.flat_out(messages).await?;
    let cpu = relay.cpu_time()?.saturating_sub(before);
    let _ = stop.send(());
    let mut delays = reading.await??;
    let steady = u64::from(STEADY_PER_S) * u64::from(steady_s);
    let from = usize::try_from(WARM_UP)?;
    let delays = &mut delays[from..from + usize::try_from(steady)?];
    delays.sort_unstable();
    Ok(Measured {
        msgs_per_s: messages as f64 / took.as_secs_f64(),
        p50_us: percentile_us(delays, 50),
        p99_us: percentile_us(delays, 99),
        cpu_us_per_message: cpu.as_secs_f64() * 1e6 / messages as f64,
    })
}

/// A node that is connected to the relay and knows that it wants the topic.
async fn joined(link: Link, relay: &Relay) -> anyhow::Result<Gossip> {
    let mut swarm = swarm(link)?;
    // This webrtc-direct dials from a socket that it listens on.
    swarm.listen_on(link.listen())?;
    let subscribed = async {
        let mut dialed = false;
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { .. } if !dialed => {
                    dialed = true;
                    swarm.dial(relay.address.clone())?;
                }
                SwarmEvent::Behaviour(gossipsub::Event::Subscribed { .. }) => return Ok(()),
                SwarmEvent::OutgoingConnectionError { error, .. } => {
                    return Err(anyhow::Error::from(error));
                }
                _ => {}
            }
        }
    };
    timeout(PATIENCE, subscribed).await.context("the relay does not answer")??;
    Ok(swarm)
}

/// Publishes what it is handed, until the other end is gone.
async fn publish(mut swarm: Gossip, mut payloads: mpsc::Receiver<Vec<u8>>) -> anyhow::Result<()> {
    loop {
        tokio::select! {
            _ = swarm.select_next_some() => {}
            payload = payloads.recv() => {
                let Some(payload) = payload else { return Ok(()) };
                swarm.behaviour_mut().publish(topic(), payload)?;
            }
        }
    }
}

/// Takes messages until told to stop; gives how long each was on its way.
async fn read(
    mut swarm: Gossip,
    delivered: watch::Sender<u64>,
    mut stop: oneshot::Receiver<()>,
    started: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let mut delays = Vec::new();
    loop {
        let event = tokio::select! {
            biased;
            event = swarm.select_next_some() => event,
            _ = &mut stop => return Ok(delays),
        };
        let SwarmEvent::Behaviour(gossipsub::Event::Message { message, .. }) = event else {
            continue;
        };
        let Some(at_nanos) = message.data.first_chunk() else { bail!("a short payload") };
        let at = Duration::from_nanos(u64::from_be_bytes(*at_nanos));
        delays.push(started.elapsed().saturating_sub(at));
        delivered.send_modify(|count| *count += 1);
    }
}

/// The load, as in `tatum bench relay`.
struct Flow {
    payloads: mpsc::Sender<Vec<u8>>,
    delivered: watch::Receiver<u64>,
    started: Instant,
    published: u64,
}

impl Flow {
    async fn flat_out(&mut self, count: u64) -> anyhow::Result<Duration> {
        let started = Instant::now();
        for _ in 0..count {
            if self.published.is_multiple_of(16) {
                self.arrived(self.published.saturating_sub(WINDOW)).await?;
            }
            self.publish().await?;
        }
        self.arrived(self.published).await?;
        Ok(started.elapsed())
    }

    async fn steady(&mut self, seconds: u32) -> anyhow::Result<()> {
        let mut ticks = interval(Duration::from_secs(1) / STEADY_PER_S);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for _ in 0..u64::from(STEADY_PER_S) * u64::from(seconds) {
            ticks.tick().await;
            self.publish().await?;
        }
        self.arrived(self.published).await
    }

    async fn publish(&mut self) -> anyhow::Result<()> {
        let mut payload = vec![0x2e; PAYLOAD_BYTES];
        let at_nanos = u64::try_from(self.started.elapsed().as_nanos())?;
        payload[..8].copy_from_slice(&at_nanos.to_be_bytes());
        self.payloads.send(payload).await.context("the publisher failed")?;
        self.published += 1;
        Ok(())
    }

    async fn arrived(&mut self, count: u64) -> anyhow::Result<()> {
        let enough = self.delivered.wait_for(|delivered| *delivered >= count);
        let enough = timeout(PATIENCE, enough)
            .await
            .with_context(|| format!("messages were lost: {} were published", self.published))?;
        ensure!(enough.is_ok(), "the subscriber failed");
        Ok(())
    }
}

fn percentile_us(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(0.0, |delay| delay.as_secs_f64() * 1e6)
}
