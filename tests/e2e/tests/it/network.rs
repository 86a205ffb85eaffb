//! A whole network whose processes are killed: what was acknowledged is paid, once.

use std::time::Duration;

use serde::Deserialize;
use tatum_primitives::{Address, NodeId, OperatorId};
use tatum_test_utils::testnet::{
    Cast, Network, RecordedStream, Relay, audit_all, claim_all, command, compare, json, recompute,
};
use tatum_test_utils::{Devnet, DevnetParameters};
use tokio::time::{Instant, sleep, sleep_until};

const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 20, challenge_window_s: 3, grace_s: 4, force_s: 0 };
const RECORDS: usize = 3_000;
const RATE: u32 = 200;
/// What a killed relay may lose: what it served since the last receipt, which comes every two seconds.
const UNRECEIPTED: u64 = 3 * RATE as u64;

fn streams() -> anyhow::Result<Vec<RecordedStream>> {
    let records = (0..RECORDS).map(|n| format!("{{\"reading\":{n}}}")).collect();
    Ok(vec![RecordedStream::new("readings", records)?])
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_lose_no_message_and_change_no_payout() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let streams = streams()?;
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
    let cast = Cast::assemble(&devnet, &streams, &[1, 1, 1], 1).await?;
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    network.start_api(&devnet).await?;
    network.until_epoch(schedule, cast.first_epoch).await;
    network.grant(&devnet, &cast, &streams).await?;
    network.subscribe(&devnet, &cast, &streams).await?;

    network.publish(&devnet, &cast, &streams, RATE)?;
    for _ in 0..3 {
        sleep(Duration::from_millis(1_700)).await;
        network.kill("aggregator").await?;
        network.start_aggregator(&devnet, &cast).await?;
    }
    let relay = &cast.relays[0];
    network.kill(&relay.name).await?;
    network.start_relay(&devnet, relay).await?;
    network.until_published(&streams, |_| {}).await?;
    network.stop_subscribers(&streams).await?;
    let delivery = compare(&streams, folder.path())?;
    assert_eq!((delivery.lost, delivery.surplus, delivery.in_order), (0, 0, true));

    let payer = cast.subscribers[0].account.address();
    let words = ["stake", "status", "--payer", &payer.to_string(), "--aggregator"];
    let words = [words.as_slice(), &[network.aggregator_url()]].concat();
    let status: serde_json::Value = json(command(&devnet, &words)?).await?;
    let (used, epoch) = (&status["used"], &status["epoch"]);
    assert!(used["epoch"] == *epoch && used["is_complete"] == true, "{status}");
    let (subscriber, moment) = (&cast.subscribers[0], Duration::from_secs(3));
    let again = network.subscribe_again(&devnet, subscriber, &streams[0], moment).await?;
    assert_eq!(again, Vec::<String>::new(), "it goes on where it was");

    // While the epochs are closed, proposed and finalized, whatever it is doing.
    let last = schedule.epoch_at_ms(network.now_ms());
    let end = Instant::now() + Duration::from_secs(14);
    while Instant::now() < end {
        sleep_until(Instant::now() + Duration::from_millis(1_300)).await;
        network.kill("aggregator").await?;
        network.start_aggregator(&devnet, &cast).await?;
    }
    network.until_finalized(&devnet, last, |_| {}).await?;

    let recomputed = recompute(&devnet, &network, last).await?;
    let stated = recomputed.messages_to_subscribers;
    assert!(stated <= RECORDS as u64, "{stated} messages are receipted, {RECORDS} were delivered");
    assert!(stated + UNRECEIPTED >= RECORDS as u64, "only {stated} of {RECORDS} are receipted");
    for epoch in audit_all(&devnet, &network, last).await? {
        assert_eq!(epoch.audit, "ok", "{epoch:?}");
    }
    for operator in claim_all(&devnet, &cast, &network, &recomputed).await? {
        assert!(operator.is_paid_in_full(), "{operator:?}");
        assert_eq!(operator.claimable_nano, operator.claimed_nano, "as the web API said");
        assert_eq!(Some(operator.earned_nano), recomputed.earned_nano(operator.id));
    }
    network.stop().await
}

/// What `tatum network map` tells besides its drawing.
#[derive(Deserialize)]
struct Map {
    nodes: Vec<Place>,
    links: Vec<(NodeId, NodeId)>,
}

#[derive(Deserialize)]
struct Place {
    node: NodeId,
    relay: bool,
}

/// What `tatum node status` tells.
#[derive(Deserialize)]
struct Status {
    node: NodeId,
    operator_id: Option<OperatorId>,
    streams: Vec<serde_json::Value>,
    peers: Vec<serde_json::Value>,
}

/// What `tatum stream show` tells.
#[derive(Deserialize)]
struct Permitted {
    publishers: Vec<Address>,
    subscribers: Vec<Address>,
}

