//! What an engine's payouts come to, against what the dataset states: whichever engine it was, and however it failed.
//!
//! Invariant: payouts are accepted only if as many receipts were counted as the list has, each operator has its payout, no more
//! is paid than there is, and the tree over them has the stated root. An engine that lost or repeated rows is told so.

use tatum_merkle::SumTree;
use tatum_primitives::Nano;
use tatum_rewards::Pay;

use crate::compare::{chain_of, compare, compare_rows, previous, unreadable};
use crate::rollup::entry;
use crate::table::Row;
use crate::{Dataset, Difference, Differences, DistributionRow, Operator};

impl Dataset {
    /// Compares an engine's payouts, by operator id, for which it counted so many receipts, with what the dataset states.
    ///
    /// # Errors
    ///
    /// Everything that differs, the number of receipts first.
    pub fn check_answer(&self, pays: &[Pay], receipts: u64) -> Result<(), Differences> {
        let mut found = Differences::none();
        let results = &self.manifest().results;
        compare("receipts.count", receipts, u64::from(results.receipts.count), &mut found);
        self.check_payouts(pays, &mut found);
        if found.is_empty() { Ok(()) } else { Err(found) }
    }

    fn check_payouts(&self, pays: &[Pay], found: &mut Differences) -> Option<()> {
        let stated =
            self.distribution().map_err(|e| found.add(unreadable(DistributionRow::FILE, &e)));
        let operators = self.operators().map_err(|e| found.add(unreadable(Operator::FILE, &e)));
        let (stated, operators) = (stated.ok()?, operators.ok()?);
        let before = previous(&stated, found);
        let rows = rows(&operators, pays, &before, found)?;
        compare_rows(&rows, &stated, found);
        let results = &self.manifest().results;
        let paid = rows.iter().try_fold(Nano::ZERO, |sum, row| sum.checked_add(row.epoch_nano()));
        let carried =
            paid.and_then(|paid| self.manifest().parameters.available_nano.checked_sub(paid));
        let shown = |nano: Option<Nano>| {
            nano.map_or("more than is available".to_owned(), |nano| nano.0.to_string())
        };
        compare("carried_nano", shown(carried), results.carried_nano.0.to_string(), found);
        let refused = |error: tatum_merkle::Error| {
            found.add(Difference::NoDistribution { detail: chain_of(&error.into()) });
        };
        let tree = SumTree::build(rows.iter().map(entry).collect()).map_err(refused).ok()?;
        compare("root", tree.root(), results.root, found);
        Some(())
    }
}

/// The rows of these payouts.
fn rows(
    operators: &[Operator],
    pays: &[Pay],
    before: &[Nano],
    found: &mut Differences,
) -> Option<Vec<DistributionRow>> {
    if pays.len() != operators.len() {
        let detail = format!("{} payouts for {} operators", pays.len(), operators.len());
        found.add(Difference::NoDistribution { detail });
        return None;
    }
    let before = before.iter().copied().chain(std::iter::repeat(Nano::ZERO));
    let row = |((operator, pay), before): ((&Operator, &Pay), Nano)| {
        let earned = pay.paid_nano.checked_add(pay.pool_nano)?;
        Some(DistributionRow {
            operator_id: operator.operator_id,
            payout: operator.payout,
            work_nano: pay.work_nano,
            paid_nano: pay.paid_nano,
            pool_nano: pay.pool_nano,
            cumulative_nano: before.checked_add(earned)?,
        })
    };
    let rows = operators.iter().zip(pays).zip(before).map(row).collect::<Option<Vec<_>>>();
    if rows.is_none() {
        let detail = "a payout beyond what 64 bits hold".to_owned();
        found.add(Difference::NoDistribution { detail });
    }
    rows
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::scene::data;

    fn answer(dataset: &Dataset) -> (Vec<Pay>, u64) {
        let Ok(rolled) = dataset.roll_up() else { panic!("no epoch") };
        let pays = rolled.rows.iter().map(DistributionRow::pay).collect();
        (pays, rolled.results.receipts.count.into())
    }

    fn dataset(parent: &TempDir) -> Dataset {
        Dataset::open(&crate::write(parent.path(), data()).unwrap().folder).unwrap()
    }

    #[test]
    fn the_right_answer_is_accepted() {
        let parent = TempDir::new().unwrap();
        let dataset = dataset(&parent);
        let (pays, receipts) = answer(&dataset);
        dataset.check_answer(&pays, receipts).unwrap();
    }

    #[test]
    fn rows_read_twice_are_noticed_even_if_every_share_stays_the_same() {
        let parent = TempDir::new().unwrap();
        let dataset = dataset(&parent);
        let (pays, receipts) = answer(&dataset);
        let found = dataset.check_answer(&pays, receipts * 2).unwrap_err();
        assert!(matches!(found.list(), [Difference::Result { field: "receipts.count", .. }]));
    }

    #[test]
    fn a_payout_that_differs_is_named_by_operator_and_changes_the_root() {
        let parent = TempDir::new().unwrap();
        let dataset = dataset(&parent);
        let (mut pays, receipts) = answer(&dataset);
        pays[1].paid_nano.0 += 1;
        let found = dataset.check_answer(&pays, receipts).unwrap_err();
        assert!(matches!(found.list()[0], Difference::Payout { row: 1, field: "paid_nano", .. }));
        assert!(found.list().iter().any(|d| matches!(d, Difference::Result { field: "root", .. })));
    }

    #[test]
    fn an_answer_with_an_operator_missing_or_beyond_all_money_is_no_distribution() {
        let parent = TempDir::new().unwrap();
        let dataset = dataset(&parent);
        let (mut pays, receipts) = answer(&dataset);
        pays[0].paid_nano = Nano(u64::MAX);
        let short = &pays[1..];
        for pays in [&pays[..], short] {
            let found = dataset.check_answer(pays, receipts).unwrap_err();
            assert!(matches!(found.list(), [Difference::NoDistribution { .. }]));
        }
    }
}
