//! Streams through the API, beside a real tracker and relays: who takes part, whose nodes they are, and how late messages come.

use std::collections::BTreeSet;

use anyhow::Context;
use serde_json::{Value, json};
use tatum_test_utils::testnet::{Cast, Network, RecordedStream, command};
use tokio::time::{Duration, Instant, sleep};

use super::browser::browse;
use super::{Devnet, DevnetParameters, Served, tatum};

const EPOCHS: DevnetParameters =
    DevnetParameters { epoch_length_s: 20, challenge_window_s: 3, grace_s: 4, force_s: 0 };
/// Two rounds of asking.
const PATIENCE: Duration = Duration::from_secs(75);
/// As long as the test takes, at that rate.
const RECORDS: usize = 15_000;
const RATE: u32 = 50;

impl Served {
    /// An answer, once it is as wanted.
    async fn until(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.get(path).await {
                Ok(told) if wanted(&told) => return Ok(told),
                Ok(told) if Instant::now() >= deadline => anyhow::bail!("still {told}"),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Ok(_) | Err(_) => sleep(Duration::from_millis(500)).await,
            }
        }
    }
}

fn all<'a>(told: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    told[name].as_array().into_iter().flatten()
}

fn relays(told: &Value) -> impl Iterator<Item = &Value> {
    all(told, "nodes").filter(|node| node["is_relay"] == true)
}

/// How long a link takes, by the word of each end that says so.
fn round_trips_us(link: &Value) -> impl Iterator<Item = u64> {
    ["round_trip_by_a_us", "round_trip_by_b_us"]
        .map(|name| link[name].as_u64())
        .into_iter()
        .flatten()
}

/// Every relay at an end says how long the link takes, and nobody else does.
fn is_told_by_its_relays(told: &Value, link: &Value) -> bool {
    [("a", "round_trip_by_a_us"), ("b", "round_trip_by_b_us")].iter().all(|(end, by)| {
        let is_relay = relays(told).any(|relay| relay["node"] == link[*end]);
        link[*by].is_u64() == is_relay
    })
}

async fn tells_the_stream(served: &Served, stream: &RecordedStream) -> anyhow::Result<String> {
    let everybody = |told: &Value| told["streams"][0]["clients"] == 3;
    let told = served.until("/v1/streams", everybody).await?;
    assert_eq!((&told["silent"], &told["is_complete"]), (&json!(1), &json!(true)));
    assert!(told["asked_at_s"].is_u64() && told["as_of"]["block"].is_u64(), "{told}");
    assert_eq!(told["next"], Value::Null);
    let shown = &told["streams"][0];
    let key = stream.id.key(0).to_string();
    assert_eq!((&shown["stream"], &shown["id"]), (&json!(key), &json!(stream.id)));
    assert_eq!(shown["owner"], json!(stream.id.owner()));
    assert_eq!((&shown["relays"], &shown["publishers"]), (&json!(2), &json!(1)), "{shown}");
    let named = served.get(&format!("/v1/streams?id={}", stream.id)).await?;
    assert_eq!(named["streams"][0]["stream"], json!(key));
    for nothing in ["id=acme/other".to_owned(), format!("after={key}")] {
        let told = served.get(&format!("/v1/streams?{nothing}")).await?;
        assert_eq!(told["streams"], json!([]), "{nothing}");
    }
    Ok(key)
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_who_carries_them_are_told_as_tracker_and_relays_say() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let records = (0..RECORDS).map(|number| number.to_string()).collect();
    let streams = [RecordedStream::new("readings", records)?];
    let devnet = Devnet::start(EPOCHS, folder.path()).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
    let cast = Cast::assemble(&devnet, &streams, &[1, 1], 2).await?;
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    network.until_epoch(schedule, cast.first_epoch).await;
    network.grant(&devnet, &cast, &streams).await?;
    network.subscribe(&devnet, &cast, &streams).await?;
    network.publish(&devnet, &cast, &streams, RATE)?;
    // A tracker that is not there holds nothing up.
    let trackers = format!("{},http://127.0.0.1:9", network.tracker_url());
    let statuses = network.relay_status_urls().collect::<Vec<_>>().join(",");
    let flags = ["--tracker", &trackers, "--relay-status", &statuses, "--requests-per-s", "500"];
    let served = Served::beside(devnet, network.aggregator_url(), &flags).await?;

    let key = tells_the_stream(&served, &streams[0]).await?;
    let path = format!("/v1/streams/{key}");
    let both_told = |told: &Value| {
        relays(told).filter(|relay| relay["messages"].is_string()).count() == 2
            && told["bytes_per_s"] != "0"
            && all(told, "links").all(|link| is_told_by_its_relays(told, link))
    };
    let told = served.until(&path, both_told).await?;
    assert!(told["asked_at_s"].is_u64() && told["relays_asked_at_s"].is_u64(), "{told}");
    assert_eq!((all(&told, "nodes").count(), &told["is_cut"]), (5, &json!(false)));
    for relay in relays(&told) {
        assert!(relay["delay_ms"].as_u64().is_some_and(|delay_ms| delay_ms < 10_000), "{relay}");
        let of = cast.relays.iter().find(|of| json!(of.id()) == relay["node"]);
        assert_eq!(relay["operator"], json!(of.context("a stranger")?.operator));
    }
    let us: Vec<u64> = all(&told, "links").flat_map(round_trips_us).collect();
    assert!(
        !us.is_empty() && us.iter().all(|us| (1..1_000_000).contains(us)),
        "on loopback: {us:?}"
    );
    let mut map = command(&served.devnet, &["network", "map", "--stream", streams[0].id.as_str()])?;
    map.args(["--tracker", network.tracker_url(), "--out"]).arg(folder.path().join("map.svg"));
    let map: Value = tatum::json(map).await?;
    let pairs: BTreeSet<String> =
        all(&told, "links").map(|link| json!([link["a"], link["b"]]).to_string()).collect();
    assert_eq!(pairs, all(&map, "links").map(Value::to_string).collect());
    let seen = browse(&served, "network").await?;
    let links = all(&told, "links").count();
    assert!(seen.contains(&format!("{links} links")), "the page shows them: {seen}");

    let unknown = format!("/v1/streams/0x{}", "ab".repeat(32));
    served
        .refuses(&[
            (unknown.as_str(), 404, "not_found"),
            ("/v1/streams/0xab", 400, "bad_request"),
            ("/v1/streams?limit=0", 400, "bad_request"),
            ("/v1/streams?limit=201", 400, "bad_request"),
            ("/v1/streams?after=zz", 400, "bad_request"),
            ("/v1/streams?id=a%20b", 400, "bad_request"),
        ])
        .await?;
    // The chain goes last: who ends asks it.
    network.stop().await?;
    drop(served);
    Ok(())
}
