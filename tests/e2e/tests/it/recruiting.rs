//! An operator whose relay drops two in a hundred messages of a stream gets no new streams: its tracker surveys what became final.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::de::DeserializeOwned;
use tatum_primitives::{OperatorId, StreamKey};
use tatum_protocol::Graph;
use tatum_protocol::status::TrackerStatus;
use tatum_test_utils::testnet::{Cast, Network, RecordedStream, compare};
use tatum_test_utils::{Devnet, DevnetParameters};
use tokio::time::{Instant, sleep};

/// Epochs long enough that the second stream begins within five of the first's.
const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 30, challenge_window_s: 3, grace_s: 4, force_s: 0 };
const RATE: u32 = 250;

#[tokio::test(flavor = "multi_thread")]
async fn who_drops_two_in_a_hundred_of_a_stream_gets_no_new_one() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let records = |count: usize| (0..count).map(|n| format!("{{\"reading\":{n}}}")).collect();
    let first = RecordedStream::new("readings", records(3_000))?;
    let streams = vec![first, RecordedStream::new("later", records(10))?];
    let key = |at: usize| tatum_protocol::Stream::new(streams[at].id.clone(), 0).key();
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
    let mut cast = Cast::assemble(&devnet, &streams, &[1, 1, 1], 4).await?;
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    let hostile = cast.relays.remove(2);
    network.kill(&hostile.name).await?;
    let program = Path::new(env!("CARGO_BIN_EXE_hostile-relay"));
    network.start_in_place_of(&devnet, &hostile, program, &[&key(0).to_string(), "50"]).await?;
    network.until_epoch(schedule, cast.first_epoch).await;
    network.grant(&devnet, &cast, &streams).await?;
    let later = |payer: &mut tatum_test_utils::testnet::Payer| payer.stream == 1;
    let publishers: Vec<_> = cast.publishers.extract_if(.., later).collect();
    let subscribers: Vec<_> = cast.subscribers.extract_if(.., later).collect();

    network.subscribe(&devnet, &cast, &streams).await?;
    network.publish(&devnet, &cast, &streams, RATE)?;
    // Until something is known of it, it is recruited like everybody.
    let recruited = operators(&network, key(0)).await?;
    assert!(recruited.contains(&hostile.operator), "{recruited:?}");
    network.until_published(&streams[..1], |_| {}).await?;
    network.stop_subscribers(&streams[..1]).await?;
    let delivery = compare(&streams[..1], folder.path())?;
    assert_eq!((delivery.lost, delivery.in_order), (0, true), "honest relays make up for it");

    let status = until_judged(&network).await?;
    println!("{}", serde_json::to_string(&status)?);
    let judged: Vec<_> = status.judged.iter().map(|j| (j.operator_id, j.stream)).collect();
    assert_eq!(judged, [(hostile.operator, key(0))], "{status:?}");
    assert!((970_000..985_000).contains(&status.judged[0].completeness_ppm), "{status:?}");
    assert_eq!(status.summary.judged_operators, 1);
    let url = format!("{}/metrics", network.tracker_url());
    let metrics = reqwest::get(url).await?.text().await?;
    assert!(metrics.contains("tatum_tracker_judged_operators 1"), "{metrics}");

    (cast.publishers, cast.subscribers) = (publishers, subscribers);
    network.subscribe(&devnet, &cast, &streams).await?;
    network.publish(&devnet, &cast, &streams, RATE)?;
    let carriers = operators(&network, key(1)).await?;
    let honest: BTreeSet<_> = cast.relays.iter().map(|relay| relay.operator).collect();
    assert_eq!(carriers, honest, "those that served well, and nobody else");
    network.until_published(&streams[1..], |_| {}).await?;
    network.stop().await
}

/// The operators whose relays carry a stream.
async fn operators(network: &Network, stream: StreamKey) -> anyhow::Result<BTreeSet<OperatorId>> {
    let graph: Graph = get(network, &format!("/v1/streams/{stream}")).await?;
    let relays = graph.nodes.into_iter().filter(|vertex| vertex.relay);
    let operators = relays.map(|vertex| vertex.operator_id.context("a relay without an operator"));
    let operators: BTreeSet<_> = operators.collect::<anyhow::Result<_>>()?;
    ensure!(!operators.is_empty(), "nobody carries {stream}");
    Ok(operators)
}

async fn until_judged(network: &Network) -> anyhow::Result<TrackerStatus> {
    let deadline = Instant::now() + Duration::from_secs(90);
    loop {
        let status: TrackerStatus = get(network, "/status").await?;
        if !status.judged.is_empty() {
            return Ok(status);
        }
        if Instant::now() > deadline {
            bail!("nobody is judged: {status:?}");
        }
        sleep(Duration::from_millis(500)).await;
    }
}

async fn get<T: DeserializeOwned>(network: &Network, path: &str) -> anyhow::Result<T> {
    let url = format!("{}{path}", network.tracker_url());
    Ok(reqwest::get(url).await?.error_for_status()?.json().await?)
}
