//! Where things are in the repository and the build.

use std::net::TcpListener;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

/// The repository's root.
pub fn repository() -> PathBuf {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    crates.and_then(Path::parent).unwrap_or(Path::new("/")).to_owned()
}

/// A program that `npm ci` installed.
pub fn node_module(name: &str) -> anyhow::Result<PathBuf> {
    let path = repository().join("node_modules/.bin").join(name);
    ensure!(path.exists(), "{} is missing: run scripts/setup", path.display());
    Ok(path)
}

/// The `tatum` binary of the same build as the running program.
pub fn tatum_binary() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("finding the running program")?;
    let beside = program.ancestors().skip(1).map(|folder| folder.join("tatum"));
    let mut found = beside.take(3).filter(|path| path.is_file());
    found.next().context("the tatum binary is not built: cargo build --release -p tatum-cli")
}

/// A TCP and UDP port that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}
