//! `cargo xtask abi`: compiles the contracts and remakes `abi/`: the plain ABI arrays (functions, events, custom errors), and in
//! `abi/creation/` what `tatum deploy` creates the contracts from. The Rust bindings are made from both whenever `crates/chain` is
//! compiled, so nothing else is to be remade.
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

/// Those that Rust speaks to, and those of sponsors, to whom wallets speak.
const CONTRACTS: [&str; 15] = [
    "DataToken",
    "StakePool",
    "OperatorRegistry",
    "Distributor",
    "BondVault",
    "Assents",
    "ForcedReceipts",
    "Disproofs",
    "Demands",
    "Overage",
    "ChannelHub",
    "DelegationFactory",
    "DelegationPool",
    "SponsorFactory",
    "SponsorVault",
];

/// Those that `tatum deploy` creates.
const CREATED: [&str; 13] = [
    "DataToken",
    "TimelockController",
    "StakePool",
    "OperatorRegistry",
    "ForcedReceipts",
    "Assents",
    "Disproofs",
    "Demands",
    "Distributor",
    "Overage",
    "ChannelHub",
    "DelegationFactory",
    "SponsorFactory",
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
    let artifact = |name: &str| read(&root.join(format!("out/{name}.sol/{name}.json")));
    let mut files = Vec::new();
    for name in CONTRACTS {
        files.push((format!("{name}.json"), abi(artifact(name)?)?));
    }
    for name in CREATED {
        files.push((format!("creation/{name}.json"), creation(&artifact(name)?)?));
    }
    for (name, text) in files {
        let file = root.join("abi").join(&name);
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

fn read(artifact: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(artifact).with_context(|| artifact.display().to_string())?;
    Ok(serde_json::from_str(&text)?)
}

/// The constructor in forge's artifact and the code that it is called with.
fn creation(artifact: &Value) -> anyhow::Result<String> {
    let items = artifact["abi"].as_array().context("an artifact without an ABI")?;
    let constructor: Vec<&Value> =
        items.iter().filter(|item| item["type"] == "constructor").collect();
    let code = artifact["bytecode"]["object"].as_str().context("an artifact without code")?;
    let is_whole = code.starts_with("0x") && code.len() > 2 && !code.contains('_');
    ensure!(is_whole, "the code is to be linked with a library, which the deployment does not do");
    let value = serde_json::json!({ "abi": constructor, "bytecode": { "object": code } });
    Ok(serde_json::to_string_pretty(&value)? + "\n")
}

/// The ABI in forge's artifact, without the constructor, which only deployments call, in an order of its own.
fn abi(mut artifact: Value) -> anyhow::Result<String> {
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
        let got: Vec<Value> = serde_json::from_str(&abi(read(&file).unwrap()).unwrap()).unwrap();
        let names: Vec<&str> = got.iter().map(|item| item["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["c", "a", "b"]);
    }
}
