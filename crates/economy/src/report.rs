//! What a scenario found: figures over its runs, and bounds with what was measured.
//!
//! Invariant: a bound holds if and only if its measured value keeps its limit, as printed; every value is rounded to six
//! digits before they are compared, so what a reader sees decides.

use serde::Serialize;

/// On which side of its limit a measured value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Not above it.
    AtMost,
    /// Not below it.
    AtLeast,
    /// On it.
    Exactly,
}

/// A line of what must hold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bound {
    /// What it is called.
    pub name: String,
    /// What was measured: the worst of all runs, or what the name says.
    pub measured: f64,
    /// How it must stand to the limit.
    pub relation: Relation,
    /// The limit.
    pub limit: f64,
    /// Whether it does.
    pub holds: bool,
}

/// A figure over runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What it is called, with its unit.
    pub name: String,
    /// Its smallest value.
    pub p0: f64,
    /// Its middle value: the lower one of an even number.
    pub p50: f64,
    /// Its largest value.
    pub p100: f64,
}

/// A curve of a picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// What it shows.
    pub name: String,
    /// A value for each epoch.
    pub values: Vec<f64>,
}

/// All that a scenario found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Which one.
    pub scenario: String,
    /// Everything random followed from it.
    pub seed: u64,
    /// How many economies were played.
    pub runs: u64,
    /// For how long each.
    pub epochs: u64,
    /// What they were like.
    pub figures: Vec<Figure>,
    /// What must hold.
    pub bounds: Vec<Bound>,
    /// The first run as a picture.
    #[serde(skip)]
    pub curves: Vec<Curve>,
}

impl Report {
    /// Whether all bounds hold.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.bounds.iter().all(|bound| bound.holds)
    }

    /// The bound of this name.
    #[must_use]
    pub fn bound(&self, name: &str) -> Option<&Bound> {
        self.bounds.iter().find(|bound| bound.name == name)
    }

    /// One more figure.
    pub fn figure(&mut self, name: impl Into<String>, values: &[f64]) {
        let mut sorted: Vec<f64> = values.iter().map(|value| rounded(*value)).collect();
        sorted.sort_by(f64::total_cmp);
        let at = |place: usize| sorted.get(place).copied().unwrap_or(0.0);
        let last = sorted.len().saturating_sub(1);
        self.figures.push(Figure {
            name: name.into(),
            p0: at(0),
            p50: at(last / 2),
            p100: at(last),
        });
    }

    /// What must not be above a limit.
    pub fn at_most(&mut self, name: impl Into<String>, measured: f64, limit: f64) {
        self.add(name.into(), measured, Relation::AtMost, limit);
    }

    /// What must not be below a limit.
    pub fn at_least(&mut self, name: impl Into<String>, measured: f64, limit: f64) {
        self.add(name.into(), measured, Relation::AtLeast, limit);
    }

    /// What must be a value.
    pub fn exactly(&mut self, name: impl Into<String>, measured: f64, limit: f64) {
        self.add(name.into(), measured, Relation::Exactly, limit);
    }

    fn add(&mut self, name: String, measured: f64, relation: Relation, limit: f64) {
        let (measured, limit) = (rounded(measured), rounded(limit));
        let holds = match relation {
            Relation::AtMost => measured <= limit,
            Relation::AtLeast => measured >= limit,
            Relation::Exactly => measured.total_cmp(&limit).is_eq(),
        };
        self.bounds.push(Bound { name, measured, relation, limit, holds });
    }
}

impl Relation {
    /// As it is written.
    #[must_use]
    pub const fn sign(self) -> &'static str {
        match self {
            Self::AtMost => "≤",
            Self::AtLeast => "≥",
            Self::Exactly => "=",
        }
    }
}

/// Rounded to six digits; what is no number is an infinity, which no limit keeps.
fn rounded(value: f64) -> f64 {
    if value.is_nan() {
        return f64::INFINITY;
    }
    let size = value.abs();
    if size >= 1e15 || size == 0.0 {
        return value + 0.0;
    }
    let mut unit = 1e6;
    while size * unit < 99_999.5 && unit < 1e15 {
        unit *= 10.0;
    }
    while size * unit >= 999_999.5 && unit > 1.0 {
        unit /= 10.0;
    }
    (value * unit).round() / unit + 0.0
}

/// The largest of these; the least there is, if there are none.
#[must_use]
pub fn most(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// The smallest of these.
#[must_use]
pub fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// The middle one of these, the lower of an even number.
#[must_use]
pub fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

/// Their mean.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    let count = u32::try_from(values.len()).unwrap_or(u32::MAX);
    values.iter().sum::<f64>() / f64::from(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let (figures, bounds, curves) = (Vec::new(), Vec::new(), Vec::new());
        Report { scenario: "x".into(), seed: 1, runs: 1, epochs: 1, figures, bounds, curves }
    }

    #[test]
    fn a_bound_holds_on_its_limit_and_not_beyond() {
        let mut report = report();
        report.at_most("most", 1.000_000_4, 1.0);
        report.at_least("least", 0.99, 0.99);
        report.exactly("exactly", 3.0, 3.0);
        assert!(report.holds());
        report.at_most("nothing measured", f64::NAN, 1.0);
        report.at_most("above", 1.001, 1.0);
        assert!(!report.bounds[3].holds && !report.bounds[4].holds);
    }

    #[test]
    fn a_figure_has_the_ends_and_the_lower_middle() {
        let mut report = report();
        report.figure("x", &[4.0, 1.0, 3.0, 2.0]);
        let figure = &report.figures[0];
        assert_eq!((figure.p0, figure.p50, figure.p100), (1.0, 2.0, 4.0));
        assert_eq!(
            [rounded(1.234_567_8), rounded(-0.000_012_345_678)],
            [1.234_57, -0.000_012_345_7]
        );
        assert_eq!([rounded(123_456_789.4), rounded(0.0)], [123_456_789.0, 0.0]);
    }
}
