//! Garbage from one client next to honest receipts from another.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use serde_json::Value;
use tatum_aggregator::ingest::Limits;
use tatum_protocol::receipts::{RECEIPTS, encode};
use tatum_receipt::SignedReceipt;

use crate::support::{Intake, key};

/// Requests of each side under way at the same time.
const CONNECTIONS: usize = 8;
/// How often the flood begins anew.
const ROUNDS: usize = 10;

/// A client at its own address.
fn at(last: u8) -> reqwest::Client {
    let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
    reqwest::Client::builder().local_address(address).build().unwrap()
}

async fn send(client: &reqwest::Client, url: &str, body: Bytes) -> Option<Vec<Value>> {
    let request = client.post(url).header("content-type", RECEIPTS).body(body);
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
    encode(&(0..count).map(stranger).collect::<Vec<_>>()).into()
}

/// As many bodies as asked for, of `batch` receipts each, every one the newest of its key when it comes.
fn bodies(intake: &Intake, from: usize, count: usize, batch: usize) -> Vec<Bytes> {
    let receipt = |n: usize| {
        intake.receipt(payer(n), 1, |receipt| {
            receipt.stream_key.0 = tatum_primitives::keccak256((from + n).to_be_bytes());
        })
    };
    let receipts: Vec<_> = (0..count * batch).map(receipt).collect();
    receipts.chunks(batch).map(encode).map(Bytes::from).collect()
}

/// Garbage costs the service a beginning of it, not all of it, and a client that goes on with good receipts is served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_is_not_checked_to_its_end() {
    let intake = Intake::start(Limits::default()).await;
    let request = at(4).post(&intake.url).header("content-type", RECEIPTS);
    let answer = request.body(garbage(&intake, 20_000)).send().await.unwrap();
    assert_eq!(answer.status(), 429);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["code"], "too_many_rejections");

    let good = bodies(&intake, 0, 1, 100).remove(0);
    let answers = loop {
        if let Some(answers) = send(&at(4), &intake.url, good.clone()).await {
            break answers;
        }
    };
    assert!(answers.iter().all(|answer| answer["outcome"] == "accepted"));
}

/// A flood never keeps an honest receipt out. How much slower it makes them depends on the machine, so that is only
/// printed: `TATUM_FLOOD=100 cargo nextest run -p tatum-aggregator flood --no-capture` for so many batches of 1 000 on
/// each side. Rounds with and without the flood take turns, so that whatever else the machine does falls on both.
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
    let flood = Arc::new(Flood::default());
    let flooding: Vec<_> = (0..CONNECTIONS)
        .map(|_| {
            let body = garbage(&intake, batch * 10);
            tokio::spawn(Arc::clone(&flood).run(Arc::clone(&intake), body))
        })
        .collect();
    honest(&intake, &warm).await;

    let (mut undisturbed, mut disturbed) = (Duration::ZERO, Duration::ZERO);
    let round = count.div_ceil(ROUNDS);
    for (alone, flooded) in alone.chunks(round).zip(flooded.chunks(round)) {
        undisturbed += honest(&intake, alone).await;
        flood.on.store(true, Ordering::Relaxed);
        // It is under way: its first wave, which nobody can tell from any other, is part of what is measured.
        let before = flood.turned_away.load(Ordering::Relaxed);
        while flood.turned_away.load(Ordering::Relaxed) == before {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        disturbed += honest(&intake, flooded).await;
        flood.on.store(false, Ordering::Relaxed);
    }
    flood.over.store(true, Ordering::Relaxed);
    for one in flooding {
        one.await.unwrap();
    }
    assert_eq!(intake.held().await.len(), (2 * count + 2) * batch);
    println!(
        "{} honest receipts in {undisturbed:?} alone, in {disturbed:?} next to {} requests of {} bad ones: {:.0} % kept",
        count * batch,
        flood.turned_away.load(Ordering::Relaxed),
        batch * 10,
        undisturbed.as_secs_f64() / disturbed.as_secs_f64() * 100.0
    );
}

/// A client that sends nothing but garbage while it is `on`.
#[derive(Default)]
struct Flood {
    on: AtomicBool,
    over: AtomicBool,
    turned_away: AtomicUsize,
}

impl Flood {
    async fn run(self: Arc<Self>, intake: Arc<Intake>, body: Bytes) {
        let client = at(3);
        while !self.over.load(Ordering::Relaxed) {
            if self.on.load(Ordering::Relaxed) {
                match send(&client, &intake.url, body.clone()).await {
                    Some(answers) => {
                        assert!(answers.iter().all(|answer| answer["outcome"] == "rejected"));
                    }
                    None => drop(self.turned_away.fetch_add(1, Ordering::Relaxed)),
                }
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
