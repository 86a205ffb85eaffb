//! The differential adversary and the ablation: every lie has a disproof, no right proposal has one, and no rule is spare.
//! The seed is printed; a larger run is `cargo xtask adversary`.
#![allow(missing_docs)]

use tatum_watcher::Kind;
use tatum_watcher::adversary::{LIES, run};

const SEED: u64 = 0x7a70;

#[test]
fn every_lie_is_disproved_no_right_proposal_is_and_no_rule_is_spare() {
    let report = run(SEED, 3_000, 200);
    println!("seed {SEED:#x}: {report:#?}");
    assert_eq!(report.wrongly_disproved, 0);
    let missed = report.by_kind.iter().filter(|(_, [told, disproved])| told != disproved);
    assert_eq!(missed.collect::<Vec<_>>(), []);
    assert_eq!((report.mutations, report.disproved), (3_000, 3_000));
    assert!(report.by_kind.len() + 3 > LIES.len(), "some lies were never told");
    for rule in Kind::ALL {
        let only = report.only_by.get(&format!("{rule:?}"));
        assert!(only.is_some_and(|lies| *lies > 0), "{rule:?} is spare");
    }
}