/// Eight relays, eleven subscribers and a publisher; three of the relays that carry the stream are killed as it flows.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_nodes_lose_no_message_when_three_are_killed() -> anyhow::Result<()> {
    const SUBSCRIBERS: u64 = 11;
    let folder = tempfile::tempdir()?;
    let streams = streams()?;
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
    let cast = Cast::assemble(&devnet, &streams, &[3, 3, 2], 11).await?;
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    network.until_epoch(schedule, cast.first_epoch).await;
    network.grant(&devnet, &cast, &streams).await?;
    network.subscribe(&devnet, &cast, &streams).await?;
    network.publish(&devnet, &cast, &streams, RATE)?;
    sleep(Duration::from_secs(2)).await;

    let map = map(&devnet, &network, &streams[0], folder.path()).await?;
    let carrying: Vec<&Relay> = cast
        .relays
        .iter()
        .filter(|relay| map.nodes.iter().any(|place| place.relay && place.node == relay.id()))
        .collect();
    let clients = map.nodes.iter().filter(|place| !place.relay).count();
    assert!(carrying.len() >= 4 && clients == 12, "{} relays, {clients} clients", carrying.len());
    assert!(map.links.len() > map.nodes.len(), "{} links", map.links.len());
    for relay in &carrying {
        let url = network.status_url(&relay.name)?;
        let status: Status = json(command(&devnet, &["node", "status", "--status", url])?).await?;
        assert_eq!((status.node, status.streams.len()), (relay.id(), 1));
        assert!(status.operator_id.is_some() && !status.peers.is_empty());
    }

    for relay in carrying.iter().take(3) {
        network.kill(&relay.name).await?;
        sleep(Duration::from_secs(1)).await;
        network.start_relay(&devnet, relay).await?;
    }
    network.until_published(&streams, |_| {}).await?;
    network.stop_subscribers(&streams).await?;
    let delivery = compare(&streams, folder.path())?;
    assert_eq!((delivery.lost, delivery.surplus, delivery.in_order), (0, 0, true));

    let last = schedule.epoch_at_ms(network.now_ms());
    network.until_finalized(&devnet, last, |_| {}).await?;
    let recomputed = recompute(&devnet, &network, last).await?;
    let (stated, delivered) = (recomputed.messages_to_subscribers, RECORDS as u64 * SUBSCRIBERS);
    assert!(stated <= delivered, "{stated} messages are receipted, {delivered} were delivered");
    let lost = 3 * UNRECEIPTED * SUBSCRIBERS;
    assert!(stated + lost >= delivered, "only {stated} of {delivered} are receipted");
    for epoch in audit_all(&devnet, &network, last).await? {
        assert_eq!(epoch.audit, "ok", "{epoch:?}");
    }
    network.stop().await
}

/// One of two subscribers is left out as the stream flows; nobody shares a key beforehand.
#[tokio::test(flavor = "multi_thread")]
async fn whom_the_owner_leaves_out_gets_nothing_more() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let streams = streams()?;
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
    let cast = Cast::assemble(&devnet, &streams, &[1, 1], 2).await?;
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    network.until_epoch(schedule, cast.first_epoch).await;
    network.grant(&devnet, &cast, &streams).await?;
    network.subscribe(&devnet, &cast, &streams).await?;
    network.publish(&devnet, &cast, &streams, RATE)?;
    let [stays, leaves] = &cast.subscribers[..] else { panic!("two subscribers") };
    for subscriber in [stays, leaves] {
        while network.received_by(subscriber)?.len() < RATE as usize {
            sleep(Duration::from_millis(100)).await;
        }
    }
    network.revoke(&devnet, &streams[0], leaves).await?;

    network.until_published(&streams, |_| {}).await?;
    network.stop_subscribers(&streams).await?;
    assert_eq!(network.received_by(stays)?, streams[0].records);
    let got = network.received_by(leaves)?;
    assert!(got.len() < RECORDS - RATE as usize, "{} records after the revocation", got.len());
    assert_eq!(got, streams[0].records[..got.len()]);
    let tracker = network.tracker_url();
    let arguments = ["stream", "show", streams[0].id.as_str(), "--tracker", tracker];
    let permitted: Permitted = json(command(&devnet, &arguments)?).await?;
    assert_eq!(permitted.subscribers, [stays.account.address()]);
    assert_eq!(permitted.publishers, [cast.publishers[0].session.address()]);
    network.stop().await
}

async fn map(
    devnet: &Devnet,
    network: &Network,
    stream: &RecordedStream,
    folder: &std::path::Path,
) -> anyhow::Result<Map> {
    let file = folder.join("map.svg");
    let out = file.display().to_string();
    let tracker = network.tracker_url();
    let arguments =
        ["network", "map", "--stream", stream.id.as_str(), "--tracker", tracker, "--out", &out];
    let map: Map = json(command(devnet, &arguments)?).await?;
    let drawing = std::fs::read_to_string(&file)?;
    assert_eq!(drawing.matches("<circle").count(), map.nodes.len());
    assert_eq!(drawing.matches("<line").count(), map.links.len());
    Ok(map)
}
