//! A picture of how fast messages spread: which share of receivers has a message by when.
//!
//! Invariant: integers only, so that the same outcome draws the same picture byte for byte.

use std::fmt::Write;

use super::Outcome;

const WIDTH: u64 = 720;
const HEIGHT: u64 = 400;
const LEFT: u64 = 60;
const BOTTOM: u64 = 50;
const TOP: u64 = 40;
const POINTS: usize = 200;

/// Draws an outcome as SVG.
#[must_use]
pub fn svg(outcome: &Outcome) -> String {
    let delays = &outcome.delays_us;
    let last_us = delays.last().copied().unwrap_or(1).max(1);
    let step_us = nice_step(last_us / 6);
    let end_us = last_us.div_ceil(step_us) * step_us;
    let x = |us: u64| LEFT + us * (WIDTH - LEFT - 20) / end_us;
    let y = |share: u64, of: u64| HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP) / of.max(1);
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{} nodes: receivers that have a message, by \
         time since publication</text>\n",
        outcome.report.nodes
    );
    for percent in (0..=100).step_by(25) {
        let at = y(percent, 100);
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at}\" y2=\"{at}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{percent} %</text>",
            WIDTH - 20,
            LEFT - 6,
            at + 4
        );
    }
    let mut tick_us = 0;
    while tick_us <= end_us {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{} ms</text>",
            x(tick_us),
            HEIGHT - BOTTOM + 18,
            tick_us / 1_000
        );
        tick_us += step_us;
    }
    let mut points = String::new();
    for point in 0..=POINTS {
        let index = (delays.len().saturating_sub(1)) * point / POINTS;
        let us = delays.get(index).copied().unwrap_or_default();
        let _ = write!(points, "{},{} ", x(us), y(index as u64 + 1, delays.len() as u64));
    }
    let _ = writeln!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1565c0\" stroke-width=\"2\"/>",
        points.trim_end()
    );
    let marks = [
        ("mean direct link", outcome.report.mean_link_ms, "#888"),
        ("mean", outcome.report.mean_ms, "#2e7d32"),
        ("99 %", outcome.report.p99_ms, "#c62828"),
    ];
    for (number, (name, ms, colour)) in (0..).zip(marks) {
        let at = x(whole(ms * 1_000.0).min(end_us));
        let _ = writeln!(
            out,
            "<line x1=\"{at}\" x2=\"{at}\" y1=\"{TOP}\" y2=\"{}\" stroke=\"{colour}\" \
             stroke-dasharray=\"4 3\"/><text x=\"{}\" y=\"{}\" fill=\"{colour}\">{name} {} \
             ms</text>",
            HEIGHT - BOTTOM,
            at + 4,
            TOP + 14 + 16 * number,
            whole(ms)
        );
    }
    out.push_str("</svg>\n");
    out
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a time of a picture: not negative and far below 2^52"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}

/// 1, 2 or 5 times a power of ten, at least `about`.
fn nice_step(about: u64) -> u64 {
    let mut step = 1_000;
    loop {
        for factor in [1, 2, 5] {
            if step * factor >= about {
                return step * factor;
            }
        }
        step *= 10;
    }
}
