//! A relay with an ask, through the real binary: who paid less for its quota is declined with both numbers and served by another relay,
//! who paid more is served by both. The command line and the web API tell prices and asks alike.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;
use tatum_primitives::{Address, Epoch, Nano};
use tatum_receipt::SessionKey;
use tatum_test_utils::testnet::{
    Cast, Network, Payer, RecordedStream, command, compare, hex, json,
};
use tatum_test_utils::{Devnet, DevnetParameters, Process, free_port};
use tokio::time::{Instant, sleep};

/// All that is judged by one epoch's prices happens in the next.
const PARAMETERS: DevnetParameters =
    DevnetParameters { epoch_length_s: 45, challenge_window_s: 3, grace_s: 2, force_s: 0 };
const RECORDS: usize = 300;
const RATE: u32 = 100;
const PATIENCE: Duration = Duration::from_secs(30);

/// What `tatum operator prices` tells.
#[derive(Debug, Deserialize)]
struct Prices {
    epoch: Epoch,
    payers: Vec<PayerPrice>,
    relays: Vec<Value>,
    median_ask_nano_per_gib: Option<String>,
}

#[derive(Debug, Deserialize)]
struct PayerPrice {
    payer: Address,
    nano_per_gib: Option<String>,
}

impl Prices {
    fn of(&self, payer: &Payer) -> anyhow::Result<u64> {
        let address = payer.account.address();
        let found = self.payers.iter().find(|of| of.payer == address);
        let price = found.and_then(|of| of.nano_per_gib.as_ref());
        Ok(price.with_context(|| format!("{address} has no price: {self:?}"))?.parse()?)
    }
}

async fn run<T: serde::de::DeserializeOwned>(
    devnet: &Devnet,
    account: &SessionKey,
    arguments: &[&str],
) -> anyhow::Result<T> {
    let mut command = command(devnet, arguments)?;
    command.env("TATUM_PRIVATE_KEY", hex(account));
    json(command).await
}

/// The prices of an epoch, once somebody has closed it.
async fn prices(devnet: &Devnet, epoch: Epoch, more: &[&str]) -> anyhow::Result<Prices> {
    let deadline = Instant::now() + PATIENCE;
    let of = epoch.to_string();
    let arguments = [&["operator", "prices", "--epoch", &of], more].concat();
    loop {
        match run(devnet, &Devnet::account("auditor"), &arguments).await {
            Ok(prices) => return Ok(prices),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Waits until a relay serves a payer, and gives all that it serves.
async fn served(url: &str, payer: &Payer) -> anyhow::Result<Vec<Address>> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status: Value = reqwest::get(url).await?.json().await?;
        let peers = status["peers"].as_array().into_iter().flatten();
        let payers = peers.flat_map(|peer| peer["payers"].as_array().into_iter().flatten());
        let payers: Vec<Address> =
            payers.filter_map(|of| of["payer"].as_str()?.parse().ok()).collect();
        if payers.contains(&payer.account.address()) {
            return Ok(payers);
        }
        ensure!(Instant::now() < deadline, "{} is not served: {status}", payer.name);
        sleep(Duration::from_millis(100)).await;
    }
}

fn log(network: &Network, payer: &Payer) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(network.logs().join(format!("{}.log", payer.name)))?)
}

