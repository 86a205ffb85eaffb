//! Whether `Σ a_i·R_i − (Σ a_i z_i/s_i)·G − Σ_keys (Σ a_i r_i/s_i)·P` is infinity.
//!
//! Each summand is `a_i·(R_i − (z_i/s_i)·G − (r_i/s_i)·P)`, which is infinity exactly if recovery with R_i gives P.
//!
//! Invariant: a batch of right signatures always passes; one with a wrong one passes with a chance of at most 2^-128, see
//! [`crate::factors`]. Source: SEC 1 §4.1.4 and §4.1.6.

use std::sync::Arc;

use crate::columns::Columns;
use crate::eisenstein::Digits;
use crate::factors::{PLACES, Stream, UNITS, draw_digits, draw_units, windows};
use crate::field::Field;
use crate::point::{Affine, Turned};
use crate::scalar::{Scalar, halves};
use crate::table::Table;
use crate::windows::Windows;

/// The width of the digits that multiply a key met for the first time.
pub(crate) const NEW_KEY_WIDTH: u32 = 3;
/// The width of the digits that multiply a key met before.
pub(crate) const KNOWN_KEY_WIDTH: u32 = 5;
/// The width of the digits that multiply the generator: the widest there is.
const GENERATOR_WIDTH: u32 = 6;
/// The narrowest digits.
const LEAST_WIDTH: u32 = 3;
/// Additions to build a new key's table and to use it once.
const NEW_KEY_ADDITIONS: usize = 46;
/// Additions to use a known key's table once.
const KNOWN_KEY_ADDITIONS: usize = 25;
/// What the doublings of a sum take, and the generator's multiple.
const SHARED_ADDITIONS: usize = 400;

/// A signature whose parts are in range, with its nonce's point.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Member<F> {
    pub(crate) nonce: Affine<F>,
    pub(crate) r: Scalar,
    pub(crate) z: Scalar,
    /// 1/s.
    pub(crate) inverse: Scalar,
    /// Which of the batch's keys.
    pub(crate) key: usize,
}

/// A key of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Key<F> {
    pub(crate) point: Affine<F>,
    /// Not in large batches of nearly as many keys.
    pub(crate) table: Option<Arc<Table<F>>>,
}

/// What every sum needs.
#[derive(Debug)]
pub(crate) struct Equation<F> {
    /// Those of each width from [`LEAST_WIDTH`] to [`GENERATOR_WIDTH`].
    digits: Vec<Digits>,
    generator: Option<Table<F>>,
}

/// How a sum is reckoned.
#[derive(Clone, Copy, Debug)]
enum Plan<'a> {
    Columns,
    Windows(&'a Digits),
}

impl<F: Field> Equation<F> {
    pub(crate) fn new() -> Self {
        let digits = (LEAST_WIDTH..=GENERATOR_WIDTH).map(Digits::new).collect();
        let equation = Self { digits, generator: None };
        let generator = equation.tables(GENERATOR_WIDTH, &[generator()]).pop();
        Self { generator, ..equation }
    }

    fn digits(&self, width: u32) -> &Digits {
        &self.digits[(width - LEAST_WIDTH) as usize]
    }

    /// The tables of points.
    pub(crate) fn tables(&self, width: u32, points: &[Affine<F>]) -> Vec<Table<F>> {
        Table::build(self.digits(width), points)
    }

    /// Whether the sum over `members` with factors from `stream` is infinity.
    pub(crate) fn holds(
        &self,
        members: &[Member<F>],
        keys: &[Key<F>],
        stream: &mut Stream,
    ) -> bool {
        let used = used(members, keys);
        let (_, plan) = self.plan(members.len(), bare_count(&used));
        let mut sums = Multiples { generator: Scalar::ZERO, keys: vec![Scalar::ZERO; keys.len()] };
        let mut columns = Columns::default();
        match plan {
            Plan::Columns => add_nonces(members, stream, &mut sums, &mut columns),
            Plan::Windows(digits) => {
                let mut windows = window_nonces(digits, members, stream, &mut sums);
                add_bare_keys(digits, keys, &sums, &mut windows);
                windows.add_up(&mut columns.points);
            }
        }
        let of_keys = used.iter().map(|(nth, key)| (key.table.as_deref(), sums.keys[*nth]));
        for (table, sum) in of_keys.chain([(self.generator.as_ref(), sums.generator)]) {
            if let Some(table) = table {
                table.multiply(self.digits(table.width()), -sum, &mut columns.points);
            }
        }
        columns.add_up().is_none()
    }

