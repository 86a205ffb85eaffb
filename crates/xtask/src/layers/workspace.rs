//! The workspace's crates and what they depend on outside of tests, by `cargo metadata`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde::Deserialize;

/// A crate of this workspace.
#[derive(Clone, Debug)]
pub(super) struct Crate {
    /// Its name without `tatum-`.
    pub(super) name: String,
    /// Where its manifest is.
    pub(super) folder: PathBuf,
    /// What it depends on outside of tests, in order; crates of this workspace without `tatum-`.
    pub(super) dependencies: Vec<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Nothing for what is not only of tests or build scripts.
    kind: Option<String>,
}

/// The crates of the workspace in `root`, by name.
pub(super) fn crates(root: &Path) -> anyhow::Result<Vec<Crate>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
    let done = Command::new(cargo).args(arguments).current_dir(root).output();
    let done = done.context("running cargo metadata")?;
    ensure!(done.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&done.stderr));
    let metadata: Metadata =
        serde_json::from_slice(&done.stdout).context("reading cargo metadata")?;
    let mut crates: Vec<Crate> = metadata.packages.into_iter().map(Crate::from).collect();
    crates.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(crates)
}

impl From<Package> for Crate {
    fn from(package: Package) -> Self {
        let outside_tests = package.dependencies.iter().filter(|other| other.kind.is_none());
        let mut dependencies: Vec<String> = outside_tests.map(|other| short(&other.name)).collect();
        dependencies.sort();
        dependencies.dedup();
        let folder = package.manifest_path.parent().unwrap_or(Path::new("")).to_owned();
        Self { name: short(&package.name), folder, dependencies }
    }
}

fn short(name: &str) -> String {
    name.strip_prefix("tatum-").unwrap_or(name).to_owned()
}
