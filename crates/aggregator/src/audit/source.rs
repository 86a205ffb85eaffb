//! Where a dataset is read from: a folder, or the URL it is published at.
//!
//! Invariant: what is fetched counts only if its manifest has the expected hash; nothing of what a server says becomes part
//! of a path or is larger than the manifest says; and no server, however slow or large, gets more than the [`Budget`].

use std::path::{Path, PathBuf};

use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use tatum_dataset::{Dataset, FileEntry, MANIFEST, Manifest};
use tatum_primitives::{B256, Epoch, keccak256};
use tatum_protocol::client::http;
use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::{ASSENTED, Budget, FetchError, TABLES};

/// The largest manifest; ours have two thousand bytes.
const MAX_MANIFEST: u64 = 1 << 20;

/// Where a dataset is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatasetSource {
    /// Its folder, or the folder of all datasets, in which its own has the manifest's hash for a name.
    Folder(PathBuf),
    /// `http(s)://…/v1/epochs/{epoch}`, below which are `manifest` and `files/{name}`.
    Url(String),
}

impl std::str::FromStr for DatasetSource {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_url = text.starts_with("http://") || text.starts_with("https://");
        Ok(if is_url { Self::Url(text.to_owned()) } else { Self::Folder(text.into()) })
    }
}

impl DatasetSource {
    /// What people write for the dataset of `epoch`: a folder, the dataset's URL, or the base URL of an aggregator.
    pub fn of_epoch(text: &str, epoch: Epoch) -> Self {
        let base = text.trim_end_matches('/');
        if base.starts_with("http") && base.contains("://") && !base.contains("/v1/") {
            Self::Url(format!("{base}/v1/epochs/{epoch}"))
        } else {
            text.parse().unwrap_or_else(|never| match never {})
        }
    }

    /// The folder of the dataset with this manifest; one that is fetched is put below `parent`.
    pub async fn fetch(
        &self,
        manifest_hash: B256,
        parent: &Path,
        budget: &Budget,
    ) -> Result<PathBuf, FetchError> {
        match self {
            Self::Folder(folder) => {
                let own = folder.join(manifest_hash.to_string());
                let folder = if own.exists() { own } else { folder.clone() };
                check_folder(folder.clone(), manifest_hash).await?;
                Ok(folder)
            }
            Self::Url(url) => {
                fetch_url(url.trim_end_matches('/'), manifest_hash, parent, budget).await
            }
        }
    }
}

/// Fetches the list that operators stand for, of so many bytes, from where a dataset is published to `path`.
pub(super) async fn fetch_assented(
    url: &str,
    path: &Path,
    size_bytes: u64,
    budget: &Budget,
) -> Result<(), FetchError> {
    let url = format!("{}/files/{ASSENTED}", url.trim_end_matches('/'));
    let client = http().redirect(Policy::none()).build();
    let client = client.map_err(|source| FetchError::Request { url: url.clone(), source })?;
    let server = Server { client, budget };
    let fetching = server.download(&url, path, size_bytes);
    let fetched = tokio::time::timeout_at(budget.deadline(), fetching).await;
    fetched.unwrap_or_else(|_| Err(budget.too_slow(&url)))
}

/// Whether a folder on this machine has the manifest. It may be anybody's, with a device or a pipe in a file's place.
async fn check_folder(folder: PathBuf, expected: B256) -> Result<(), FetchError> {
    let opening = tokio::task::spawn_blocking(move || {
        let path = folder.join(MANIFEST);
        let dataset = Dataset::open(&folder).map_err(|error| match error {
            tatum_dataset::Error::Io { path, source } => FetchError::Io { path, source },
            error => FetchError::Manifest(error),
        });
        let got = dataset?.manifest_hash();
        if got == expected {
            return Ok(());
        }
        Err(FetchError::OtherManifest { place: path.display().to_string(), expected, got })
    });
    opening.await.unwrap_or(Err(FetchError::CutOff))
}

fn check_manifest(place: &str, manifest: &[u8], expected: B256) -> Result<(), FetchError> {
    let got = keccak256(manifest);
    if got == expected {
        Ok(())
    } else {
        Err(FetchError::OtherManifest { place: place.to_owned(), expected, got })
    }
}

