//! A relay that drops two in a hundred messages of a stream is named by `tatum audit service`, from the dataset alone.

use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;
use tatum_primitives::{B256, Epoch, OperatorId, StreamKey};
use tatum_test_utils::testnet::{Cast, Network, RecordedStream, command, compare};
use tatum_test_utils::{Devnet, DevnetParameters};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 20, challenge_window_s: 3, grace_s: 4, force_s: 0 };
const RECORDS: usize = 3_000;
const RATE: u32 = 250;
const ONE_IN: &str = "50";

/// What `tatum audit service` tells.
#[derive(Debug, Deserialize)]
struct Service {
    streams: Vec<Stream>,
    named: Vec<Named>,
}

#[derive(Debug, Deserialize)]
struct Stream {
    stream: StreamKey,
    published: Option<u64>,
    operators: Vec<Operator>,
}

#[derive(Debug, Deserialize)]
struct Operator {
    operator_id: OperatorId,
    completeness_ppm: Option<u64>,
    timeliness_ppm: Option<u64>,
    due: u64,
    payers: Vec<Word>,
}

#[derive(Debug, Deserialize)]
struct Word {
    receipts: Vec<B256>,
}

#[derive(Debug, Deserialize)]
struct Named {
    operator_id: OperatorId,
    stream: StreamKey,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_drops_two_in_a_hundred_is_named_and_the_honest_one_is_not()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let records = (0..RECORDS).map(|n| format!("{{\"reading\":{n}}}")).collect();
    let streams = vec![RecordedStream::new("readings", records)?];
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
    let cast = Cast::assemble(&devnet, &streams, &[1, 1], 3).await?;
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    let stream = tatum_protocol::Stream::new(streams[0].id.clone(), 0).key();
    let hostile = &cast.relays[1];
    network.kill(&hostile.name).await?;
    let program = Path::new(env!("CARGO_BIN_EXE_hostile-relay"));
    let words = [stream.to_string(), ONE_IN.to_owned()];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    network.start_in_place_of(&devnet, hostile, program, &words).await?;
    network.until_epoch(schedule, cast.first_epoch).await;
    network.deliver(&devnet, &cast, &streams, RATE).await?;
    let last = schedule.epoch_at_ms(network.now_ms());
    network.until_finalized(&devnet, last, |_| {}).await?;
    let delivery = compare(&streams, folder.path())?;
    assert_eq!((delivery.lost, delivery.in_order), (0, true), "the honest relay makes up for it");

    let mut told = 0;
    for epoch in (cast.first_epoch.0..=last.0).map(Epoch) {
        let (code, service) = service(&devnet, epoch).await?;
        let Some(busy) = service.streams.iter().find(|busy| busy.operators.len() == 2) else {
            continue;
        };
        if busy.operators.iter().any(|operator| operator.due < 1_000) {
            continue;
        }
        told += 1;
        assert_eq!(code, Some(3), "{service:?}");
        assert_eq!(busy.stream, stream);
        assert!(busy.published.is_some_and(|count| count >= 400), "{service:?}");
        let named: Vec<_> = service.named.iter().map(|n| (n.operator_id, n.stream)).collect();
        assert_eq!(named, [(hostile.operator, stream)], "{service:?}");
        for operator in &busy.operators {
            let complete = operator.completeness_ppm.context("nobody tells")?;
            let expected = if operator.operator_id == hostile.operator {
                970_000..=985_000
            } else {
                998_000..=1_000_000
            };
            assert!(expected.contains(&complete), "{operator:?}");
            assert!(operator.timeliness_ppm.is_some_and(|ppm| ppm > 900_000), "{operator:?}");
            assert!(operator.payers.iter().all(|word| !word.receipts.is_empty()));
        }
    }
    ensure!(told > 0, "no epoch had enough traffic to tell");
    network.stop().await
}

async fn service(devnet: &Devnet, epoch: Epoch) -> anyhow::Result<(Option<i32>, Service)> {
    let epoch = epoch.to_string();
    let words = ["audit", "service", "--epoch", &epoch];
    let output = command(devnet, &words)?.arg("--json").output().await?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = serde_json::from_str(&text).with_context(|| format!("reading {text}"))?;
    // For people, so that whoever runs this sees it.
    let shown = command(devnet, &words)?.output().await?;
    println!("{}", String::from_utf8_lossy(&shown.stdout));
    Ok((output.status.code(), told))
}
