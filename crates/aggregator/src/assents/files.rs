//! An assented list on disk: `assents/{top}.receipts` below the datasets, one signed receipt after the other.
//!
//! Invariant: a file is whole or not there, and what is read of it is a bounded number of receipts.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use tatum_chain::replace_file;
use tatum_merkle::ListCommitment;
use tatum_protocol::ASSENT_PAGE;
use tatum_receipt::SIGNED_RECEIPT_BYTES;

/// Where a list lies below the folder of the datasets.
pub(crate) fn path(datasets: &Path, list: &ListCommitment) -> PathBuf {
    datasets.join("assents").join(format!("{}.receipts", list.top))
}

/// Writes the list.
pub(crate) fn write(
    datasets: &Path,
    list: &ListCommitment,
    leaves: &[Vec<u8>],
) -> std::io::Result<()> {
    std::fs::create_dir_all(datasets.join("assents"))?;
    replace_file(&path(datasets, list), &leaves.concat())
}

/// A page of the list, from a place on; empty behind its end.
pub(super) fn read_page(
    datasets: &Path,
    list: &ListCommitment,
    from: u32,
) -> std::io::Result<Vec<u8>> {
    let mut file = std::fs::File::open(path(datasets, list))?;
    let bytes = SIGNED_RECEIPT_BYTES as u64;
    file.seek(SeekFrom::Start(u64::from(from).saturating_mul(bytes)))?;
    let mut page = Vec::new();
    file.take(u64::from(ASSENT_PAGE).saturating_mul(bytes)).read_to_end(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use tatum_primitives::B256;

    use super::*;

    #[test]
    fn a_list_is_read_back_from_any_place_and_is_empty_behind_its_end() {
        let folder = tempfile::tempdir().unwrap();
        let list = ListCommitment { top: B256::repeat_byte(1), count: 3 };
        assert!(read_page(folder.path(), &list, 0).is_err(), "it is not there yet");
        let leaves: Vec<_> = (0..3).map(|n| vec![n; SIGNED_RECEIPT_BYTES]).collect();
        for _ in 0..2 {
            write(folder.path(), &list, &leaves).unwrap();
        }
        assert_eq!(read_page(folder.path(), &list, 0).unwrap(), leaves.concat());
        assert_eq!(read_page(folder.path(), &list, 2).unwrap(), leaves[2]);
        assert!(read_page(folder.path(), &list, u32::MAX).unwrap().is_empty());
        let names = std::fs::read_dir(folder.path().join("assents")).unwrap();
        assert_eq!(names.count(), 1, "nothing is left beside it");
    }
}
