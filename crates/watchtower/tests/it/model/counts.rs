//! How often each thing happened: a model whose interesting actions never happen tests nothing.

use std::collections::BTreeMap;
use std::fmt;

/// What has to happen in a hundred runs, at least.
const LEAST_IN_100_RUNS: &[(&str, usize)] = &[
    ("actions", 5_000),
    ("opened", 300),
    ("topped up", 50),
    ("receipts taken", 500),
    ("receipts refused", 50),
    ("service refused", 50),
    ("exits", 300),
    ("exits with something due", 100),
    ("exits that were still due late in the window", 20),
    ("settled", 250),
    ("closed by agreement", 40),
    ("redemptions foretold", 10),
    ("refused by the contract as foretold", 5),
    ("towers killed", 250),
    ("towers killed while sending", 5),
    ("processes killed", 10),
    ("second towers", 50),
    ("reorganisations", 200),
    ("blocks at twenty times the base fee", 1_000),
    ("transactions lost", 500),
    ("old words tried again", 20),
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
