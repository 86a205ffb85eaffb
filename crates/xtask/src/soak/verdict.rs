//! What came of a soak: for people, for machines, and every check by name.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use serde::Serialize;
use serde_json::json;
use tatum_test_utils::testnet::{AuditedEpoch, PaidOperator, Recomputed, Testimony};

use super::delivery::Received;
use super::memory::Grown;

/// All that was seen.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) seed: u64,
    pub(super) minutes: u64,
    pub(super) happened: BTreeMap<String, usize>,
    pub(super) deliveries: Vec<Received>,
    pub(super) testimony: Testimony,
    pub(super) epochs: Vec<AuditedEpoch>,
    pub(super) operators: Vec<PaidOperator>,
    pub(super) memory: Vec<Grown>,
}

impl Verdict {
    /// Prints it and writes it down; says whether every check holds.
    pub(super) fn tell(&self, recomputed: &Recomputed, path: &Path) -> anyhow::Result<bool> {
        self.print();
        let checks = self.checks(recomputed);
        for (name, holds) in &checks {
            println!("{}  {name}", if *holds { "ok    " } else { "FAILED" });
        }
        let checks: BTreeMap<&str, bool> = checks.into_iter().collect();
        let text = serde_json::to_string_pretty(&json!({ "checks": &checks, "seen": self }))?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
        println!("\nresults are in {}", path.display());
        Ok(checks.into_values().all(|holds| holds))
    }

    fn checks(&self, recomputed: &Recomputed) -> Vec<(&'static str, bool)> {
        let deliveries = &self.deliveries;
        let paid = |paid: &PaidOperator| {
            let rule = recomputed.earned_nano(paid.id);
            paid.is_paid_in_full() && paid.earned_nano.0 > 0 && rule == Some(paid.earned_nano)
        };
        vec![
            (
                "every message that was accepted reached every subscriber",
                deliveries.iter().all(|received| received.lost == 0),
            ),
            (
                "nobody printed what nobody published",
                deliveries.iter().all(|received| received.foreign == 0),
            ),
            (
                "every receipt that was acknowledged is counted",
                self.testimony.keys_acknowledged > 0 && self.testimony.lost.is_empty(),
            ),
            ("no honest receipt was rejected for good", self.testimony.rejected.is_empty()),
            ("the audit of every epoch holds", self.epochs.iter().all(|epoch| epoch.audit == "ok")),
            (
                "every operator is paid, what the rule says and no less",
                self.operators.iter().all(paid),
            ),
            (
                "no process has grown without bound",
                self.memory.iter().all(|process| process.bounded),
            ),
        ]
    }

    fn print(&self) {
        println!("\n{} minutes, seed {}: {:?}\n", self.minutes, self.seed, self.happened);
        println!("subscriber              published     lost  foreign    again");
        for Received { subscriber, published, lost, foreign, again } in &self.deliveries {
            println!("{subscriber:<22}  {published:>9}  {lost:>7}  {foreign:>7}  {again:>7}");
        }
        let Testimony { handed_in, unanswered, keys_acknowledged, lost, rejected } =
            &self.testimony;
        println!(
            "\nwitness: {handed_in} receipts handed in, {unanswered} unanswered; of {keys_acknowledged} keys some were acknowledged"
        );
        lost.iter().chain(rejected).for_each(|words| println!("  {words}"));
        println!("\noperator  receipts  earned (DATA)  claimed (DATA)");
        for operator in &self.operators {
            let (earned, claimed) = (operator.earned_nano, operator.claimed_nano);
            let (id, receipts) = (operator.id, operator.receipts);
            println!("{id:>8}  {receipts:>8}  {:>13}  {:>14}", earned.to_string(), claimed);
        }
        println!("\nprocess                 first third   last third         most  (MiB)");
        for Grown { process, first_bytes, last_bytes, most_bytes, .. } in &self.memory {
            let [first, last, most] = [first_bytes, last_bytes, most_bytes].map(|b| b >> 20);
            println!("{process:<22}  {first:>11}  {last:>11}  {most:>11}");
        }
        let differ: Vec<_> = self.epochs.iter().filter(|epoch| epoch.audit != "ok").collect();
        println!("\n{} epochs audited", self.epochs.len());
        differ.iter().for_each(|epoch| println!("  epoch {}: {}", epoch.epoch, epoch.audit));
        println!();
    }
}
