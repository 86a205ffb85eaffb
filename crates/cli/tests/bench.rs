//! The measurements that are compared from run to run: they measure the real thing, and say it in the words of `scripts/bench`.
#![allow(missing_docs)]

use std::process::Command;

use serde_json::Value;

/// Its disk is full, say. The relay of this measurement has something to say at once: there is no tracker.
#[cfg(target_os = "linux")]
#[test]
fn a_process_goes_on_where_its_log_finds_no_room() {
    let mut tatum = Command::new(env!("CARGO_BIN_EXE_tatum"));
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    tatum.args(["bench", "outbox", "--receipts", "100", "--json"]).stderr(full);
    let done = tatum.output().unwrap();
    let measured: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(done.status.success(), "{measured}");
    assert_eq!(measured["receipts"], 100);
}

#[test]
fn a_relay_hands_in_its_whole_outbox_and_the_rate_is_said() {
    let mut tatum = Command::new(env!("CARGO_BIN_EXE_tatum"));
    let done = tatum.args(["bench", "outbox", "--receipts", "2500", "--json"]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let measured: Value = serde_json::from_slice(&done.stdout).unwrap();
    // The command itself ends only when all of it is on both disks.
    assert_eq!(measured["receipts"], 2_500);
    assert!(measured["receipts_per_s"].as_f64().unwrap() > 0.0, "{measured}");
}
