//! Re-derives everything that a dataset states from what it holds.
//!
//! Invariant: [`verify`] trusts nothing but the receipts' signatures and the chain inputs as listed; it never stops at the
//! first difference as long as there is something left to read, so that the report names the row that was tampered with and
//! not only the file.

use std::convert::Infallible;
use std::num::NonZero;
use std::path::Path;
use std::thread;

use alloy_primitives::{Address, B256};
use tatum_merkle::map_in_order;
use tatum_primitives::Nano;
use tatum_receipt::{Rejection, SignedReceipt, Signers, Verifier};

use crate::compare::{
    chain_of, check_file, check_file_names, check_rows, compare, compare_results, compare_rows,
    payout, previous, read, unreadable,
};
use crate::facts::Rules;
use crate::heads::HeadWalk;
use crate::lineup::Lineup;
use crate::rollup::roll_up;
use crate::table::{Row, TableReader};
use crate::{
    Bounds, Claims, CountedReceipt, Dataset, Difference, Differences, Distribution,
    DistributionRow, Error, HeadRow, Manifest, Operator, Payer, RowError,
};

/// How many signatures are worth starting a thread for.
const SIGNATURES_A_THREAD: usize = 256;
/// The most signatures that are checked together: more gain little, and leave cores without work at the end.
const SIGNATURES_TOGETHER: usize = 1 << 13;

/// A dataset in which everything follows from the receipts and the listed chain inputs.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The manifest; its parameters are still to be compared with the chain.
    pub manifest: Manifest,
    /// What must be committed on chain.
    pub manifest_hash: B256,
    /// To be compared with the chain.
    pub payers: Vec<Payer>,
    /// To be compared with the chain.
    pub operators: Vec<Operator>,
    /// The distribution, derived anew.
    pub distribution: Distribution,
    /// Number of receipts, all with good signatures.
    pub receipts: u64,
    /// To be compared with the chain.
    pub claims: Claims,
}

impl Verified {
    /// Whether this distribution continues that of `earlier`.
    ///
    /// # Errors
    ///
    /// The differences: another previous manifest, or an operator that starts from another amount.
    pub fn check_follows(&self, earlier: &Self) -> Result<(), Differences> {
        let mut found = Differences::none();
        let expected = Some(earlier.manifest_hash);
        let got = self.manifest.parameters.previous_manifest_hash;
        let shown = |hash: Option<B256>| hash.map_or("none".to_owned(), |hash| hash.to_string());
        compare("previous_manifest_hash", shown(expected), shown(got), &mut found);
        let before = earlier.distribution.rows.iter().map(|row| row.cumulative_nano);
        let before = before.chain(std::iter::repeat(Nano::ZERO));
        for ((at, row), expected) in (0u64..).zip(&self.distribution.rows).zip(before) {
            let got = Nano(row.cumulative_nano.0.saturating_sub(row.epoch_nano().0));
            if got != expected {
                found.add(payout(
                    at,
                    "cumulative_nano less paid_nano and pool_nano",
                    expected.0,
                    got.0,
                ));
            }
        }
        if found.is_empty() { Ok(()) } else { Err(found) }
    }
}

/// Verifies the dataset in `folder`, from its files alone.
///
/// # Errors
///
/// Everything that differs, each with its file, row and field, and the [`Claims`] read so far.
pub fn verify(folder: &Path) -> Result<Verified, Differences> {
    verify_opened(folder, Dataset::open(folder))
}

/// Verifies a stranger's dataset, of which no more is read than the chain allows.
///
/// # Errors
///
/// As [`verify`].
pub fn verify_within(folder: &Path, bounds: Bounds) -> Result<Verified, Differences> {
    verify_opened(folder, Dataset::open_within(folder, bounds))
}

fn verify_opened(folder: &Path, opened: Result<Dataset, Error>) -> Result<Verified, Differences> {
    let mut found = Differences::none();
    let dataset = opened.map_err(|e| found.add(unreadable(crate::MANIFEST, &e))).ok();
    let verification = dataset.and_then(|dataset| Verification::open(folder, dataset, &mut found));
    match verification.and_then(|v| v.run(&mut found)) {
        Some(verified) if found.is_empty() => Ok(verified),
        _ => Err(found),
    }
}

