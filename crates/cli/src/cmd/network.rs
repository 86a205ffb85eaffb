//! `tatum network`: what trackers know of the network.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Serialize;
use tatum_node::{TrackerAddress, Trackers};
use tatum_primitives::{NodeId, StreamKey};
use tatum_protocol::Graph;
use tatum_protocol::client::TrackerClient;

use crate::args::{StreamArg, TrackerArgs};
use crate::output::Output;

/// The drawing's edge, in pixels.
const EDGE: f64 = 900.0;

/// What to look at.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Draw who is whose neighbour in a stream
    #[command(
        after_help = "Example:\n  tatum network map --stream 0xabc…/weather --out weather.svg\n\nRelays are discs, coloured by operator; clients are rings."
    )]
    Map(MapArgs),
}

/// How to draw.
#[derive(Debug, clap::Args)]
pub(crate) struct MapArgs {
    /// Stream partition, as ID or ID#PARTITION
    #[arg(long, value_name = "STREAM")]
    stream: StreamArg,
    #[command(flatten)]
    trackers: TrackerArgs,
    /// The SVG file to write
    #[arg(long, value_name = "FILE", default_value = "network.svg")]
    out: PathBuf,
}

#[derive(Serialize)]
struct Drawn {
    file: PathBuf,
    #[serde(flatten)]
    graph: Graph,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let Command::Map(args) = command;
    let trackers = args.trackers.trackers()?;
    let Some(graph) = ask(&trackers, args.stream.key(), output).await? else {
        bail!("no tracker knows anybody in {}", args.stream.id);
    };
    let drawing = draw(&graph);
    std::fs::write(&args.out, drawing)
        .with_context(|| format!("writing {}", args.out.display()))?;
    let relays = graph.nodes.iter().filter(|place| place.relay).count();
    let rows = [
        ("file", args.out.display().to_string()),
        ("relays", relays.to_string()),
        ("clients", (graph.nodes.len() - relays).to_string()),
        ("links", graph.links.len().to_string()),
    ];
    output.result(&Drawn { file: args.out, graph }, &rows);
    Ok(ExitCode::SUCCESS)
}

/// What the stream's tracker knows; if it is gone, the next one has the stream. An error if none answers.
async fn ask(
    trackers: &Trackers,
    stream: StreamKey,
    output: &Output,
) -> anyhow::Result<Option<Graph>> {
    let mut failed = None;
    let mut answered = false;
    for tracker in trackers.ranked(stream.0) {
        match fetch(tracker, stream).await {
            Ok(graph) if !graph.nodes.is_empty() => return Ok(Some(graph)),
            Ok(_) => answered = true,
            Err(error) => {
                if trackers.list().len() > 1 {
                    output.progress(format!("warning: {error:#}"));
                }
                failed = Some(error);
            }
        }
    }
    match failed {
        Some(error) if !answered => Err(error),
        _ => Ok(None),
    }
}

async fn fetch(tracker: &TrackerAddress, stream: StreamKey) -> anyhow::Result<Graph> {
    let tracker = TrackerClient::new(&tracker.http_url())?;
    let graph = tracker.graph(stream).await;
    graph.with_context(|| format!("asking the tracker at {}", tracker.base()))
}

/// Places linked nodes near each other, in a fixed number of rounds from a circle: the same graph gives the same picture.
fn layout(graph: &Graph) -> BTreeMap<NodeId, (f64, f64)> {
    const ROUNDS: u32 = 200;
    let count = graph.nodes.len();
    let mut at: Vec<(f64, f64)> = (0..count)
        .map(|i| {
            let angle = std::f64::consts::TAU * i as f64 / count as f64;
            (angle.cos(), angle.sin())
        })
        .collect();
    let index: BTreeMap<NodeId, usize> =
        graph.nodes.iter().enumerate().map(|(i, place)| (place.node, i)).collect();
    let links: Vec<(usize, usize)> =
        graph.links.iter().filter_map(|(a, b)| Some((*index.get(a)?, *index.get(b)?))).collect();
    // The distance at which pull and push are even (Fruchterman and Reingold, 1991).
    let even = (4.0 / count as f64).sqrt();
    for round in 0..ROUNDS {
        let step = 0.2 * (1.0 - f64::from(round) / f64::from(ROUNDS));
        let mut push = vec![(0.0, 0.0); count];
        for i in 0..count {
            for j in i + 1..count {
                let (dx, dy, distance) = apart(at[i], at[j]);
                let force = even * even / distance;
                add(&mut push, i, (dx * force, dy * force));
                add(&mut push, j, (-dx * force, -dy * force));
            }
        }
        for &(i, j) in &links {
            let (dx, dy, distance) = apart(at[i], at[j]);
            let force = distance * distance / even;
            add(&mut push, i, (-dx * force, -dy * force));
            add(&mut push, j, (dx * force, dy * force));
        }
        for (place, (x, y)) in at.iter_mut().zip(push) {
            let length = x.hypot(y).max(1e-9);
            let limited = length.min(step) / length;
            *place = (place.0 + x * limited, place.1 + y * limited);
        }
    }
    fit(&mut at);
    graph.nodes.iter().map(|place| place.node).zip(at).collect()
}

