//! The journal of transactions that were signed and whose end is not known.
//!
//! Invariant: an entry is on disk before `open` returns, and the file is whole at any moment: it is written beside its place
//! and moved there. Without a file (a test, a reader) entries live as long as the process.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Encodable2718;
use alloy::primitives::{Bytes, TxHash};
use serde::{Deserialize, Serialize};

use crate::files::replace_file;
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
}

impl Sent {
    pub(crate) fn new(action: &str, envelope: &TxEnvelope) -> Self {
        Self {
            action: action.to_owned(),
            nonce: envelope.nonce(),
            hash: *envelope.tx_hash(),
            raw: envelope.encoded_2718().into(),
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
        let stray = match std::fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map_err(|error| failed(&file, &format!("it is damaged ({error})")))?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(&file, &error)),
        };
        Ok(Self { file: Some(file), _lock: Some(lock), open: Vec::new(), stray })
    }

    /// Writes down what is about to be sent.
    pub(crate) fn open(&mut self, sent: &Sent) -> Result<()> {
        self.open.push(sent.clone());
        self.write()
    }

    /// It is settled.
    pub(crate) fn close(&mut self, sent: &Sent) -> Result<()> {
        self.open.retain(|open| open.hash != sent.hash);
        self.stray.retain(|open| open.hash != sent.hash);
        self.write()
    }

    /// Nobody waits for it any more; whoever sends next finds out first what became of it.
    pub(crate) fn abandon(&mut self, sent: &Sent) {
        self.open.retain(|open| open.hash != sent.hash);
        self.stray.push(sent.clone());
    }

    /// Those that nobody waits for.
    pub(crate) fn stray(&self) -> Vec<Sent> {
        self.stray.clone()
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
        }
    }

    #[test]
    fn what_was_open_when_a_process_died_is_found_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state/transactions.json");
        let mut journal = Journal::load(file.clone()).unwrap();
        journal.open(&sent(1)).unwrap();
        journal.open(&sent(2)).unwrap();
        journal.close(&sent(1)).unwrap();
        assert_eq!(journal.stray(), []);
        assert!(Journal::load(file.clone()).is_err(), "two processes kept one journal");
        drop(journal);
        assert_eq!(Journal::load(file).unwrap().stray(), [sent(2)]);
    }

    #[test]
    fn an_abandoned_one_stays_written_down() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("transactions.json");
        let mut journal = Journal::load(file.clone()).unwrap();
        journal.open(&sent(1)).unwrap();
        journal.abandon(&sent(1));
        journal.open(&sent(2)).unwrap();
        assert_eq!(journal.stray(), [sent(1)]);
        drop(journal);
        assert_eq!(Journal::load(file).unwrap().stray(), [sent(1), sent(2)]);
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