struct Verification {
    dataset: Dataset,
    payers: Vec<Payer>,
    operators: Vec<Operator>,
    rows: Vec<DistributionRow>,
}

impl Verification {
    fn open(folder: &Path, dataset: Dataset, found: &mut Differences) -> Option<Self> {
        let named = folder.file_name().and_then(|name| name.to_str()?.parse::<B256>().ok());
        let got = dataset.manifest_hash();
        if let Some(expected) = named.filter(|expected| *expected != got) {
            found.add(Difference::FolderName { expected, got });
        }
        check_file_names(dataset.manifest(), found);
        let payers = read::<Payer, _>(&dataset, |payer| payer.payer, found);
        let operators = read::<Operator, _>(&dataset, |operator| operator.operator_id, found);
        let rows = read::<DistributionRow, _>(&dataset, |row| row.operator_id, found);
        Some(Self { payers: payers?, operators: operators?, rows: rows?, dataset })
    }

    fn run(self, found: &mut Differences) -> Option<Verified> {
        let mut claims = Claims::default();
        let lineup = self.receipts(&mut claims, found);
        found.claims = claims.clone();
        let lineup = lineup?;
        let receipts = lineup.receipts();
        let parameters = &self.dataset.manifest().parameters;
        let previous = previous(&self.rows, found);
        let distribution = lineup.counted().and_then(|counted| {
            roll_up(parameters, &self.payers, &self.operators, &previous, counted)
        });
        let refused = |error| found.add(Difference::NoDistribution { detail: chain_of(&error) });
        let distribution = distribution.map_err(refused).ok()?;
        compare_rows(&distribution.rows, &self.rows, found);
        compare_results(&distribution.results, &self.dataset.manifest().results, found);
        Some(Verified {
            manifest: self.dataset.manifest().clone(),
            manifest_hash: self.dataset.manifest_hash(),
            payers: self.payers,
            operators: self.operators,
            distribution,
            receipts,
            claims,
        })
    }

    /// Checks every receipt and lines up those that may stand where they do. Order comes before signatures, and the first row that is out
    /// of order is the last: a receipt that is repeated for ever would otherwise cost a signature check a row.
    fn receipts(&self, claims: &mut Claims, found: &mut Differences) -> Option<Lineup> {
        check_file::<CountedReceipt>(&self.dataset, found);
        let table = self.table(found)?;
        let parameters = &self.dataset.manifest().parameters;
        let rules = Rules::new(parameters, &self.payers, &self.operators);
        // Whoever chose the signatures has chosen this hash with them.
        let secret = self.dataset.manifest_hash().0;
        let signers = Signers::new(Verifier::new(parameters.domain()), secret);
        let mut lineup = Lineup::new(parameters.epoch);
        let mut heads = self.heads(found);
        let mut row = 0u64;
        for group in 0..table.groups() {
            let rows =
                table.group(group).map_err(|e| found.add(unreadable(CountedReceipt::FILE, &e)));
            let mut rows = rows.ok()?;
            let is_in_order = line_up(&mut rows, row, &mut lineup, found);
            let mut checked = check_group(&rows, &rules, &signers).into_iter();
            for counted in rows {
                // A row that cannot be read has no signer.
                if let Ok(counted) = counted {
                    join(&mut heads, row, &counted.signed, found);
                    if let Some(signer) = checked.next() {
                        claims.note(row, &counted.signed, signer, found);
                    }
                }
                row = row.saturating_add(1);
            }
            lineup.set_aside().map_err(|e| found.add(unreadable(CountedReceipt::FILE, &e))).ok()?;
            if !is_in_order {
                return Some(lineup);
            }
        }
        check_rows::<CountedReceipt>(&self.dataset, row, found);
        if let Some(mut heads) = heads {
            heads.end().unwrap_or_else(|error| found.add(head_difference(error)));
            check_rows::<HeadRow>(&self.dataset, heads.at, found);
        }
        Some(lineup)
    }

