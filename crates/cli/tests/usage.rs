//! The binary with wrong input: it says what is wrong and what to do, and keeps its exit codes.
#![allow(missing_docs)]

use std::path::Path;
use std::process::{Command, Output};

/// A `tatum` without any of its environment.
fn tatum(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tatum"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TATUM_")) {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

fn run(arguments: &[&str]) -> Output {
    tatum(arguments).output().unwrap()
}

/// A deployment of which nothing is there.
fn contracts(chain_id: u64) -> serde_json::Value {
    let address = "0x0000000000000000000000000000000000000001";
    serde_json::json!({
        "chainId": chain_id, "token": address, "stakePool": address, "operatorRegistry": address,
        "distributor": address, "disproofs": address, "demands": address, "assents": address,
        "forcedReceipts": address, "overage": address, "channelHub": address,
        "delegationFactory": address, "sponsorFactory": address, "deployBlock": 0, "windows": {
            "grace": 1, "force": 1, "settle": 1, "challenge": 1, "answer": 1, "follow": 1,
        },
    })
}

#[track_caller]
fn fails(output: &Output, code: i32, saying: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert!(errors.contains(saying), "{saying:?} is not in: {errors}");
}

#[test]
fn wrong_usage_exits_with_1() {
    fails(&run(&["stake", "add", "1e3"]), 1, "12 or 12.5");
    fails(&run(&["stake", "remove"]), 1, "required");
    fails(&run(&["operator", "claim"]), 1, "--operator");
    fails(&run(&["operator", "add-node", "--operator", "0", "0x12"]), 1, "0x12");
    fails(&run(&["publish", "a b"]), 1, "stream id");
    fails(&run(&["frobnicate"]), 1, "unrecognized");
    fails(&run(&["audit", "epoch", "5..4"]), 1, "epoch 4 is before epoch 5");
    fails(&run(&["operator", "autoclaim"]), 1, "--operator");
    fails(&run(&["operator", "autoclaim", "--all", "--factor", "5"]), 1, "--coin-price");
    fails(&run(&["receipts", "list", "--data", "a", "--dataset", "b"]), 1, "cannot be used with");
    fails(&run(&["receipts", "list", "--stream", "0x12/a"]), 1, "40 hex digits");
    fails(&run(&["node", "run", "--ask", "0"]), 1, "declines nobody");
    fails(&run(&["node", "run", "--ask", "0.0000000001"]), 1, "9 decimals");
    let key = "0x0000000000000000000000000000000000000001";
    fails(&run(&["session", "authorize", "--key", key]), 1, "--proof");
}

#[test]
fn help_and_version_are_no_failures() {
    for asked in ["--help", "--version", "help"] {
        let output = run(&[asked]);
        assert_eq!(output.status.code(), Some(0), "{asked}");
        assert!(output.stderr.is_empty() && !output.stdout.is_empty(), "{asked}");
    }
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    assert!(help.contains("3 when what was looked at differs"), "{help}");
}

#[test]
fn every_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = folder.path().join("deployment.json");
    std::fs::write(&deployment, contracts(31_337).to_string()).unwrap();
    let deployment = deployment.to_str().unwrap();
    let (address, key) = (format!("0x{:040x}", 1), format!("0x{:064x}", 7));
    let missing = "/nonexistent/file";
    let commands: [&[&str]; 18] = [
        &["stake", "status", "--payer", &address, "--deployment", missing],
        &["stake", "status", "--keystore", missing],
        &["key", "show", "--file", missing],
        &["key", "new", "--file", "unused", "--password-file", missing],
        &[
            "session",
            "prove",
            "--payer",
            &address,
            "--session-keystore",
            missing,
            "--deployment",
            deployment,
        ],
        &["session", "prove", "--payer", &address, "--deployment", missing],
        &["audit", "receipt", missing],
        &["audit", "rejection", missing, "--deployment", deployment],
        &["receipts", "verify", missing, "--deployment", deployment],
        &["receipts", "list", "--data", missing],
        &["receipts", "list", "--dataset", missing],
        &["deploy", "--parameters", missing],
        &["deploy", "--parameters", "local", "--keystore", missing],
        &["devnet", "fund", &address, "--data", missing],
        &["simulate", "economy", "--rules", missing],
        &["node", "run", "--config", missing],
        &["publish", "a/b", "--session-keystore", missing],
        &["channel", "redeem", "--receipts", missing, "--deployment", deployment],
    ];
    for command in commands {
        let mut tatum = tatum(command);
        tatum.env("TATUM_KEYSTORE_PASSWORD", "x").env("TATUM_RPC", "http://127.0.0.1:1");
        if command[0] == "channel" {
            tatum.env("TATUM_PRIVATE_KEY", &key);
        }
        let output = tatum.output().unwrap();
        fails(&output, 1, missing);
    }
}

