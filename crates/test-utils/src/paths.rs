//! Where things are in the repository and the build.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The repository's root: the one that the program runs in, as checkouts share a build and it may come from another.
/// Cargo runs tests in their package's folder.
pub fn repository() -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let root = here.ancestors().find(|folder| folder.join("foundry.toml").is_file());
    // Outside of any, what was compiled in is the best guess.
    root.unwrap_or(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))).to_owned()
}

/// The `tatum` binary that `TATUM_BINARY` names, else that of the same build as the running program.
pub fn tatum_binary() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("TATUM_BINARY") {
        return Ok(named.into());
    }
    let program = std::env::current_exe().context("finding the running program")?;
    let beside = program.ancestors().skip(1).map(|folder| folder.join("tatum"));
    let mut found = beside.take(3).filter(|path| path.is_file());
    found.next().context("the tatum binary is not built: cargo build --release -p tatum-cli")
}
