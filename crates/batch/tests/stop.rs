//! A disagreement ends the whole process, on whatever thread it is found, and leaves its evidence.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use tatum_batch::{Claim, Disagreement};

const CHILD: &str = "TATUM_BATCH_STOP";
const SIGABRT: i32 = 6;

#[test]
fn a_disagreement_ends_the_process_with_its_evidence() {
    let claim = Claim { digest: [0xd1; 32], signature: [0x51; 65], key: None };
    let found = Disagreement::AcceptedWrong { claim: Box::new(claim), recovered: None };
    if std::env::var_os(CHILD).is_some() {
        // A panic would end this thread alone, and the test would pass.
        let _ = std::thread::spawn(move || found.stop()).join();
        return;
    }
    let this = std::env::current_exe().unwrap();
    let name = "a_disagreement_ends_the_process_with_its_evidence";
    let done = Command::new(this).args(["--exact", name, "--nocapture"]).env(CHILD, "1").output();
    let done = done.unwrap();
    assert_eq!(done.status.signal(), Some(SIGABRT));
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(said.contains("fatal: ") && said.contains(&format!("{claim:?}")), "{said}");
}