    /// What lies beside the receipts, from the first on.
    fn heads(&self, found: &mut Differences) -> Option<Heads> {
        check_file::<HeadRow>(&self.dataset, found);
        let table = self.dataset.table::<HeadRow>();
        let table = table.map_err(|e| found.add(unreadable(HeadRow::FILE, &e))).ok()?;
        Some(HeadWalk::new(Box::new(table.into_rows())))
    }

    fn table(&self, found: &mut Differences) -> Option<TableReader<CountedReceipt>> {
        let table = self.dataset.table::<CountedReceipt>();
        table.map_err(|error| found.add(unreadable(CountedReceipt::FILE, &error))).ok()
    }
}

/// Adds the rows to the line-up, the first of them being the row `first` of its table; those behind the first that is out of order are cut
/// off. Says whether there was none.
fn line_up(
    rows: &mut Vec<Result<CountedReceipt, RowError>>,
    first: u64,
    lineup: &mut Lineup,
    found: &mut Differences,
) -> bool {
    let mut kept = 0usize;
    let mut is_in_order = true;
    for (row, counted) in (first..).zip(rows.iter()) {
        kept = kept.saturating_add(1);
        let reason = match counted {
            Ok(counted) => lineup.push(counted).err(),
            Err(reason) => Some(reason.clone()),
        };
        let Some(reason) = reason else { continue };
        is_in_order = !matches!(reason, RowError::OutOfOrder | RowError::KeyTwice);
        found.add(Difference::Row { file: CountedReceipt::FILE, row, reason });
        if !is_in_order {
            break;
        }
    }
    rows.truncate(kept);
    is_in_order
}

/// The signer of each row that can be read, by every rule. Rows stand by payer, so that a signer's are together: one of them tells
/// its key, and the rest are checked in batches, which are independent of each other.
fn check_group(
    rows: &[Result<CountedReceipt, RowError>],
    rules: &Rules,
    signers: &Signers,
) -> Vec<Result<Address, Rejection>> {
    let receipts: Vec<_> = rows.iter().flatten().map(|counted| &counted.signed).collect();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = receipts.len().div_ceil(cores);
    let batches: Vec<_> =
        receipts.chunks(share.clamp(SIGNATURES_A_THREAD, SIGNATURES_TOGETHER)).collect();
    let check = |batch: &&[&SignedReceipt]| Ok(rules.signers(batch, signers));
    let checked =
        map_in_order(&batches, 1, check).unwrap_or_else(|never: Infallible| match never {});
    checked.into_iter().flatten().collect()
}

/// The rows of what lies beside receipts.
type Heads = HeadWalk<Box<dyn Iterator<Item = Result<HeadRow, Error>>>>;

/// Compares what lies beside a receipt with what it commits to. After a first difference nothing is known to stand in its place.
fn join(heads: &mut Option<Heads>, row: u64, signed: &SignedReceipt, found: &mut Differences) {
    if let Some(walk) = heads
        && let Err(error) = walk.join(row, signed.clone())
    {
        found.add(head_difference(error));
        *heads = None;
    }
}

fn head_difference(error: Error) -> Difference {
    match error {
        Error::Row { file, row, source: reason } => Difference::Row { file, row, reason },
        other => unreadable(HeadRow::FILE, &other),
    }
}

impl Claims {
    fn note(
        &mut self,
        row: u64,
        signed: &SignedReceipt,
        signer: Result<Address, Rejection>,
        found: &mut Differences,
    ) {
        let (payer, operator_id) = (signed.receipt.payer, signed.receipt.operator_id);
        self.nodes.entry((signed.receipt.node, operator_id)).or_insert(row);
        match signer {
            Ok(signer) if signer == payer => {}
            Ok(signer) => drop(self.signers.entry((payer, signer)).or_insert(row)),
            Err(reason) => found.add(Difference::Receipt { row, payer, operator_id, reason }),
        }
    }
}

#[cfg(test)]
mod strangers;
#[cfg(test)]
mod tests;
