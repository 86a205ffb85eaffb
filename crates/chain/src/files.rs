//! Small files on which money depends: what was sent, what was spent, with which key.
//!
//! Invariant: a file is whole at any moment, for its owner's eyes only, and on disk, name and all, when [`replace_file`] returns.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

/// Puts `text` where `file` is, whole or not at all.
///
/// # Errors
/// If the disk does not take it; what was there before stays then.
pub fn replace_file(file: &Path, text: &[u8]) -> std::io::Result<()> {
    let beside = file.with_extension("new");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut new = options.open(&beside)?;
    // One that a crash left there may be another's to read: the mode above is that of a new file only.
    #[cfg(unix)]
    new.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    new.write_all(text)?;
    new.sync_all()?;
    std::fs::rename(&beside, file)?;
    // Without this the old file may be back after a loss of power.
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// What is in `file`; nothing if there is none.
///
/// # Errors
/// If it is there and cannot be read.
pub fn read_file(file: &Path) -> std::io::Result<Option<Vec<u8>>> {
    match std::fs::read(file) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("budget.json");
        std::fs::write(folder.path().join("budget.new"), "left by a crash, for everybody to read")
            .unwrap();
        replace_file(&file, b"a long first text").unwrap();
        replace_file(&file, b"short").unwrap();
        assert_eq!(read_file(&file).unwrap().as_deref(), Some(&b"short"[..]));
        assert!(read_file(&folder.path().join("other")).unwrap().is_none());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let mode = std::os::unix::fs::PermissionsExt::mode(&file.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_cannot_be_written_leaves_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("budget.json");
        replace_file(&file, b"before").unwrap();
        std::fs::create_dir(folder.path().join("budget.new")).unwrap();
        assert!(replace_file(&file, b"after").is_err());
        assert_eq!(std::fs::read(&file).unwrap(), b"before");
    }
}
