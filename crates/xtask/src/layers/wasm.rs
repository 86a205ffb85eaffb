//! The pure crates compile for a machine without a system, where there is a standard library for one.
//!
//! Invariant: it is the Rust of a crate and all below it that is checked. C below it (libsecp256k1, zstd) is not compiled: that
//! takes clang, and says nothing of the crate. What nobody could compile with is said, so that a check that did not run is no success.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

const TARGET: &str = "wasm32-unknown-unknown";
/// Those that a browser could need.
const CRATES: [&str; 13] = [
    "tatum-primitives",
    "tatum-receipt",
    "tatum-merkle",
    "tatum-rewards",
    "tatum-economy",
    "tatum-channel",
    "tatum-watcher",
    "tatum-protocol",
    "tatum-overlay",
    "tatum-tracker",
    "tatum-simulator",
    "tatum-verifier",
    "tatum-browser",
];
/// Who asks for random numbers of the system compiles against a source that whoever links it must bring.
const FLAGS: &str = "--cfg getrandom_backend=\"custom\"";

/// Checks them with the compiler that was given, which has the source of its library, or our own; or says why not.
pub(super) fn check(root: &Path, rustc: Option<&Path>) -> anyhow::Result<()> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["check", "--quiet", "--release", "--target", TARGET]);
    if let Some(rustc) = rustc {
        // Builds of another compiler have a folder of their own, beside ours.
        let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
        let target = PathBuf::from(target).join("wasm");
        cargo.args(["-Zbuild-std=std,panic_abort", "--target-dir"]).arg(target);
        cargo.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1");
    } else if !library()?.is_dir() {
        println!("not checked: this toolchain has no library for {TARGET}; scripts/wasm gets one");
        return Ok(());
    }
    let target = TARGET.replace('-', "_");
    for tool in ["CC", "AR", "CXX"] {
        cargo.env(format!("{tool}_{target}"), "true");
    }
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", FLAGS);
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