#[test]
fn every_folder_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below = file.join("data");
    let below = below.to_str().unwrap();
    let key = format!("0x{:064x}", 7);
    let commands: [&[&str]; 8] = [
        &["key", "new", "--file", below],
        &["man", below],
        &["devnet", "--data", below],
        &["node", "run", "--data", below],
        &["tracker", "run", "--data", below],
        &["aggregator", "run", "--data", below],
        &["auditor", "run", "--data", below],
        &["publish", "a/b", "--data", below],
    ];
    for command in commands {
        let mut tatum = tatum(command);
        tatum.env("TATUM_KEYSTORE_PASSWORD", "x").env("TATUM_NODE_KEY", &key);
        tatum.env("TATUM_PRIVATE_KEY", &key).env("TATUM_SESSION_KEY", &key);
        // Some make the folder that it lies in first, and name that.
        fails(&tatum.output().unwrap(), 1, file.to_str().unwrap());
    }
}

#[test]
fn an_address_that_cannot_be_listened_at_is_named_with_what_to_do() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["doctor", "--bind", &address, "--rpc", "http://127.0.0.1:1"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(&address), "{text}");
}

#[test]
fn a_key_is_never_an_argument() {
    fails(&run(&["stake", "add", "1", "--private-key", "0x1"]), 1, "--private-key");
}

#[test]
fn of_several_trackers_each_has_its_key_and_the_next_one_answers() {
    let map = ["network", "map", "--stream", "a/b"];
    let several =
        tatum(&map).env("TATUM_TRACKER", "http://127.0.0.1:1,http://127.0.0.1:2").output();
    fails(&several.unwrap(), 1, "as in http://127.0.0.1:1#0x…");
    let keys = [1, 2].map(|number| format!("http://127.0.0.1:{number}#0x{number:064x}"));
    let several = tatum(&map).env("TATUM_TRACKER", keys.join(",")).output().unwrap();
    for tracker in ["warning: asking the tracker at http://127.0.0.1:1", "127.0.0.1:2/v1/streams"] {
        fails(&several, 1, tracker);
    }
}

#[test]
fn a_missing_key_says_where_it_may_come_from() {
    let output = run(&["stake", "add", "1"]);
    fails(&output, 1, "TATUM_PRIVATE_KEY");
    fails(&output, 1, "tatum key new");
}

#[test]
fn a_malformed_key_is_not_repeated() {
    let output =
        tatum(&["stake", "add", "1"]).env("TATUM_PRIVATE_KEY", "0xdeadbeef").output().unwrap();
    fails(&output, 1, "64 hex digits");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("deadbeef"));
}

#[test]
fn only_the_owner_of_a_stream_grants_and_nobodys_stream_needs_no_grant() {
    let someone = "0x0000000000000000000000000000000000000001";
    let grant = |stream: &str, more: &[&str]| {
        let arguments = [&["stream", "grant", stream], more].concat();
        let key = "0x0000000000000000000000000000000000000000000000000000000000000007";
        tatum(&arguments).env("TATUM_PRIVATE_KEY", key).output().unwrap()
    };
    let owned = format!("{someone}/weather");
    fails(&grant("acme/weather", &["--subscriber", someone]), 1, "open to anyone");
    fails(&grant(&owned, &["--subscriber", someone]), 1, "belongs to 0x");
    fails(&grant(&owned, &["--subscriber", someone, "--anyone-subscribes"]), 1, "--subscriber");
    fails(
        &run(&["stream", "show", &owned, "--deployment", "/nonexistent.json"]),
        1,
        "tatum deploy",
    );
}

