//! The pure crates that need no C compile for a machine without a system, where this toolchain has a library for it.
//!
//! rustup could fetch that library; this check never does, so it says when it did not run. `docs/architecture.md` says how to get one.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

const TARGET: &str = "wasm32-unknown-unknown";
/// Those without libsecp256k1 or zstd below them.
const CRATES: [&str; 3] = ["tatum-primitives", "tatum-merkle", "tatum-rewards"];

/// Checks them, or says why not.
pub(super) fn check(root: &Path) -> anyhow::Result<()> {
    if !library()?.is_dir() {
        println!("not checked: this toolchain has no library for {TARGET}");
        return Ok(());
    }
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["check", "--quiet", "--target", TARGET]);
    for name in CRATES {
        cargo.args(["--package", name]);
    }
    ensure!(
        cargo.status().context("running cargo check")?.success(),
        "a pure crate needs a system"
    );
    println!("{} compile for {TARGET}", CRATES.join(", "));
    Ok(())
}

/// Where the toolchain has its library for the target.
fn library() -> anyhow::Result<PathBuf> {
    let done = Command::new("rustc").args(["--print", "sysroot"]).output();
    let done = done.context("asking rustc where it is")?;
    let sysroot = String::from_utf8(done.stdout).context("reading rustc's answer")?;
    Ok(Path::new(sysroot.trim()).join("lib/rustlib").join(TARGET))
}
