//! Servers that would keep an auditor busy for ever, or fill its disk.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Redirect;
use axum::routing::get;
use futures_util::stream;
use tatum_aggregator::audit::{Budget, DatasetSource, FetchError, FetchLimits};
use tatum_dataset::{Beside, EpochData, Manifest, Parameters, Sources};
use tatum_primitives::{Address, B256, Bps, Epoch, Nano};

/// One byte now and then, for ever: never silent, never done.
async fn drip() -> Body {
    Body::from_stream(stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    }))
}

/// As much as anybody takes.
async fn flood() -> Body {
    let piece = || Bytes::from(vec![0; 1 << 16]);
    Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(piece())))
}

async fn serve(router: Router) -> DatasetSource {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    DatasetSource::Url(url)
}

/// The manifest of an empty epoch which says that its receipts are very large, and its hash.
fn boastful_manifest() -> (Vec<u8>, B256) {
    let folder = tempfile::tempdir().unwrap();
    let parameters = Parameters {
        chain_id: 1,
        stake_pool: Address::ZERO,
        distributor: Address::ZERO,
        epoch: Epoch(0),
        pool_bps: Bps::ONE,
        pool_limit_bps: Bps::ONE,
        grace_ms: 0,
        pot_nano: Nano::ZERO,
        available_nano: Nano::ZERO,
        previous_total_nano: Nano::ZERO,
        previous_manifest_hash: None,
        assented: None,
        forced_hash: B256::ZERO,
    };
    let data = EpochData {
        parameters,
        payers: vec![],
        operators: vec![],
        previous_nano: vec![],
        receipts: vec![],
        sources: Sources::default(),
        beside: Beside::default(),
    };
    let mut manifest = tatum_dataset::write(folder.path(), data).unwrap().manifest;
    manifest.files[0].size_bytes = 1 << 50;
    (manifest.encode().unwrap(), manifest.hash().unwrap())
}

fn left_behind(folder: &tempfile::TempDir) -> usize {
    std::fs::read_dir(folder.path()).unwrap().count()
}

#[tokio::test]
async fn a_server_that_drips_does_not_hold_up_an_audit() {
    let (manifest, hash) = boastful_manifest();
    let everything = Router::new().route("/manifest", get(drip));
    let files = Router::new()
        .route("/manifest", get(move || async move { manifest }))
        .route("/files/{name}", get(drip));
    for router in [everything, files] {
        let folder = tempfile::tempdir().unwrap();
        let budget = Budget::new(FetchLimits { seconds: 1, ..FetchLimits::default() });
        let fetched = serve(router).await.fetch(hash, folder.path(), &budget).await;
        assert!(matches!(fetched, Err(FetchError::TooSlow { seconds: 1, .. })), "{fetched:?}");
        assert_eq!(left_behind(&folder), 0);
    }
}

#[tokio::test]
async fn a_server_that_floods_does_not_fill_the_disk() {
    let (manifest, hash) = boastful_manifest();
    let router = Router::new()
        .route("/manifest", get(move || async move { manifest }))
        .route("/files/{name}", get(flood));
    let folder = tempfile::tempdir().unwrap();
    let budget = Budget::new(FetchLimits { bytes: 1 << 20, ..FetchLimits::default() });
    let fetched = serve(router).await.fetch(hash, folder.path(), &budget).await;
    assert!(
        matches!(fetched, Err(FetchError::TooMuch { limit_bytes: 0x10_0000, .. })),
        "{fetched:?}"
    );
    assert_eq!(left_behind(&folder), 0);
}

/// A proposer names the place; what only the auditor reaches is none of its business.
#[tokio::test]
async fn a_server_that_sends_an_audit_elsewhere_is_not_followed() {
    let (manifest, hash) = boastful_manifest();
    let asked = Arc::new(AtomicUsize::new(0));
    let inside = {
        let asked = Arc::clone(&asked);
        Router::new().fallback(move || async move {
            asked.fetch_add(1, Ordering::Relaxed);
            manifest
        })
    };
    let DatasetSource::Url(inside) = serve(inside).await else { panic!("no URL") };
    let outside = Router::new().route(
        "/manifest",
        get(move || async move { Redirect::temporary(&format!("{inside}/manifest")) }),
    );
    let folder = tempfile::tempdir().unwrap();
    let budget = Budget::new(FetchLimits::default());
    let fetched = serve(outside).await.fetch(hash, folder.path(), &budget).await;
    assert!(matches!(fetched, Err(FetchError::Redirect { .. })), "{fetched:?}");
    assert_eq!((asked.load(Ordering::Relaxed), left_behind(&folder)), (0, 0));
}

#[tokio::test]
async fn a_table_that_is_listed_twice_is_not_fetched_twice() {
    let (bytes, _) = boastful_manifest();
    let mut manifest = Manifest::decode(&bytes).unwrap();
    let first = manifest.files[0].clone();
    manifest.files.extend(std::iter::repeat_n(first, 3_000));
    let (bytes, hash) = (manifest.encode().unwrap(), manifest.hash().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let router = {
        let asked = Arc::clone(&asked);
        Router::new().route("/manifest", get(move || async move { bytes })).fallback(
            move || async move {
                asked.fetch_add(1, Ordering::Relaxed);
            },
        )
    };
    let folder = tempfile::tempdir().unwrap();
    let budget = Budget::new(FetchLimits::default());
    let fetched = serve(router).await.fetch(hash, folder.path(), &budget).await;
    assert!(matches!(fetched, Err(FetchError::OtherFile { .. })), "{fetched:?}");
    assert_eq!((asked.load(Ordering::Relaxed), left_behind(&folder)), (0, 0));
}
