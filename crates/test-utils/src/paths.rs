//! Where things are in the repository and the build.

use std::net::TcpListener;
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

/// A Foundry program that `scripts/setup` installed: the binary itself, because npm's launcher would outlive a SIGKILL
/// only by its child.
pub fn foundry(name: &str) -> anyhow::Result<PathBuf> {
    let packages = repository().join("node_modules/@foundry-rs");
    let folders = std::fs::read_dir(&packages)
        .with_context(|| format!("{} is missing: run scripts/setup", packages.display()))?;
    let prefix = format!("{name}-");
    folders
        .flatten()
        .filter(|folder| folder.file_name().to_string_lossy().starts_with(&prefix))
        .map(|folder| folder.path().join("bin").join(name))
        .find(|binary| binary.is_file())
        .with_context(|| format!("{name} is not in {}: run scripts/setup", packages.display()))
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

/// A TCP and UDP port that was free a moment ago.
pub fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("looking for a free port")?;
    Ok(listener.local_addr()?.port())
}
