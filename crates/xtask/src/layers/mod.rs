//! `cargo xtask layers`: the walls between crates that `docs/layout.md` promises, checked by a machine.
//!
//! Invariant: a crate that stands nowhere in the rules fails the check, so that no new room is without walls. Dependencies
//! come from `cargo metadata`; what crates name without one (the clock, files, sockets) from a scan of their sources.

mod circles;
mod diagram;
mod rules;
mod source;
mod wasm;
mod workspace;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use tatum_test_utils::repository;

use self::rules::{Layer, WALLS, Wall};
use self::source::Source;
use self::workspace::{Crate, crates};

/// What to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Draw the crates and what they depend on, for `dot -Tsvg`, instead of checking them
    #[arg(long, conflicts_with = "draw")]
    dot: bool,
    /// Draw them anew in docs/architecture.md
    #[arg(long)]
    draw: bool,
    /// A compiler with the source of its library, for wasm32-unknown-unknown; scripts/wasm prints one
    #[arg(long, value_name = "PATH")]
    wasm_rustc: Option<PathBuf>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let root = repository();
    let crates = crates(&root)?;
    if args.dot {
        print!("{}", diagram::dot(&crates));
        return Ok(ExitCode::SUCCESS);
    }
    if args.draw {
        diagram::draw(&root, &crates)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut broken = broken(&crates)?;
    broken.extend(diagram::stale(&root, &crates)?);
    for line in &broken {
        println!("{line}");
    }
    if broken.is_empty() {
        wasm::check(&root, args.wasm_rustc.as_deref())?;
        println!("{} crates stay within their walls", crates.len());
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::FAILURE)
}

/// Every rule that is broken, a line each.
fn broken(crates: &[Crate]) -> anyhow::Result<Vec<String>> {
    let mut broken = Vec::new();
    for one in crates {
        let Some(layer) = Layer::of(&one.name) else {
            let rules = "crates/xtask/src/layers/rules.rs";
            broken
                .push(format!("{}: it stands in no layer; say in which one in {rules}", one.name));
            continue;
        };
        broken.extend(upwards(one, layer));
        broken.extend(named(one)?);
        broken.extend(round(one)?);
    }
    Ok(broken)
}

/// Dependencies on crates of a layer above.
fn upwards(one: &Crate, layer: Layer) -> Vec<String> {
    let above = |other: &&String| Layer::of(other).is_some_and(|other| other > layer);
    let line =
        |other: &String| format!("{}: it depends on {other}, which stands above it", one.name);
    one.dependencies.iter().filter(above).map(line).collect()
}

/// What a crate depends on or names behind a wall.
fn named(one: &Crate) -> anyhow::Result<Vec<String>> {
    let walls: Vec<&Wall> =
        WALLS.iter().filter(|wall| !wall.may.contains(&one.name.as_str())).collect();
    let mut broken = Vec::new();
    for wall in &walls {
        if one.dependencies.iter().any(|other| other == wall.name) {
            broken.push(format!("{}: it depends on {}, {}", one.name, wall.name, wall.why()));
        }
    }
    for source in Source::of_crate(&one.folder)? {
        for wall in &walls {
            for line in source.lines_naming(wall.name) {
                let at = source.path.display();
                broken.push(format!("{at}:{line}: {} is named, {}", wall.name, wall.why()));
            }
        }
    }
    Ok(broken)
}

/// Modules of a crate that lean on each other.
fn round(one: &Crate) -> anyhow::Result<Vec<String>> {
    let found = circles::circles(&one.folder)?;
    let line = |circle: &Vec<String>| {
        format!("{}: {} name each other in a circle", one.name, circle.join(", "))
    };
    Ok(found.iter().map(line).collect())
}

fn read(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// The folders and files in a folder, in order.
fn list(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let items =
        std::fs::read_dir(folder).with_context(|| format!("listing {}", folder.display()))?;
    let mut paths =
        items.map(|item| Ok(item?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests;