/// The web API says the same, of relays that it was told to ask; one that is not there is counted.
async fn told_by_the_api(
    devnet: &Devnet,
    network: &Network,
    relays: [&str; 2],
    told: &Prices,
) -> anyhow::Result<()> {
    let (listen, none) = (format!("127.0.0.1:{}", free_port()?), "127.0.0.1:9".to_owned());
    let relays = [relays[0], relays[1], &none].join(",");
    let aggregator = network.aggregator_url();
    let words = ["api", "run", "--listen", &listen, "--aggregator", aggregator];
    let words = [&words[..], &["--relay-status", &relays, "--poll-ms", "100"]].concat();
    let mut api = Process::spawn("prices-api", command(devnet, &words)?, &network.logs())?;
    let base = format!("http://{listen}");
    api.until_healthy(&format!("{base}/ready"), PATIENCE).await?;
    let deadline = Instant::now() + PATIENCE;
    let asks = loop {
        let url = format!("{base}/v1/prices/asks");
        let asks: Value = reqwest::get(url).await?.error_for_status()?.json().await?;
        if asks["asked_at_s"].is_u64() {
            break asks;
        }
        ensure!(Instant::now() < deadline, "nobody was asked: {asks}");
        sleep(Duration::from_millis(100)).await;
    };
    assert_eq!((&asks["silent"], asks["relays"].as_array().map(Vec::len)), (&1.into(), Some(2)));
    let median = asks["median_ask_nano_per_gib"].as_str().map(str::to_owned);
    assert_eq!(median, told.median_ask_nano_per_gib);
    let said = |of: &Value, operator| {
        (of["node"].clone(), of[operator].clone(), of["ask_nano_per_gib"].clone())
    };
    let by_api = asks["relays"].as_array().into_iter().flatten().map(|of| said(of, "operator"));
    for relay in by_api {
        let mut by_command = told.relays.iter().map(|of| said(of, "operator_id"));
        assert!(by_command.any(|of| of == relay), "{relay:?} is not in {told:?}");
    }
    assert!(!asks.to_string().contains("127.0.0.1"), "where they are is nobody's: {asks}");

    let url = format!("{base}/v1/prices/payers");
    let prices: Value = reqwest::get(url).await?.error_for_status()?.json().await?;
    let epoch = Epoch(prices["epoch"].as_u64().context("no epoch is closed")?);
    let same = self::prices(devnet, epoch, &[]).await?;
    for of in &same.payers {
        let mut payers = prices["payers"].as_array().into_iter().flatten();
        let price = |shown: &Value| shown["nano_per_gib"].as_str().map(str::to_owned);
        let address = of.payer.to_string().to_lowercase();
        let found = payers.find(|shown| {
            shown["payer"].as_str().is_some_and(|payer| payer.to_lowercase() == address)
        });
        assert_eq!(found.map(price), Some(of.nano_per_gib.clone()), "{address}: {prices}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_paid_less_than_a_relay_asks_is_told_both_numbers_and_served_by_another()
-> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let records = (0..RECORDS).map(|n| format!("{{\"reading\":{n}}}")).collect();
    let streams = [RecordedStream::new("readings", records)?];
    let devnet = Devnet::start(PARAMETERS, folder.path()).await?;
    let schedule = devnet.connect(&Devnet::account("auditor")).await?.schedule().await?;
    let cast = Cast::assemble(&devnet, &streams, &[1, 1], 2).await?;
    let (cheap, dear) = (&cast.subscribers[0], &cast.subscribers[1]);
    let (free, asking) = (&cast.relays[0].name, &cast.relays[1]);
    let mut network = Network::start(&devnet, &cast, &streams, folder.path()).await?;

    // Who stakes as much again pays about twice the fee in that epoch, and has the quota of before.
    network.until_epoch(schedule, cast.first_epoch).await;
    let _: Value = run(&devnet, &dear.account, &["stake", "add", "--yes", "1000"]).await?;
    network.until_epoch(schedule, cast.first_epoch.next()).await;
    let paid = prices(&devnet, cast.first_epoch, &[]).await?;
    let (low, high) = (paid.of(cheap)?, paid.of(dear)?);
    assert_eq!(paid.epoch, cast.first_epoch);
    assert!(high.abs_diff(2 * low) < low / 20, "{paid:?}");

    // From now on one of the two relays asks more than the one paid, and less than the other.
    let ask_nano = low / 2 * 3;
    network.kill(&asking.name).await?;
    network.set_ask(&asking.name, Nano(ask_nano).to_string());
    network.start_relay(&devnet, asking).await?;
    network.grant(&devnet, &cast, &streams).await?;
    network.subscribe(&devnet, &cast, &streams).await?;
    let url = network.status_url(&asking.name)?.to_owned();
    served(&url, dear).await?;
    network.publish(&devnet, &cast, &streams, RATE)?;
    network.until_published(&streams, |_| {}).await?;
    let serves = served(&url, dear).await?;
    assert_eq!(schedule.epoch_at_ms(network.now_ms()), cast.first_epoch.next(), "it took too long");
    assert!(!serves.contains(&cheap.account.address()), "{serves:?}");

    // Both say the same of it: the relay, and the table.
    let free_url = network.status_url(free)?.to_owned();
    let more = ["--status", &free_url, "--status", &url];
    let told = prices(&devnet, cast.first_epoch, &more).await?;
    let asks: Vec<&Value> = told.relays.iter().map(|of| &of["ask_nano_per_gib"]).collect();
    assert_eq!(asks, [&Value::Null, &Value::from(ask_nano.to_string())]);
    assert_eq!(told.median_ask_nano_per_gib, Some(ask_nano.to_string()));
    let metrics = reqwest::get(url.replace("/status", "/metrics")).await?.text().await?;
    assert!(metrics.contains(&format!("tatum_node_ask_nano_per_gib {ask_nano}\n")), "{metrics}");
    assert!(!metrics.contains("tatum_node_price_stops_total 0\n"), "{metrics}");

    told_by_the_api(&devnet, &network, [&free_url, &url], &told).await?;
    network.stop_subscribers(&streams).await?;
    let delivery = compare(&streams, folder.path())?;
    assert_eq!((delivery.lost, delivery.in_order), (0, true), "another relay served it");
    let text = |nano: u64| tatum_primitives::Data(Nano(nano).to_wei()).to_string();
    let reason = format!(
        "the payer's stake paid {} per GiB in epoch {}; the relay asks {}",
        text(low),
        cast.first_epoch,
        text(ask_nano)
    );
    let (cheap_log, dear_log) = (log(&network, cheap)?, log(&network, dear)?);
    assert!(cheap_log.contains(&reason), "{reason:?} is not in {cheap_log}");
    assert!(!dear_log.contains("the relay asks"), "{dear_log}");
    network.stop().await
}
