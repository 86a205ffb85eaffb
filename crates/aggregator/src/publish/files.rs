//! `GET /v1/epochs/{epoch}/manifest` and `/v1/epochs/{epoch}/files/{name}`: a dataset as it lies on disk.
//!
//! Invariant: no part of a request becomes part of a path; a name picks one of the fixed ones.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use tatum_dataset::MANIFEST;
use tatum_primitives::{B256, Epoch};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::Publication;
use super::dataset_store::OpenDataset;
use super::epochs::manifest_hash;
use crate::audit::{ASSENTED, TABLES};
use crate::http::{ApiError, Path};

/// Bytes read at a time.
const PIECE: usize = 64 * 1024;

pub(super) async fn manifest(
    State(publication): State<Publication>,
    Path(epoch): Path<Epoch>,
) -> Result<Response, ApiError> {
    let hash = manifest_hash(&publication, epoch).await?;
    serve(&publication, hash, MANIFEST).await
}

pub(super) async fn file(
    State(publication): State<Publication>,
    Path((epoch, name)): Path<(Epoch, String)>,
) -> Result<Response, ApiError> {
    let known = TABLES.into_iter().chain([MANIFEST, ASSENTED]).find(|known| *known == name);
    let missing =
        || ApiError::NotFound(format!("a dataset has {MANIFEST} and {}", TABLES.join(", ")));
    let known = known.ok_or_else(missing)?;
    let hash = manifest_hash(&publication, epoch).await?;
    if known == ASSENTED {
        return assented(&publication, hash).await;
    }
    serve(&publication, hash, known).await
}

/// The list that operators stood for, beside the dataset that was made by it.
async fn assented(publication: &Publication, hash: B256) -> Result<Response, ApiError> {
    let listed = |dataset: &OpenDataset| Ok(dataset.assented());
    let list = publication.datasets.read(hash, listed).await?;
    let missing = || ApiError::NotFound("operators stood for no list of this epoch".to_owned());
    let list = list.ok_or_else(missing)?;
    let path = publication.datasets.assented(&list);
    serve_file(&path, "application/octet-stream", format!("\"{}\"", list.top)).await
}

async fn serve(
    publication: &Publication,
    hash: B256,
    name: &'static str,
) -> Result<Response, ApiError> {
    let path = publication.datasets.folder(hash).join(name);
    let media_type =
        if name == MANIFEST { "application/json" } else { "application/vnd.apache.parquet" };
    // The folder is named by its content, so the pair is as good as the file's own hash.
    serve_file(&path, media_type, format!("\"{hash}/{name}\"")).await
}

async fn serve_file(
    path: &std::path::Path,
    media_type: &'static str,
    etag: String,
) -> Result<Response, ApiError> {
    let failed = |error: std::io::Error| ApiError::internal("opening a file of a dataset", &error);
    let file = File::open(path).await.map_err(failed)?;
    let length = file.metadata().await.map_err(failed)?.len();
    let headers =
        [(CONTENT_TYPE, media_type.to_owned()), (CONTENT_LENGTH, length.to_string()), (ETAG, etag)];
    let pieces = try_unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE];
        let read = file.read(&mut piece).await?;
        piece.truncate(read);
        Ok::<_, std::io::Error>((read > 0).then(|| (Bytes::from(piece), file)))
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}
