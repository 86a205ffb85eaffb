//! Files on disk: digests, and a folder that appears whole or not at all.
//!
//! Invariant: a folder under its final name is complete and was flushed before it got the name, so a crash leaves at most a
//! folder whose name begins with a dot.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, Keccak256};

use crate::Error;

/// Opens a file, and nothing that only looks like one: a device never ends, and a pipe may never begin.
pub(crate) fn regular(path: &Path) -> std::io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    File::open(path)
}

/// The hash and size of a file, read to one byte more than it should have: what is longer is another file, and its hash of no interest.
pub(crate) fn digest(path: &Path, size_bytes: u64) -> Result<(B256, u64), Error> {
    let file = regular(path).map_err(Error::io(path))?;
    let mut file = file.take(size_bytes.saturating_add(1));
    let mut hasher = Keccak256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0u64;
    loop {
        let read = file.read(&mut buffer).map_err(Error::io(path))?;
        let (filled, _) = buffer.split_at(read);
        if filled.is_empty() {
            return Ok((hasher.finalize(), size));
        }
        hasher.update(filled);
        size = size.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
    }
}

/// Waits until a folder's list of files is on disk.
pub(crate) fn sync(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(folder))
}

/// A folder being filled beside its final place; removed again unless it is published.
pub(crate) struct Staging(tempfile::TempDir);

impl Staging {
    /// An empty folder in `parent`, which is made if need be.
    pub(crate) fn create(parent: &Path) -> Result<Self, Error> {
        fs::create_dir_all(parent).map_err(Error::io(parent))?;
        let folder = tempfile::Builder::new().prefix(".writing-").tempdir_in(parent);
        folder.map(Self).map_err(Error::io(parent))
    }

    /// Where to put files.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Gives the folder its name; if a folder of that name holds the same files already, keeps that one.
    pub(crate) fn publish(self, parent: &Path, name: &str) -> Result<PathBuf, Error> {
        let place = parent.join(name);
        open_to_readers(self.path())?;
        sync(self.path())?;
        match fs::rename(self.path(), &place) {
            // The guard may go: its folder has another name now.
            Ok(()) => drop(self.0.keep()),
            Err(_) if place.is_dir() => same_files(self.path(), &place)?,
            Err(error) => return Err(Error::io(&place)(error)),
        }
        sync(parent)?;
        Ok(place)
    }
}

/// Temporary folders are private; a published dataset is for everybody.
#[cfg(unix)]
fn open_to_readers(folder: &Path) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(Error::io(folder))
}

#[cfg(not(unix))]
fn open_to_readers(_: &Path) -> Result<(), Error> {
    Ok(())
}

fn same_files(one: &Path, other: &Path) -> Result<(), Error> {
    for item in fs::read_dir(one).map_err(Error::io(one))? {
        let name = item.map_err(Error::io(one))?.file_name();
        if digest(&one.join(&name), u64::MAX)? != digest(&other.join(&name), u64::MAX)? {
            return Err(Error::Occupied { path: other.to_owned() });
        }
    }
    Ok(())
}