#[test]
fn a_missing_deployment_says_what_writes_it() {
    let arguments = ["stake", "status", "--payer", "0x0000000000000000000000000000000000000001"];
    let mut command = tatum(&arguments);
    let output = command.args(["--deployment", "/nonexistent.json"]).output().unwrap();
    fails(&output, 1, "tatum deploy");
}

#[test]
fn an_endpoint_that_does_not_answer_is_named_as_json_too() {
    let folder = tempfile::tempdir().unwrap();
    let deployment = folder.path().join("deployment.json");
    let address = "0x0000000000000000000000000000000000000001";
    std::fs::write(&deployment, contracts(1).to_string()).unwrap();
    let mut command = tatum(&["--json", "stake", "status", "--payer", address]);
    command.args(["--rpc", "http://127.0.0.1:1", "--deployment"]).arg(&deployment);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(answer["error"].as_str().unwrap().contains("RPC endpoint failed"), "{answer}");
}

#[test]
fn a_proof_file_that_is_none_fails_its_format_check() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("proof.json");
    fails(&run(&["audit", "receipt", "/nonexistent.json"]), 1, "/nonexistent.json");
    std::fs::write(&file, "{}").unwrap();
    let output = run(&["audit", "receipt", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(3), "what was audited does not hold");
    assert!(String::from_utf8_lossy(&output.stdout).contains("FAILED"));
}

#[test]
fn keys_are_made_encrypted_and_shown_by_their_id() {
    let folder = tempfile::tempdir().unwrap();
    for kind in ["account", "node"] {
        let file = folder.path().join(format!("{kind}.json"));
        let new = make_key("new", kind, &file);
        let shown = make_key("show", kind, &file);
        assert_eq!(new["id"], shown["id"]);
        let again = key_command("new", kind, &file).output().unwrap();
        fails_json(&again, "never replaced");
    }
}

fn key_command(verb: &str, kind: &str, file: &Path) -> Command {
    let mut command = tatum(&["--json", "key", verb, "--kind", kind, "--file"]);
    command.arg(file).env("TATUM_KEYSTORE_PASSWORD", "correct horse");
    command
}

fn make_key(verb: &str, kind: &str, file: &Path) -> serde_json::Value {
    let output = key_command(verb, kind, file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn fails_json(output: &Output, saying: &str) {
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains(saying));
}

#[test]
fn the_version_names_commit_and_build() {
    let output = run(&["--version"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let version = concat!("tatum ", env!("CARGO_PKG_VERSION"), " (commit ");
    assert!(text.starts_with(version) || text.contains("(unknown commit"), "{text}");
    assert!(text.trim_end().ends_with(')') && text.contains(" build for "), "{text}");
}

/// Waits until `tatum` has taken the folder, which it does before it asks anybody for anything.
fn taken(folder: &Path) {
    let lock = folder.join("process.lock");
    for _ in 0..600 {
        if std::fs::read_to_string(&lock).is_ok_and(|text| !text.trim().is_empty()) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{} was not taken", lock.display());
}

#[test]
fn one_folder_has_one_process() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let rpc = format!("http://{}", silent.local_addr().unwrap());
    let key = format!("0x{:064x}", 7);
    let parent = tempfile::tempdir().unwrap();
    let deployment = parent.path().join("deployment.json");
    std::fs::write(&deployment, contracts(31_337).to_string()).unwrap();
    for role in ["aggregator", "node", "tracker", "auditor"] {
        let folder = parent.path().join(role);
        let service = || {
            let mut command = tatum(&[role, "run", "--rpc", &rpc, "--data"]);
            command.arg(&folder).arg("--deployment").arg(&deployment);
            command.env("TATUM_PRIVATE_KEY", &key).env("TATUM_NODE_KEY", &key);
            command
        };
        // The chain does not answer, so the first one waits for it, with the folder in its hands.
        let mut first = service().stderr(std::process::Stdio::null()).spawn().unwrap();
        taken(&folder);
        let second = service().output().unwrap();
        fails(&second, 1, &format!("in use by process {}", first.id()));
        first.kill().unwrap();
        first.wait().unwrap();
        let third = service().env("TATUM_RPC", "http://127.0.0.1:1").args(["--rpc", "x"]).output();
        let errors = String::from_utf8_lossy(&third.unwrap().stderr).into_owned();
        assert!(!errors.contains("in use"), "a killed process held on to its folder: {errors}");
    }
}
