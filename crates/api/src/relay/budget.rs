//! The relay's budget on disk, by a clock that a restart does not set back.
//!
//! Invariant: a charge is on disk before its transaction is signed, so a process that is killed in between has spent too much in its
//! book and never too little in truth. The clock runs only while the service does, and goes on from where it was: what was spent before
//! a restart counts for an hour of running, whatever the system's clock says.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context;
use tatum_chain::{read_file, replace_file};

use super::charges::{Allowed, ChargeId, Charges, Payee, TooMuch};

const FILE: &str = "relay-budget.json";

/// What may still be spent.
#[derive(Debug)]
pub(super) struct Budget {
    allowed: Allowed,
    charges: Charges,
    file: PathBuf,
    started: Instant,
    /// What the clock was then.
    started_ms: u64,
}

/// Why nothing is charged.
#[derive(Debug)]
pub(super) enum NotCharged {
    TooMuch(TooMuch),
    /// The disk does not take it.
    Disk(std::io::Error),
}

impl Budget {
    /// Goes on with what an earlier process left in `folder`, which is there.
    pub(super) fn load(folder: &Path, allowed: Allowed) -> anyhow::Result<Self> {
        let file = folder.join(FILE);
        let read = read_file(&file).with_context(|| format!("reading {}", file.display()))?;
        let damaged = || {
            format!(
                "{} does not say what the relay has spent; delete it to begin an hour with nothing spent",
                file.display()
            )
        };
        let charges: Charges = match read {
            Some(text) => serde_json::from_slice(&text).with_context(damaged)?,
            None => Charges::default(),
        };
        let started_ms = charges.clock_ms();
        let mut budget = Self { allowed, charges, file, started: Instant::now(), started_ms };
        // What cannot be written later would stop the relay then; it is found out now.
        let written = budget.keep(|_, _| ());
        written.with_context(|| format!("writing {}", budget.file.display()))?;
        Ok(budget)
    }

    /// What the budget is.
    pub(super) const fn allowed(&self) -> Allowed {
        self.allowed
    }

    /// Whether anything is left at all, before work is done for it.
    pub(super) fn check(&mut self, whose: (Payee, IpAddr)) -> Result<(), TooMuch> {
        let now_ms = self.now_ms();
        self.charges.check(now_ms, self.allowed, whose, 1)
    }

    /// Takes `wei` before they are spent.
    pub(super) fn charge(
        &mut self,
        whose: (Payee, IpAddr),
        wei: u128,
    ) -> Result<ChargeId, NotCharged> {
        let (now_ms, before) = (self.now_ms(), self.charges.clone());
        let charged = self.charges.charge(now_ms, self.allowed, whose, wei);
        let id = charged.map_err(NotCharged::TooMuch)?;
        match self.write() {
            Ok(()) => Ok(id),
            Err(error) => {
                self.charges = before;
                Err(NotCharged::Disk(error))
            }
        }
    }

    /// A transaction cost `wei`, and no more than was charged.
    pub(super) fn settle(&mut self, id: ChargeId, wei: u128) -> std::io::Result<()> {
        self.keep(|charges, now_ms| charges.settle(now_ms, id, wei))
    }

    /// Of all but those that are `followed` nothing is open any more.
    pub(super) fn settle_all_but(&mut self, followed: &[ChargeId]) -> std::io::Result<()> {
        self.keep(|charges, now_ms| charges.settle_all_but(now_ms, followed))
    }

    /// What open transactions may cost at most.
    pub(super) fn open_wei(&self) -> u128 {
        self.charges.open_wei()
    }

    /// What is left of this hour's budget.
    pub(super) fn left_wei(&mut self) -> u128 {
        let now_ms = self.now_ms();
        self.allowed.wei_per_hour.saturating_sub(self.charges.spent_wei(now_ms))
    }

    fn keep(&mut self, change: impl FnOnce(&mut Charges, u64)) -> std::io::Result<()> {
        let now_ms = self.now_ms();
        change(&mut self.charges, now_ms);
        self.write()
    }

    fn write(&self) -> std::io::Result<()> {
        replace_file(&self.file, &serde_json::to_vec(&self.charges)?)
    }

    fn now_ms(&self) -> u64 {
        let since_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.started_ms.saturating_add(since_ms)
    }
}

#[cfg(test)]
mod tests {
    use tatum_primitives::OperatorId;

    use super::*;

    const ALLOWED: Allowed = Allowed { wei_per_hour: 100, wei_per_address_hour: 60 };
    const ONE: Payee = Payee::Operator(OperatorId(1));
    const TWO: Payee = Payee::Operator(OperatorId(2));

    fn here(last: u8) -> IpAddr {
        IpAddr::from([127, 0, 0, last])
    }

    #[test]
    fn a_restart_does_not_refill_what_was_spent_or_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let mut budget = Budget::load(folder.path(), ALLOWED).unwrap();
        let known = budget.charge((ONE, here(1)), 60).unwrap();
        budget.settle(known, 50).unwrap();
        budget.charge((TWO, here(2)), 40).unwrap();
        drop(budget);
        let mut later = Budget::load(folder.path(), ALLOWED).unwrap();
        assert_eq!((later.left_wei(), later.open_wei()), (10, 40));
        assert!(matches!(later.charge((ONE, here(3)), 11), Err(NotCharged::TooMuch(_))));
        later.settle_all_but(&[]).unwrap();
        assert_eq!((later.left_wei(), later.open_wei()), (10, 0), "it is not known to be less");
        assert!(later.charge((ONE, here(3)), 10).is_ok());
        assert_eq!(later.left_wei(), 0);
    }

    #[test]
    fn what_the_disk_does_not_take_is_not_charged_and_so_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let mut budget = Budget::load(folder.path(), ALLOWED).unwrap();
        std::fs::create_dir(folder.path().join("relay-budget.new")).unwrap();
        assert!(matches!(budget.charge((ONE, here(1)), 1), Err(NotCharged::Disk(_))));
        assert_eq!(budget.left_wei(), 100);
    }

    #[test]
    fn a_damaged_book_is_no_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), "{").unwrap();
        let error = format!("{:#}", Budget::load(folder.path(), ALLOWED).unwrap_err());
        assert!(error.contains(FILE) && error.contains("delete it"), "{error}");
    }
}
