//! What an audit found.
//!
//! Invariant: `ok` is true if and only if every check is.

use serde::{Deserialize, Serialize};
use tatum_primitives::{B256, Epoch};

use crate::overage::Owed;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What.
    pub name: String,
    /// Whether it holds.
    pub ok: bool,
    /// What was found, in words.
    pub detail: String,
}

impl Check {
    /// A check that holds.
    pub(super) fn passed(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: true, detail: detail.into() }
    }

    /// A check that does not hold.
    pub(super) fn failed(name: &str, detail: impl Into<String>) -> Self {
        Self { name: name.to_owned(), ok: false, detail: detail.into() }
    }
}

/// What the audit of an epoch found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochReport {
    /// The epoch.
    pub epoch: Epoch,
    /// The proposal's number.
    pub counter: u64,
    /// Whether everything holds.
    pub ok: bool,
    /// Whether the distribution is final on chain, or only proposed.
    pub finalized: bool,
    /// The root that it has on chain, or would have.
    pub root: B256,
    /// The manifest's hash on chain.
    pub manifest_hash: B256,
    /// The rule that it breaks, by the name of the disproof that shows it; none if it breaks none, or not all is to be had.
    pub disproof: Option<String>,
    /// Receipts whose signatures were checked anew.
    pub receipts: u64,
    /// What the epoch had available, in nano.
    pub pot_nano: String,
    /// What it adds to operators' earnings, in nano.
    pub distributed_nano: String,
    /// What is available and paid to nobody, in nano.
    pub carried_nano: String,
    /// Payers that signed for more than their quotas, and what they owe for it; that is nobody's fault but theirs.
    #[serde(default)]
    pub overages: Vec<Owed>,
    /// Everything that was looked at.
    pub checks: Vec<Check>,
    /// Everything that differs, each with its place.
    pub differences: Vec<String>,
}

impl EpochReport {
    /// Adds a check that holds if there are no `differences`, which are added too.
    pub(super) fn check(&mut self, name: &str, held: impl Into<String>, differences: Vec<String>) {
        let check = match differences.len() {
            0 => Check::passed(name, held),
            1 => Check::failed(name, differences.concat()),
            n => Check::failed(name, format!("{n} differences")),
        };
        self.ok = self.ok && check.ok;
        self.checks.push(check);
        self.differences.extend(differences);
    }
}

/// `name: got …, expected …` if two values differ.
pub(super) fn differs<T: PartialEq + std::fmt::Display>(
    name: &str,
    got: T,
    expected: T,
) -> Option<String> {
    (got != expected).then(|| format!("{name} is {got}, the chain says {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_failed_check_makes_the_report_not_ok() {
        let mut report = EpochReport {
            epoch: Epoch(1),
            counter: 1,
            ok: true,
            finalized: true,
            root: B256::ZERO,
            manifest_hash: B256::ZERO,
            disproof: None,
            receipts: 0,
            pot_nano: "0".into(),
            distributed_nano: "0".into(),
            carried_nano: "0".into(),
            overages: vec![],
            checks: vec![],
            differences: vec![],
        };
        report.check("one", "fine", vec![]);
        assert!(report.ok);
        report.check("two", "fine", differs("root", 1, 2).into_iter().collect());
        report.check("three", "fine", vec![]);
        assert!(!report.ok);
        assert_eq!(report.checks[1].detail, "root is 1, the chain says 2");
        assert_eq!(report.differences.len(), 1);
    }
}
