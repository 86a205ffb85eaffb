//! How often each thing happened: a model whose interesting actions never happen tests nothing.

use std::collections::BTreeMap;
use std::fmt;

/// What has to happen in a hundred runs, at least: below what four runs of fifty actions showed. The rest is printed only, until the
/// figures of many runs are known.
const LEAST_IN_100_RUNS: &[(&str, usize)] = &[
    ("actions", 5_000),
    ("opened", 200),
    ("topped up", 20),
    ("receipts taken", 100),
    ("receipts refused", 30),
    ("exits", 200),
    ("exits with something due", 60),
    ("settled", 120),
    ("closed by agreement", 15),
    ("towers killed", 150),
    ("second towers", 40),
    ("reorganisations", 180),
    ("blocks at twenty times the base fee", 300),
    ("transactions lost", 400),
];

#[derive(Debug, Default)]
pub(crate) struct Counts(BTreeMap<&'static str, usize>);

impl Counts {
    pub(crate) fn add(&mut self, what: &'static str, times: usize) {
        *self.0.entry(what).or_default() += times;
    }

    pub(crate) fn most(&mut self, what: &'static str, value: usize) {
        let most = self.0.entry(what).or_default();
        *most = value.max(*most);
    }

    /// Too few runs say nothing about what is seldom.
    pub(crate) fn check(&self, runs: u64) {
        if runs < 10 {
            return;
        }
        for (what, least) in LEAST_IN_100_RUNS {
            let least = least * usize::try_from(runs).unwrap() / 100;
            let times = self.0.get(what).copied().unwrap_or_default();
            assert!(times >= least, "{what}: {times} times in {runs} runs, expected {least}");
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(what, times)| writeln!(f, "{times:>8} {what}"))
    }
}
