//! A picture of a scenario's first run: each curve as a multiple of where it began.
//!
//! Invariant: integers only from the values on, so that one report draws the same picture byte for byte.

use std::fmt::Write;

use crate::agents::bytes;
use crate::report::Report;

const WIDTH: u64 = 720;
const HEIGHT: u64 = 400;
const LEFT: u64 = 60;
const RIGHT: u64 = 150;
const BOTTOM: u64 = 50;
const TOP: u64 = 40;
const COLOURS: [&str; 6] = ["#c62828", "#1565c0", "#2e7d32", "#6a1b9a", "#ef6c00", "#555"];

/// Draws a report as SVG; nothing if it has no curves.
#[must_use]
pub fn svg(report: &Report) -> Option<String> {
    let longest = report.curves.iter().map(|curve| curve.values.len() as u64).max()?;
    let values = report.curves.iter().flat_map(|curve| &curve.values);
    let top_milli = values.map(|value| milli(*value)).max()?.clamp(1_000, 100_000);
    let mut out = String::new();
    frame(&mut out, report, longest, top_milli);
    for (number, curve) in report.curves.iter().enumerate() {
        let colour = COLOURS.get(number % COLOURS.len()).copied().unwrap_or("#555");
        let mut points = String::new();
        for (epoch, value) in (0..).zip(&curve.values) {
            // Writing to a string does not fail.
            let _ = write!(points, "{},{} ", x(epoch, longest), y(milli(*value), top_milli));
        }
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\
             <text x=\"{}\" y=\"{}\" fill=\"{colour}\">{}</text>",
            points.trim_end(),
            WIDTH - RIGHT + 8,
            TOP + 14 + 18 * number as u64,
            curve.name
        );
    }
    out.push_str("</svg>\n");
    Some(out)
}

fn frame(out: &mut String, report: &Report, epochs: u64, top_milli: u64) {
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{}, seed {}: by epoch</text>\n",
        report.scenario, report.seed
    );
    for quarter in 0..=4 {
        let (value, epoch) = (top_milli * quarter / 4, epochs * quarter / 4);
        let at = y(value, top_milli);
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at}\" y2=\"{at}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}.{:02}</text>\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{epoch}</text>",
            WIDTH - RIGHT,
            LEFT - 6,
            at + 4,
            value / 1_000,
            value % 1_000 / 10,
            x(epoch, epochs),
            HEIGHT - BOTTOM + 18,
        );
    }
}

fn x(epoch: u64, epochs: u64) -> u64 {
    LEFT + epoch * (WIDTH - LEFT - RIGHT) / epochs.max(1)
}

fn y(value_milli: u64, top_milli: u64) -> u64 {
    HEIGHT - BOTTOM - value_milli.min(top_milli) * (HEIGHT - BOTTOM - TOP) / top_milli.max(1)
}

fn milli(value: f64) -> u64 {
    bytes(value * 1_000.0)
}