    /// About how many additions [`Equation::holds`] takes.
    pub(crate) fn additions(&self, members: &[Member<F>], keys: &[Key<F>]) -> usize {
        let used = used(members, keys);
        let bare = bare_count(&used);
        let tables = KNOWN_KEY_ADDITIONS * (used.len() - bare);
        self.plan(members.len(), bare).0 + tables + SHARED_ADDITIONS
    }

    /// Whether it takes fewer additions to build tables for `keys` new keys than to do without.
    pub(crate) fn tables_pay(&self, members: usize, keys: usize) -> bool {
        self.plan(members, 0).0 + NEW_KEY_ADDITIONS * keys <= self.plan(members, keys).0
    }

    /// The way with the fewest additions, and how many they are, for so many members and keys without tables.
    fn plan(&self, members: usize, bare_keys: usize) -> (usize, Plan<'_>) {
        let windows = self.digits.iter().map(|digits| {
            let short = windows(digits.width());
            // A key's factor is not drawn: it has twice the windows, and one for the carry.
            let long = if bare_keys == 0 { 0 } else { 2 * short + 1 };
            let shared =
                short.max(long) * (2 * digits.values().len() + (8 << (digits.width() - 1)));
            (members * short + bare_keys * long + shared, Plan::Windows(digits))
        });
        // In columns, each key would need its own.
        let columns = (bare_keys == 0).then_some((UNITS * members + PLACES, Plan::Columns));
        let plans = columns.into_iter().chain(windows);
        plans.min_by_key(|(additions, _)| *additions).unwrap_or((0, Plan::Columns))
    }
}

/// The keys that `members` have, with their numbers.
fn used<'a, F>(members: &[Member<F>], keys: &'a [Key<F>]) -> Vec<(usize, &'a Key<F>)> {
    let mut used = vec![false; keys.len()];
    for member in members {
        used[member.key] = true;
    }
    keys.iter().enumerate().filter(|(nth, _)| used[*nth]).collect()
}

fn bare_count<F>(keys: &[(usize, &Key<F>)]) -> usize {
    keys.iter().filter(|(_, key)| key.table.is_none()).count()
}

/// How often the generator and the keys are subtracted.
#[derive(Debug)]
struct Multiples {
    generator: Scalar,
    keys: Vec<Scalar>,
}

impl Multiples {
    fn add<F>(&mut self, factor: Scalar, member: &Member<F>) {
        let share = factor * member.inverse;
        self.generator += share * member.z;
        self.keys[member.key] += share * member.r;
    }
}

/// Puts each nonce's point into the columns where its factor has units.
fn add_nonces<F: Field>(
    members: &[Member<F>],
    stream: &mut Stream,
    sums: &mut Multiples,
    columns: &mut Columns<F>,
) {
    for member in members {
        let (factor, units) = draw_units(stream);
        sums.add(factor, member);
        columns.nonces.push((Turned::new(member.nonce), units));
    }
}

/// Sorts each nonce's point into windows by the digits of its factor.
fn window_nonces<'a, F: Field>(
    digits: &'a Digits,
    members: &[Member<F>],
    stream: &mut Stream,
    sums: &mut Multiples,
) -> Windows<'a, F> {
    let mut sorted = Windows::new(digits);
    let mut classes = Vec::new();
    for member in members {
        classes.clear();
        sums.add(draw_digits(stream, digits, &mut classes), member);
        sorted.point(Turned::new(member.nonce));
        for (window, class) in classes.iter().enumerate() {
            let (bucket, unit, _) = digits.class(usize::from(*class));
            if let Some(bucket) = bucket {
                sorted.digit(window, bucket, unit);
            }
        }
    }
    sorted
}

/// Puts the keys that have no table into windows.
fn add_bare_keys<F: Field>(
    digits: &Digits,
    keys: &[Key<F>],
    sums: &Multiples,
    windows: &mut Windows<'_, F>,
) {
    for (key, sum) in keys.iter().zip(&sums.keys) {
        if key.table.is_none() && sum.iszero() == 0 {
            windows.point(Turned::new(key.point));
            digits.window_digits(halves(-*sum), |window, bucket, unit| {
                windows.digit(window, bucket, unit);
            });
        }
    }
}

/// G.
fn generator<F: Field>() -> Affine<F> {
    let [x, y] = [
        "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
        "483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8",
    ]
    .map(|hex| {
        core::array::from_fn(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap_or_default())
    });
    Affine::of_key(&x, &y).unwrap_or(Affine::NONE)
}
