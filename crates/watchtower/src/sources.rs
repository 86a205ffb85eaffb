//! Where a watchtower's receipts come from: nodes' folders, and files.
//!
//! Invariant: what cannot be read is as it was when it was read last, and holds up nothing else: a damaged file must not cost what
//! the others are owed.

use std::path::{Path, PathBuf};

use tatum_receipt::SignedReceipt;

use crate::kept_receipts::{in_file, in_folder};

/// Folders and files, with what they held last.
#[derive(Debug)]
pub(crate) struct Sources(Vec<Source>);

#[derive(Debug)]
struct Source {
    path: PathBuf,
    is_folder: bool,
    last: Vec<SignedReceipt>,
}

impl Source {
    fn new(path: &Path, is_folder: bool) -> Self {
        Self { path: path.to_owned(), is_folder, last: Vec::new() }
    }
}

impl Sources {
    pub(crate) fn new(folders: &[PathBuf], files: &[PathBuf]) -> Self {
        let folders = folders.iter().map(|path| Source::new(path, true));
        Self(folders.chain(files.iter().map(|path| Source::new(path, false))).collect())
    }

    /// All receipts, and how many of the sources could not be read.
    pub(crate) async fn read(&mut self) -> (Vec<SignedReceipt>, usize) {
        let (mut all, mut unread) = (Vec::new(), 0);
        for source in &mut self.0 {
            let read = if source.is_folder {
                in_folder(&source.path).await
            } else {
                in_file(&source.path)
            };
            match read {
                Ok(receipts) => source.last = receipts,
                Err(error) => {
                    unread += 1;
                    let (path, error) = (source.path.display(), format!("{error:#}"));
                    tracing::warn!(%path, error, "receipts could not be read; going on with what was there before");
                }
            }
            all.extend(source.last.iter().cloned());
        }
        (all, unread)
    }
}
