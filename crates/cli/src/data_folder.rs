//! The folder in which a process keeps its data: one process at a time.
//!
//! Invariant: whoever holds a [`DataFolder`] is the only process in it. The system gives the lock back when the process
//! ends, however it does, so a file that a killed one left behind stops nobody.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use anyhow::{Context, bail};

/// The file that is locked; it names the process.
const FILE: &str = "process.lock";

/// A folder that is ours alone, for as long as this lives.
#[derive(Debug)]
pub(crate) struct DataFolder {
    _lock: File,
}

impl DataFolder {
    /// Makes the folder that `--data` names if there is none, and takes it.
    pub(crate) fn take(path: &Path) -> anyhow::Result<Self> {
        Self::take_at(path, "--data")
    }

    /// The same for one that is named by `setting`, as the error for a second process says.
    pub(crate) fn take_at(path: &Path, setting: &str) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)
            .with_context(|| format!("making the folder {}", path.display()))?;
        let file = path.join(FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let opened = options.open(&file);
        let mut lock = opened.with_context(|| format!("opening {}", file.display()))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // What cannot be read is not needed to say what matters.
                let _ = lock.read_to_string(&mut holder);
                let holder = holder.trim();
                bail!(
                    "the folder {} is in use by process {holder}; end that one, or name another folder with {setting}",
                    path.display()
                );
            }
            Err(TryLockError::Error(error)) => {
                return Err(error).with_context(|| format!("locking {}", file.display()));
            }
        }
        // Who waits in vain is told the number; that it cannot be written, on a full disk, stops nothing.
        let _ = lock.set_len(0).and_then(|()| lock.rewind());
        let _ = writeln!(lock, "{}", std::process::id());
        Ok(Self { _lock: lock })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_process_and_is_free_again_when_that_ends() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("node");
        let held = DataFolder::take(&path).unwrap();
        let error = DataFolder::take(&path).unwrap_err().to_string();
        let holder = format!("in use by process {}", std::process::id());
        assert!(error.contains(&holder) && error.contains(path.to_str().unwrap()), "{error}");
        drop(held);
        DataFolder::take(&path).unwrap();
    }
}