/// The direction from `b` to `a`, of length 1, and their distance.
fn apart(a: (f64, f64), b: (f64, f64)) -> (f64, f64, f64) {
    let (dx, dy) = (a.0 - b.0, a.1 - b.1);
    let distance = dx.hypot(dy).max(1e-6);
    (dx / distance, dy / distance, distance)
}

fn add(push: &mut [(f64, f64)], i: usize, by: (f64, f64)) {
    push[i] = (push[i].0 + by.0, push[i].1 + by.1);
}

/// Stretches the picture to the drawing's edges.
fn fit(at: &mut [(f64, f64)]) {
    const MARGIN: f64 = 40.0;
    let bounds = |of: fn(&(f64, f64)) -> f64, at: &[(f64, f64)]| {
        at.iter().map(of).fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(x), high.max(x)))
    };
    let (left, right) = bounds(|place| place.0, at);
    let (top, bottom) = bounds(|place| place.1, at);
    let scale = |x: f64, low: f64, high: f64| {
        MARGIN + (x - low) / (high - low).max(1e-9) * (EDGE - 2.0 * MARGIN)
    };
    for place in at.iter_mut() {
        *place = (scale(place.0, left, right), scale(place.1, top, bottom));
    }
}

fn draw(graph: &Graph) -> String {
    let at = layout(graph);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {EDGE} {EDGE}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    // Writing to a string does not fail.
    for (a, b) in &graph.links {
        if let (Some((x1, y1)), Some((x2, y2))) = (at.get(a), at.get(b)) {
            let _ = writeln!(
                svg,
                "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"#9aa5b1\"/>"
            );
        }
    }
    for place in &graph.nodes {
        let Some((x, y)) = at.get(&place.node) else { continue };
        // Neighbouring ids get colours far apart: the golden angle.
        let hue = place.operator_id.map(|id| (u64::from(id.0) * 137) % 360);
        let colour = hue.map_or_else(|| "#52606d".to_owned(), |hue| format!("hsl({hue},65%,45%)"));
        let (radius, fill) = if place.relay { (9, colour.as_str()) } else { (6, "#ffffff") };
        let name = place.node.to_string();
        let name = name.get(..10).unwrap_or_default();
        let operator = place.operator_id.map(|id| format!(", operator {id}")).unwrap_or_default();
        let kind = if place.relay { "relay" } else { "client" };
        let _ = writeln!(
            svg,
            "<g><title>{kind} {}{operator}</title><circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{fill}\" \
             stroke=\"{colour}\" stroke-width=\"2\"/><text x=\"{:.1}\" y=\"{:.1}\" fill=\"#323f4b\">{name}</text></g>",
            place.node,
            x + 12.0,
            y + 4.0
        );
    }
    let caption =
        format!("{} · {} nodes, {} links", graph.stream, graph.nodes.len(), graph.links.len());
    let _ = writeln!(svg, "<text x=\"10\" y=\"18\" fill=\"#323f4b\">{caption}</text>\n</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use tatum_primitives::{B256, OperatorId};
    use tatum_protocol::Vertex;

    use super::*;

    fn graph(nodes: u8, links: &[(u8, u8)]) -> Graph {
        let id = |n: u8| NodeId(B256::repeat_byte(n));
        Graph {
            stream: StreamKey(B256::repeat_byte(7)),
            nodes: (0..nodes)
                .map(|n| Vertex {
                    node: id(n),
                    relay: n % 2 == 0,
                    operator_id: (n % 2 == 0).then_some(OperatorId(n.into())),
                })
                .collect(),
            links: links.iter().map(|&(a, b)| (id(a), id(b))).collect(),
            round_trips: Vec::new(),
        }
    }

    #[test]
    fn every_node_and_link_is_drawn_inside_the_picture() {
        let graph = graph(6, &[(0, 1), (1, 2), (2, 3), (4, 5)]);
        let svg = draw(&graph);
        assert_eq!(svg.matches("<line").count(), 4);
        assert_eq!(svg.matches("<circle").count(), 6);
        assert!(
            layout(&graph)
                .values()
                .all(|(x, y)| (0.0..=EDGE).contains(x) && (0.0..=EDGE).contains(y))
        );
        assert_eq!(svg, draw(&graph));
    }

    #[test]
    fn neighbours_are_nearer_than_strangers() {
        let at = layout(&graph(6, &[(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)]));
        let place = |n: u8| at[&NodeId(B256::repeat_byte(n))];
        let distance = |a, b| apart(place(a), place(b)).2;
        assert!(distance(0, 1) < distance(0, 4) && distance(3, 5) < distance(2, 5));
    }

    #[test]
    fn one_node_alone_can_be_drawn() {
        assert_eq!(draw(&graph(1, &[])).matches("<circle").count(), 1);
    }
}
