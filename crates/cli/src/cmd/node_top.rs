//! `tatum node top`: a running node, live in the terminal.
//!
//! Invariant: drawing is a pure function of the last two answers of the node's status page; a node that does not answer is
//! shown as such, with what it said last, and is asked again.

use std::collections::{BTreeMap, VecDeque};
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use ratatui::Frame;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Paragraph, Row, Sparkline, Table};
use tatum_overlay::node::{Counters, PeerSummary, StreamSummary};
use tatum_primitives::{Epoch, Nano, OperatorId, StreamKey, millis};
use tatum_protocol::EpochState;
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::status::NodeStatus;

use super::node_status::{StatusUrl, stopped, trackers, unreceipted_bytes};
use crate::amounts::format_data;
use crate::args::AggregatorArgs;

/// How many rates the curve remembers.
const REMEMBERED: usize = 240;

/// How to watch.
#[derive(Debug, clap::Args)]
pub(crate) struct TopArgs {
    #[command(flatten)]
    status: StatusUrl,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    /// Milliseconds between two looks
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(100..))]
    every: u64,
}

pub(crate) async fn run(args: &TopArgs) -> anyhow::Result<ExitCode> {
    if !std::io::stdout().is_terminal() {
        bail!("standard output is no terminal; `tatum node status --json` prints the same once");
    }
    let mut screen = Screen::default();
    screen.look(args.status.fetch().await, Instant::now());
    let mut terminal = ratatui::try_init()?;
    let watched = watch(args, &mut terminal, &mut screen).await;
    ratatui::try_restore()?;
    watched?;
    Ok(ExitCode::SUCCESS)
}

async fn watch(
    args: &TopArgs,
    terminal: &mut ratatui::DefaultTerminal,
    screen: &mut Screen,
) -> anyhow::Result<()> {
    let aggregator = args.aggregator.client()?;
    loop {
        if let Some(operator) = screen.operator() {
            // Earnings come seldom and are not the node's: what fails is shown as unknown.
            screen.earned = earned(&aggregator, operator).await.ok().flatten();
        }
        terminal.draw(|frame| screen.draw(frame))?;
        let until = Instant::now() + Duration::from_millis(args.every);
        if tokio::task::spawn_blocking(move || quits_before(until)).await?? {
            return Ok(());
        }
        screen.look(args.status.fetch().await, Instant::now());
    }
}

