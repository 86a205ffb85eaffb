//! The journal of transactions that were signed and whose end is not known.
//!
//! Invariant: an entry is on disk before `open` returns, and the file is whole at any moment: it is written beside its place
//! and moved there. Without a file (a test, a reader) entries live as long as the process.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Bytes, TxHash};
use serde::{Deserialize, Serialize};

use crate::files::{read_file, replace_file};
use crate::{ChainError, Result};

/// A transaction that was signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// What it is for, as errors say it.
    pub(crate) action: String,
    pub(crate) nonce: u64,
    pub(crate) hash: TxHash,
    /// As it goes to a provider.
    pub(crate) raw: Bytes,
    /// Whether it is never made dearer, by a later process either.
    #[serde(default)]
    pub(crate) fixed: bool,
}

impl Sent {
    pub(crate) fn new(action: &str, envelope: &TxEnvelope) -> Self {
        Self {
            action: action.to_owned(),
            nonce: envelope.nonce(),
            hash: *envelope.tx_hash(),
            raw: envelope.encoded_2718().into(),
            fixed: false,
        }
    }
}

/// What was signed and is not settled yet, in the order of signing.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    file: Option<PathBuf>,
    /// Held as long as this journal lives: no second process writes it.
    _lock: Option<File>,
    open: Vec<Sent>,
    /// Open ones that nobody waits for: an earlier process sent them, or their caller gave up.
    stray: Vec<Sent>,
}

impl Journal {
    /// What an earlier process left in `file`.
    pub(crate) fn load(file: PathBuf) -> Result<Self> {
        let lock = lock(&file)?;
        let stray = match read_file(&file).map_err(|error| failed(&file, &error))? {
            Some(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| failed(&file, &format!("it is damaged ({error})")))?,
            None => Vec::new(),
        };
        Ok(Self { file: Some(file), _lock: Some(lock), open: Vec::new(), stray })
    }

    /// Writes down what is about to be sent.
    pub(crate) fn open(&mut self, sent: &Sent) -> Result<()> {
        self.open.push(sent.clone());
        self.write()
    }

    /// The nonce is used up: all versions of its transaction are settled.
    pub(crate) fn close(&mut self, nonce: u64) -> Result<()> {
        self.open.retain(|open| open.nonce != nonce);
        self.stray.retain(|open| open.nonce != nonce);
        self.write()
    }

    /// This version was never taken by anybody; the others stay.
    pub(crate) fn forget(&mut self, sent: &Sent) -> Result<()> {
        self.open.retain(|open| open.hash != sent.hash);
        self.write()
    }

    /// Nobody waits for it any more; whoever sends next finds out first what became of it.
    pub(crate) fn abandon(&mut self, nonce: u64) {
        let abandoned = self.open.extract_if(.., |open| open.nonce == nonce);
        self.stray.extend(abandoned);
    }

    /// Whether one with this nonce is waited for.
    pub(crate) fn is_open(&self, nonce: u64) -> bool {
        self.open.iter().any(|open| open.nonce == nonce)
    }

    /// Those that nobody waits for, by nonce: all versions of each, in the order of signing.
    pub(crate) fn strays(&self) -> Vec<Vec<Sent>> {
        let mut by_nonce: BTreeMap<u64, Vec<Sent>> = BTreeMap::new();
        for sent in &self.stray {
            by_nonce.entry(sent.nonce).or_default().push(sent.clone());
        }
        by_nonce.into_values().collect()
    }

    fn write(&self) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let all: Vec<&Sent> = self.stray.iter().chain(&self.open).collect();
        let text = serde_json::to_vec(&all).map_err(|error| failed(file, &error))?;
        replace_file(file, &text).map_err(|error| failed(file, &error))
    }
}

/// Makes sure that no other process sends for the same account.
fn lock(file: &Path) -> Result<File> {
    let open = || {
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        File::create(file.with_extension("lock"))
    };
    let lock = open().map_err(|error| failed(file, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(failed(file, &"another process is sending for this account; wait until it is done"))
        }
        Err(TryLockError::Error(error)) => Err(failed(file, &error)),
    }
}

fn failed(file: &Path, reason: &dyn std::fmt::Display) -> ChainError {
    ChainError::Journal { path: file.to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(nonce: u64) -> Sent {
        let hash = TxHash::with_last_byte(u8::try_from(nonce).unwrap());
        Sent {
            action: "registering the operator".into(),
            nonce,
            hash,
            raw: Bytes::from_static(&[2]),
            fixed: false,
        }
    }

    #[test]
    fn what_was_open_when_a_process_died_is_found_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/transactions.json");
        let mut journal = Journal::load(file.clone()).unwrap();
        journal.open(&sent(1)).unwrap();
        journal.open(&sent(2)).unwrap();
        journal.close(1).unwrap();
        assert!(journal.strays().is_empty());
        assert!(Journal::load(file.clone()).is_err(), "two processes kept one journal");
        drop(journal);
        assert_eq!(Journal::load(file).unwrap().strays(), [[sent(2)]]);
    }

    #[test]
    fn an_abandoned_one_stays_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("transactions.json");
        let mut journal = Journal::load(file.clone()).unwrap();
        journal.open(&sent(1)).unwrap();
        journal.abandon(1);
        journal.open(&sent(2)).unwrap();
        assert_eq!(journal.strays(), [[sent(1)]]);
        drop(journal);
        assert_eq!(Journal::load(file).unwrap().strays(), [[sent(1)], [sent(2)]]);
    }

    #[test]
    fn all_versions_of_one_transaction_are_settled_together() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("transactions.json");
        let dearer = Sent { hash: TxHash::repeat_byte(9), ..sent(1) };
        let mut journal = Journal::load(file.clone()).unwrap();
        journal.open(&sent(1)).unwrap();
        journal.open(&dearer).unwrap();
        drop(journal);
        let mut journal = Journal::load(file).unwrap();
        assert_eq!(journal.strays(), [[sent(1), dearer.clone()]]);
        assert!(!journal.is_open(1), "nobody waits for it");
        journal.open(&Sent { hash: TxHash::repeat_byte(8), ..sent(1) }).unwrap();
        assert!(journal.is_open(1));
        journal.close(1).unwrap();
        assert!(journal.strays().is_empty() && !journal.is_open(1));
    }

    #[test]
    fn a_journal_of_before_prices_were_fixed_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("transactions.json");
        let text = serde_json::to_string(&[Sent { fixed: true, ..sent(1) }]).unwrap();
        std::fs::write(&file, text.replace(",\"fixed\":true", "")).unwrap();
        assert_eq!(Journal::load(file).unwrap().strays(), [[sent(1)]]);
    }

    #[test]
    fn a_damaged_journal_is_no_empty_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("transactions.json");
        std::fs::write(&file, "[{").unwrap();
        let error = Journal::load(file).unwrap_err().to_string();
        assert!(error.contains("transactions.json"), "{error}");
    }
}