async fn fetch_url(
    url: &str,
    expected: B256,
    parent: &Path,
    budget: &Budget,
) -> Result<PathBuf, FetchError> {
    // A proposer names this place; it shall not send us on to one that only we reach.
    let client = http().redirect(Policy::none()).build();
    let client = client.map_err(|source| FetchError::Request { url: url.to_owned(), source })?;
    let folder = parent.join(expected.to_string());
    if folder.exists() {
        return Ok(folder);
    }
    // Under another name until it is whole.
    let staging = parent.join(format!(".fetching-{expected}-{}", std::process::id()));
    fs::create_dir_all(&staging).await.map_err(io(&staging))?;
    let server = Server { client, budget };
    let fetching = server.fetch_files(url, expected, &staging);
    // Silence between two pieces is bounded above; this bounds the whole, also of a server that drips.
    let fetched = tokio::time::timeout_at(budget.deadline(), fetching).await;
    let fetched = fetched.unwrap_or_else(|_| Err(budget.too_slow(url)));
    let moved = match fetched {
        Ok(()) => fs::rename(&staging, &folder).await.map_err(io(&folder)),
        Err(error) => Err(error),
    };
    if let Err(error) = moved {
        // Best effort: the first error is the one to tell.
        let _ = fs::remove_dir_all(&staging).await;
        return Err(error);
    }
    Ok(folder)
}

/// Whom files are fetched from, and how much of them.
struct Server<'a> {
    client: Client,
    budget: &'a Budget,
}

impl Server<'_> {
    async fn fetch_files(
        &self,
        url: &str,
        expected: B256,
        staging: &Path,
    ) -> Result<(), FetchError> {
        let manifest_url = format!("{url}/manifest");
        let path = staging.join(MANIFEST);
        self.download(&manifest_url, &path, MAX_MANIFEST).await?;
        let bytes = fs::read(&path).await.map_err(io(&path))?;
        check_manifest(&manifest_url, &bytes, expected)?;
        let manifest = Manifest::decode(&bytes).map_err(FetchError::Manifest)?;
        for (name, file) in listed(&manifest)? {
            let file_url = format!("{url}/files/{name}");
            self.download(&file_url, &staging.join(name), file.size_bytes).await?;
        }
        Ok(())
    }

    /// Fetches `url` to `path`; more than `limit` bytes are refused.
    async fn download(&self, url: &str, path: &Path, limit: u64) -> Result<(), FetchError> {
        let failed = |source| FetchError::Request { url: url.to_owned(), source };
        let mut response: Response = self.client.get(url).send().await.map_err(failed)?;
        if response.status().is_redirection() {
            return Err(FetchError::Redirect { url: url.to_owned() });
        }
        if !response.status().is_success() {
            let status = response.status().as_u16();
            return Err(FetchError::Status { url: url.to_owned(), status });
        }
        let mut file = fs::File::create(path).await.map_err(io(path))?;
        let mut left = limit;
        while let Some(piece) = response.chunk().await.map_err(failed)? {
            let size = u64::try_from(piece.len()).unwrap_or(u64::MAX);
            let too_large = || FetchError::TooLarge { url: url.to_owned(), size_bytes: limit };
            left = left.checked_sub(size).ok_or_else(too_large)?;
            self.budget.spend(size, url)?;
            file.write_all(&piece).await.map_err(io(path))?;
        }
        file.sync_all().await.map_err(io(path))
    }
}

/// The files of a manifest, each table once: what is listed a thousand times would be fetched as often.
fn listed(manifest: &Manifest) -> Result<Vec<(&'static str, &FileEntry)>, FetchError> {
    let mut files = Vec::new();
    for file in &manifest.files {
        let is_new = |table: &&str| files.iter().all(|(name, _)| name != table);
        let table = TABLES.into_iter().find(|table| *table == file.name).filter(is_new);
        let name = table.ok_or_else(|| FetchError::OtherFile { name: file.name.clone() })?;
        files.push((name, file));
    }
    Ok(files)
}

fn io(path: &Path) -> impl Fn(std::io::Error) -> FetchError {
    let path = path.to_owned();
    move |source| FetchError::Io { path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_and_folders_are_told_apart() {
        assert_eq!(
            "http://h/v1/epochs/3".parse(),
            Ok(DatasetSource::Url("http://h/v1/epochs/3".into()))
        );
        assert_eq!("./datasets".parse(), Ok(DatasetSource::Folder("./datasets".into())));
        let of_epoch = |text| DatasetSource::of_epoch(text, Epoch(3));
        assert_eq!(of_epoch("http://h/"), DatasetSource::Url("http://h/v1/epochs/3".into()));
        assert_eq!(
            of_epoch("http://h/v1/epochs/9"),
            DatasetSource::Url("http://h/v1/epochs/9".into())
        );
        assert_eq!(of_epoch("httpdata"), DatasetSource::Folder("httpdata".into()));
    }
}
