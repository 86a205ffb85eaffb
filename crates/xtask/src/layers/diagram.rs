//! The crates as a picture: layers from the highest down, an arrow to each crate that another leans on directly.
//!
//! Invariant: an arrow that follows from others is left out, so that the picture can be read; `docs/architecture.md` holds the same.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use anyhow::Context;

use super::read;
use super::rules::Layer;
use super::workspace::Crate;

/// Where the picture is kept, between these lines.
const PAGE: &str = "docs/architecture.md";
const BEGIN: &str = "<!-- cargo xtask layers --draw -->\n```mermaid\n";
const END: &str = "```\n";

/// For Graphviz.
pub(super) fn dot(crates: &[Crate]) -> String {
    let mut text = String::from("digraph crates {\n  rankdir = TB;\n  node [shape = box];\n");
    for (number, layer) in Layer::ALL.into_iter().enumerate() {
        let names: Vec<String> =
            drawn(crates, layer).map(|one| format!("\"{}\"", one.name)).collect();
        let (title, names) = (layer.title(), names.join("; "));
        let _ = writeln!(text, "  subgraph cluster_{number} {{ label = \"{title}\"; {names} }}");
    }
    for (from, to) in arrows(crates) {
        let _ = writeln!(text, "  \"{from}\" -> \"{to}\";");
    }
    text + "}\n"
}

/// For Mermaid.
fn mermaid(crates: &[Crate]) -> String {
    let mut text = String::from("flowchart TB\n");
    for layer in Layer::ALL {
        let _ = writeln!(text, "  subgraph {layer:?}[\"{}\"]", layer.title());
        for one in drawn(crates, layer) {
            let _ = writeln!(text, "    {}", one.name);
        }
        text.push_str("  end\n");
    }
    for (from, to) in arrows(crates) {
        let _ = writeln!(text, "  {from} --> {to}");
    }
    text
}

/// A line if the page has another picture.
pub(super) fn stale(root: &Path, crates: &[Crate]) -> anyhow::Result<Option<String>> {
    let page = read(&root.join(PAGE))?;
    let same = page == with_picture(&page, crates)?;
    Ok((!same).then(|| format!("{PAGE}: its picture is old; run cargo xtask layers --draw")))
}

/// Draws the picture anew in the page.
pub(super) fn draw(root: &Path, crates: &[Crate]) -> anyhow::Result<()> {
    let page = with_picture(&read(&root.join(PAGE))?, crates)?;
    std::fs::write(root.join(PAGE), page).context(PAGE)
}

fn with_picture(page: &str, crates: &[Crate]) -> anyhow::Result<String> {
    let (before, rest) = page.split_once(BEGIN).with_context(|| format!("no picture in {PAGE}"))?;
    let (_, after) =
        rest.split_once(END).with_context(|| format!("no end of the picture in {PAGE}"))?;
    Ok(format!("{before}{BEGIN}{}{END}{after}", mermaid(crates)))
}

fn drawn(crates: &[Crate], layer: Layer) -> impl Iterator<Item = &Crate> {
    crates.iter().filter(move |one| Layer::of(&one.name) == Some(layer))
}

/// From each crate to those it leans on and reaches no other way.
fn arrows(crates: &[Crate]) -> Vec<(&str, &str)> {
    let mut arrows = Vec::new();
    for one in crates {
        let direct: Vec<&Crate> = direct(crates, one).collect();
        let through_others: BTreeSet<&str> =
            direct.iter().flat_map(|other| reached(crates, other)).collect();
        let shown = direct.iter().filter(|other| !through_others.contains(other.name.as_str()));
        arrows.extend(shown.map(|other| (one.name.as_str(), other.name.as_str())));
    }
    arrows
}

fn direct<'a>(crates: &'a [Crate], one: &'a Crate) -> impl Iterator<Item = &'a Crate> {
    crates.iter().filter(|other| one.dependencies.contains(&other.name))
}

/// Everything below a crate; dependencies have no circles.
fn reached<'a>(crates: &'a [Crate], one: &'a Crate) -> BTreeSet<&'a str> {
    let below = direct(crates, one).flat_map(|other| {
        let mut names = reached(crates, other);
        names.insert(other.name.as_str());
        names
    });
    below.collect()
}
