//! A whole network whose processes are killed: what was acknowledged is paid, once.

use std::time::Duration;

use tatum_primitives::{Epoch, StreamId};
use tatum_test_utils::testnet::{Cast, Network, Stream, audit_all, claim_all, compare, recompute};
use tatum_test_utils::{Devnet, DevnetParameters};
use tokio::time::{Instant, sleep, sleep_until};

const PARAMETERS: DevnetParameters = DevnetParameters { epoch_length_s: 20, challenge_window_s: 3 };
const RECORDS: usize = 3_000;
const RATE: u32 = 200;
/// What a killed relay may lose: what it served since the last receipt, which comes every two seconds.
const UNRECEIPTED: u64 = 3 * RATE as u64;

fn streams() -> anyhow::Result<Vec<Stream>> {
    let records = (0..RECORDS).map(|n| format!("{{\"reading\":{n}}}")).collect();
    Ok(vec![Stream { name: "readings", id: StreamId::new("test.tatum/readings")?, records }])
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_are_killed_lose_no_message_and_change_no_payout() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let streams = streams()?;
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
    let cast = Cast::assemble(&devnet, &streams, &[1, 1, 1], 1).await?;
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;
    network.until_epoch(schedule, Epoch(1)).await;

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
        assert_eq!(Some(operator.earned_nano), recomputed.earned_nano(operator.id));
    }
    network.stop().await
}
