//! Garbage from one client next to honest receipts from another.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde_json::Value;
use tatum_aggregator::ingest::{Limits, wire};
use tatum_receipt::SignedReceipt;

use crate::support::{Intake, key};

/// Requests of each side under way at the same time.
const CONNECTIONS: usize = 8;

/// A client at its own address.
fn at(last: u8) -> reqwest::Client {
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    reqwest::Client::builder().local_address(address).build().unwrap()
}

async fn send(client: &reqwest::Client, url: &str, body: Bytes) -> Option<Vec<Value>> {
    let request = client.post(url).header("content-type", wire::COMPACT).body(body);
    let answer = request.send().await.ok()?;
    if !answer.status().is_success() {
        return None;
    }
    answer.json().await.ok()
}

/// Sends every body once, so many at a time, each until it is answered; gives how long that took.
async fn honest(intake: &Intake, bodies: &[Bytes]) -> Duration {
    let (client, next) = (at(2), AtomicUsize::new(0));
    let started = Instant::now();
    let one = async || {
        while let Some(body) = bodies.get(next.fetch_add(1, Ordering::Relaxed)) {
            let answers = loop {
                if let Some(answers) = send(&client, &intake.url, body.clone()).await {
                    break answers;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            };
            assert!(answers.iter().all(|answer| answer["outcome"] == "accepted"));
        }
    };
    futures_util::future::join_all((0..CONNECTIONS).map(|_| one())).await;
    started.elapsed()
}

/// One of the twenty payers.
fn payer(n: usize) -> u8 {
    u8::try_from(n % 20).unwrap() + 1
}

/// Receipts that pass every rule but the last: signed by a key that nobody authorised.
fn garbage(intake: &Intake, count: usize) -> Bytes {
    let stranger = |n: usize| {
        let honest = intake.receipt(payer(n), n as u64 + 1, |_| ());
        SignedReceipt::sign(honest.receipt, &key(222), &intake.verifier)
    };
    wire::encode_compact(&(0..count).map(stranger).collect::<Vec<_>>()).into()
}

/// As many bodies as asked for, of `batch` receipts each, every one the newest of its key when it comes.
fn bodies(intake: &Intake, from: usize, count: usize, batch: usize) -> Vec<Bytes> {
    let receipt = |n: usize| {
        intake.receipt(payer(n), 1, |receipt| {
            receipt.stream_key.0 = tatum_primitives::keccak256((from + n).to_be_bytes());
        })
    };
    let receipts: Vec<_> = (0..count * batch).map(receipt).collect();
    receipts.chunks(batch).map(wire::encode_compact).map(Bytes::from).collect()
}

/// A flood never keeps an honest receipt out. How much slower it makes them depends on the machine, so that is only
/// printed: `TATUM_FLOOD=100 cargo nextest run -p tatum-aggregator flood --no-capture` for so many batches of 1 000.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn honest_receipts_get_through_a_flood_of_garbage() {
    let batches: Option<usize> =
        std::env::var("TATUM_FLOOD").ok().map(|text| text.parse().unwrap());
    let (count, batch) = batches.map_or((10, 100), |count| (count, 1_000));
    let intake = Arc::new(Intake::start(Limits::default()).await);
    let (warm, alone, flooded) = (
        bodies(&intake, 0, 2, batch),
        bodies(&intake, 1 << 20, count, batch),
        bodies(&intake, 2 << 20, count, batch),
    );
    let flood = garbage(&intake, batch * 10);
    honest(&intake, &warm).await;
    let undisturbed = honest(&intake, &alone).await;

    let (over, rejected) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let turned_away = Arc::new(AtomicUsize::new(0));
    let flooding: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let (intake, flood) = (Arc::clone(&intake), flood.clone());
            let (over, rejected) = (Arc::clone(&over), Arc::clone(&rejected));
            let turned_away = Arc::clone(&turned_away);
            tokio::spawn(async move {
                let client = at(3);
                while !over.load(Ordering::Relaxed) {
                    match send(&client, &intake.url, flood.clone()).await {
                        Some(answers) => {
                            assert!(answers.iter().all(|answer| answer["outcome"] == "rejected"));
                            rejected.fetch_add(answers.len(), Ordering::Relaxed);
                        }
                        None => {
                            turned_away.fetch_add(1, Ordering::Relaxed);
                            tokio::time::sleep(Duration::from_millis(1)).await;
                        }
                    }
                }
            })
        })
        .collect();
    // The flood is under way: its first wave, which nobody can tell from any other, is part of what is measured.
    while turned_away.load(Ordering::Relaxed) < CONNECTIONS {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let before = rejected.load(Ordering::Relaxed);
    let disturbed = honest(&intake, &flooded).await;
    over.store(true, Ordering::Relaxed);
    for one in flooding {
        one.await.unwrap();
    }
    assert_eq!(intake.held().await.len(), (2 * count + 2) * batch);
    let kept = undisturbed.as_secs_f64() / disturbed.as_secs_f64();
    let rejected = rejected.load(Ordering::Relaxed) - before;
    println!(
        "{} honest receipts in {undisturbed:?} alone, in {disturbed:?} next to {rejected} rejected ones: {:.0} % kept",
        count * batch,
        kept * 100.0
    );
}
