//! `cargo xtask figures`: the simulators' figures in the pages, made anew.
//!
//! Invariant: a table below a mark has only what this command wrote: everything follows from the seed, so anybody gets the same.

mod economy;
mod network;

use std::process::ExitCode;

use anyhow::Context;
use tatum_test_utils::repository;

const END: &str = "\n\n";

/// What to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Print the tables instead of writing them
    #[arg(long)]
    print: bool,
    /// Only those of economies, or only those of networks
    #[arg(long, value_parser = ["economy", "network"])]
    only: Option<String>,
}

/// What stands below a mark of a page, up to the next empty line.
struct Table {
    page: &'static str,
    mark: String,
    text: String,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let wanted = |name| args.only.as_deref().is_none_or(|only| only == name);
    let mut tables = Vec::new();
    if wanted("network") {
        tables.extend(network::tables());
    }
    if wanted("economy") {
        tables.extend(economy::tables()?);
    }
    for table in &tables {
        if args.print {
            println!("{}\n{}\n", table.mark, table.text);
        } else {
            table.write()?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Table {
    fn write(&self) -> anyhow::Result<()> {
        let Self { page, mark, text } = self;
        let path = repository().join(page);
        let kept = std::fs::read_to_string(&path).context(*page)?;
        let begin = format!("{mark}\n");
        let parts = kept.split_once(&begin).with_context(|| format!("no {mark} in {page}"))?;
        let (before, rest) = parts;
        let (_, after) = rest.split_once(END).with_context(|| format!("no end of it in {page}"))?;
        std::fs::write(&path, format!("{before}{begin}{text}{END}{after}")).context(*page)
    }
}
