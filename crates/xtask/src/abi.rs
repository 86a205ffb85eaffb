//! `cargo xtask abi`: compiles the contracts and remakes `abi/`, the plain ABI arrays (functions, events, custom errors). The
//! Rust bindings are made from them whenever `crates/chain` is compiled, so nothing else is to be remade.
//!
//! Invariant: the files depend on the contracts alone, not on the order in which a compiler lists things.
//!
//! It has the project's own forge compile, which the tests need anyway. The crate `foundry-compilers` would do the same, but brings
//! 43 crates, a second Solidity front end (`solar`) among them, into the build of everybody who runs the demo.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use serde_json::Value;
use tatum_test_utils::{foundry, repository};

/// Those that Rust speaks to.
const CONTRACTS: [&str; 12] = [
    "DataToken",
    "StakePool",
    "OperatorRegistry",
    "Distributor",
    "BondVault",
    "Assents",
    "ForcedReceipts",
    "Disproofs",
    "Demands",
    "ChannelHub",
    "DelegationFactory",
    "DelegationPool",
];

/// What to do.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing, and fail if a checked-in file is not what would be written
    #[arg(long)]
    check: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let root = repository();
    let mut forge = Command::new(foundry("forge")?);
    let built = forge.arg("build").current_dir(&root).status().context("running forge")?;
    ensure!(built.success(), "the contracts do not compile");
    let mut stale = Vec::new();
    for name in CONTRACTS {
        let file = root.join("abi").join(format!("{name}.json"));
        let text = abi(&root.join(format!("out/{name}.sol/{name}.json")))?;
        if std::fs::read_to_string(&file).ok().as_ref() == Some(&text) {
            continue;
        }
        stale.push(name);
        if !args.check {
            std::fs::write(&file, text).with_context(|| file.display().to_string())?;
        }
    }
    let (is_one, names) = (stale.is_empty(), stale.join(", "));
    match (is_one, args.check) {
        (true, _) => println!("abi/ is what the contracts say"),
        (false, false) => println!("remade abi/ for {names}"),
        (false, true) => eprintln!("abi/ is stale for {names}: run cargo xtask abi"),
    }
    Ok(if args.check && !is_one { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The ABI in forge's artifact, without the constructor, which only the deploy script calls, in an order of its own.
fn abi(artifact: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(artifact).with_context(|| artifact.display().to_string())?;
    let mut artifact: Value = serde_json::from_str(&text)?;
    let items = artifact.get_mut("abi").and_then(Value::as_array_mut);
    let mut items = std::mem::take(items.context("an artifact without an ABI")?);
    items.retain(|item| item["type"] != "constructor");
    items.sort_by_cached_key(order);
    Ok(serde_json::to_string_pretty(&items)? + "\n")
}

fn order(item: &Value) -> String {
    let text = |key: &str| item[key].as_str().unwrap_or("undefined").to_owned();
    format!("{} {} {}", text("type"), text("name"), item["inputs"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abi_has_no_constructor_and_an_order_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("A.json");
        let item =
            |kind: &str, name: &str| format!(r#"{{"type":"{kind}","name":"{name}","inputs":[]}}"#);
        let items = [
            item("function", "b"),
            item("constructor", ""),
            item("function", "a"),
            item("event", "c"),
        ];
        std::fs::write(&file, format!(r#"{{"abi":[{}]}}"#, items.join(","))).unwrap();
        let got: Vec<Value> = serde_json::from_str(&abi(&file).unwrap()).unwrap();
        let names: Vec<&str> = got.iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["c", "a", "b"]);
    }
}