/// Waits; true if the user wants to go.
fn quits_before(until: Instant) -> std::io::Result<bool> {
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        if !event::poll(left)? {
            continue;
        }
        if let Event::Key(key) = event::read()? {
            let interrupt =
                key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
            if interrupt || matches!(key.code, KeyCode::Char('q') | KeyCode::Esc) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// An operator's final earnings, as the aggregator tells them; `tatum operator status` checks them against the chain.
async fn earned(
    aggregator: &AggregatorClient,
    operator: OperatorId,
) -> anyhow::Result<Option<(Epoch, Nano)>> {
    let listed = aggregator.epochs(10).await?;
    let finalized = listed.iter().filter(|listed| listed.state == EpochState::Finalized);
    let Some(newest) = finalized.map(|listed| listed.epoch).max() else { return Ok(None) };
    let proof = aggregator.operator_proof(newest, operator).await?;
    Ok(Some((newest, proof.cumulative_nano)))
}

/// What is drawn.
#[derive(Debug, Default)]
struct Screen {
    now: Option<NodeStatus>,
    at: Option<Instant>,
    per_second: Counters,
    streams_per_second: BTreeMap<StreamKey, (u64, u64)>,
    curve: VecDeque<u64>,
    earned: Option<(Epoch, Nano)>,
    silent: Option<String>,
}

impl Screen {
    fn operator(&self) -> Option<OperatorId> {
        self.now.as_ref()?.operator_id
    }

    /// Takes an answer of the node, or that there was none.
    fn look(&mut self, answer: anyhow::Result<NodeStatus>, at: Instant) {
        let seen = match answer {
            Ok(seen) => seen,
            Err(error) => {
                self.silent = Some(format!("{error:#}"));
                return;
            }
        };
        self.silent = None;
        if let (Some(before), Some(since)) = (&self.now, self.at) {
            let ms = millis(at.duration_since(since)).max(1);
            // A node that was started again counts from 0.
            let rate = |new: u64, old: u64| new.saturating_sub(old).saturating_mul(1000) / ms;
            let (new, old) = (&seen.messages, &before.messages);
            self.per_second = Counters {
                messages: rate(new.messages, old.messages),
                bytes: rate(new.bytes, old.bytes),
                forwarded: rate(new.forwarded, old.forwarded),
                duplicates: rate(new.duplicates, old.duplicates),
                ..Counters::default()
            };
            let of_stream = |stream: &StreamSummary| {
                let old = before.streams.iter().find(|old| old.stream == stream.stream);
                let (messages, bytes) = old.map_or((0, 0), |old| (old.messages, old.bytes));
                (stream.stream, (rate(stream.messages, messages), rate(stream.bytes, bytes)))
            };
            self.streams_per_second = seen.streams.iter().map(of_stream).collect();
            self.curve.push_back(self.per_second.messages);
            if self.curve.len() > REMEMBERED {
                self.curve.pop_front();
            }
        }
        self.now = Some(seen);
        self.at = Some(at);
    }

    fn draw(&self, frame: &mut Frame<'_>) {
        let Some(now) = &self.now else {
            let why = self.silent.clone().unwrap_or_default();
            frame.render_widget(
                Paragraph::new(why).wrap(ratatui::widgets::Wrap { trim: true }),
                frame.area(),
            );
            return;
        };
        let streams = u16::try_from(now.streams.len()).unwrap_or(u16::MAX).saturating_add(3);
        let parts = Layout::vertical([
            Constraint::Length(6),
            Constraint::Length(5),
            Constraint::Length(streams.min(frame.area().height / 3)),
            Constraint::Min(4),
            Constraint::Length(1),
        ]);
        let [head, curve, middle, bottom, foot] = parts.areas(frame.area());
        self.draw_head(now, frame, head);
        let newest = self.curve.iter().rev().take(usize::from(curve.width.saturating_sub(2)));
        let mut newest: Vec<u64> = newest.copied().collect();
        newest.reverse();
        let title = format!(" messages a second: {} ", self.per_second.messages);
        frame.render_widget(
            Sparkline::default().block(Block::bordered().title(title)).data(newest),
            curve,
        );
        self.draw_streams(now, frame, middle);
        draw_peers(now, frame, bottom);
        let foot_text = match &self.silent {
            Some(why) => format!(" no answer: {why}"),
            None => " q: quit".to_owned(),
        };
        frame.render_widget(Line::from(foot_text), foot);
    }

    fn draw_head(&self, now: &NodeStatus, frame: &mut Frame<'_>, area: Rect) {
        let operator =
            now.operator_id.map_or_else(|| "no operator".to_owned(), |id| format!("operator {id}"));
        let tracker = format!("tracker {}", trackers(now));
        let earned = self.earned.map_or_else(
            || "earned: unknown".to_owned(),
            |(epoch, nano)| format!("earned {} up to epoch {epoch}", format_data(nano.to_wei())),
        );
        let (rate, counted, receipts) = (&self.per_second, &now.messages, &now.receipts);
        let lines = vec![
            Line::from(format!("{}  {operator}  {tracker}", now.node)),
            Line::from(format!(
                "in {}/s {}/s  forwarded {}/s  duplicates {}/s  invalid {}  lost {}  dropped {}",
                rate.messages,
                size(rate.bytes),
                rate.forwarded,
                rate.duplicates,
                counted.invalid,
                counted.lost,
                now.dropped_packets
            )),
            Line::from(format!(
                "receipts: {} kept, {} waiting for the aggregator, {} rejected; stops: credit {}, quota {}",
                receipts.kept,
                receipts.waiting_for_aggregator,
                receipts.rejected_by_aggregator,
                counted.credit_stops,
                counted.quota_stops
            )),
            Line::from(earned),
        ];
        frame.render_widget(
            Paragraph::new(lines).block(Block::bordered().title(" tatum node ")),
            area,
        );
    }

    fn draw_streams(&self, now: &NodeStatus, frame: &mut Frame<'_>, area: Rect) {
        let row = |stream: &StreamSummary| {
            let (messages, bytes) =
                self.streams_per_second.get(&stream.stream).copied().unwrap_or_default();
            Row::new([
                short(&stream.stream.to_string()),
                stream.assigned.to_string(),
                messages.to_string(),
                size(bytes),
                format!("{} ms", stream.delay_ms),
            ])
        };
        let widths = [
            Constraint::Min(20),
            Constraint::Length(10),
            Constraint::Length(8),
            Constraint::Length(10),
            Constraint::Length(8),
        ];
        let table = Table::new(now.streams.iter().map(row), widths)
            .header(head(["stream", "neighbours", "msg/s", "bytes/s", "delay"]))
            .block(Block::bordered().title(" streams "));
        frame.render_widget(table, area);
    }
}

fn draw_peers(now: &NodeStatus, frame: &mut Frame<'_>, area: Rect) {
    let row = |peer: &PeerSummary| {
        Row::new([
            short(&peer.node.to_string()),
            if peer.relay { "relay" } else { "client" }.to_owned(),
            peer.operator_id.map_or_else(|| "–".to_owned(), |id| id.to_string()),
            peer.points.to_string(),
            peer.streams.to_string(),
            size(unreceipted_bytes(peer)),
            if stopped(peer) { "stopped" } else { "" }.to_owned(),
        ])
    };
    let widths = [
        Constraint::Min(20),
        Constraint::Length(7),
        Constraint::Length(8),
        Constraint::Length(7),
        Constraint::Length(7),
        Constraint::Length(15),
        Constraint::Length(8),
    ];
    let table = Table::new(now.peers.iter().map(row), widths)
        .header(head([
            "neighbour",
            "kind",
            "operator",
            "points",
            "streams",
            "without receipt",
            "service",
        ]))
        .block(Block::bordered().title(" neighbours "));
    frame.render_widget(table, area);
}

fn head<const N: usize>(names: [&'static str; N]) -> Row<'static> {
    Row::new(names).style(Style::default().add_modifier(Modifier::BOLD))
}

fn short(id: &str) -> String {
    match (id.get(..12), id.get(id.len().saturating_sub(6)..)) {
        (Some(first), Some(last)) if id.len() > 20 => format!("{first}…{last}"),
        _ => id.to_owned(),
    }
}

fn size(bytes: u64) -> String {
    const STEPS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let step = STEPS.iter().find(|(unit, _)| bytes >= *unit);
    step.map_or_else(
        || format!("{bytes} B"),
        |(unit, name)| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
    )
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use tatum_overlay::node::PayerSummary;
    use tatum_primitives::{Address, B256, NodeId, Role};
    use tatum_protocol::status::{NodeReceipts, ReceiptCounts};

    use super::*;

    fn snapshot(messages: u64) -> NodeStatus {
        let node = NodeId(B256::repeat_byte(0x11));
        let stream = StreamKey(B256::repeat_byte(0x22));
        let bytes = messages * 1500;
        let counters = Counters { messages, bytes, forwarded: messages * 3, ..Counters::default() };
        let payer = PayerSummary {
            payer: Address::repeat_byte(0x33),
            stream,
            role: Role::Subscriber,
            unreceipted_bytes: 3072,
            stopped: true,
        };
        let peer = PeerSummary {
            node,
            relay: false,
            operator_id: None,
            points: 12,
            streams: 1,
            payers: vec![payer],
        };
        let receipts = NodeReceipts {
            taken: ReceiptCounts { accepted: 5, ..ReceiptCounts::default() },
            kept: 7,
            waiting_for_aggregator: 2,
            rejected_by_aggregator: 0,
            handed_in: 5,
            rejections: 0,
            hand_in_failures: 0,
        };
        NodeStatus {
            node,
            operator_id: Some(OperatorId(3)),
            ask_nano_per_gib: None,
            tracker_connected: true,
            trackers: Vec::new(),
            messages: counters,
            dropped_packets: 0,
            refused_datagrams: 0,
            streams: vec![StreamSummary { stream, assigned: 4, messages, bytes, delay_ms: 41 }],
            peers: vec![peer],
            receipts,
        }
    }

    fn drawn(screen: &Screen) -> String {
        let mut terminal = Terminal::new(TestBackend::new(100, 24)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    #[test]
    fn rates_are_what_changed_in_the_time_between() {
        let start = Instant::now();
        let mut screen = Screen::default();
        screen.look(Ok(snapshot(100)), start);
        screen.look(Ok(snapshot(300)), start + Duration::from_secs(2));
        assert_eq!((screen.per_second.messages, screen.per_second.bytes), (100, 150_000));
        let text = drawn(&screen);
        for shown in [
            "operator 3",
            "tracker connected",
            "in 100/s 146.4 KiB/s",
            "forwarded 300/s",
            "41 ms",
            "3.0 KiB",
            "stopped",
            "earned: unknown",
        ] {
            assert!(text.contains(shown), "{shown} is missing:\n{text}");
        }
    }

    #[test]
    fn a_restart_is_no_negative_rate_and_silence_is_said() {
        let start = Instant::now();
        let mut screen = Screen::default();
        screen.look(Ok(snapshot(300)), start);
        screen.look(Ok(snapshot(10)), start + Duration::from_secs(1));
        assert_eq!(screen.per_second.messages, 0);
        screen.look(Err(anyhow::anyhow!("connection refused")), start + Duration::from_secs(2));
        assert!(drawn(&screen).contains("no answer: connection refused"));
        let mut blind = Screen::default();
        blind.look(Err(anyhow::anyhow!("connection refused")), start);
        assert!(drawn(&blind).contains("connection refused"));
    }

    #[test]
    fn sizes_and_ids_are_short() {
        assert_eq!(
            (size(5), size(1536), size(3 << 20)),
            ("5 B".to_owned(), "1.5 KiB".to_owned(), "3.0 MiB".to_owned())
        );
        assert_eq!(short(&format!("0x{}", "ab".repeat(32))), "0xababababab…ababab");
        assert_eq!(short("0x12"), "0x12");
    }
}
