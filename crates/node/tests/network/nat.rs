//! Links through NATs: every side in a network namespace of its own, behind a router that nftables makes one kind of NAT.

use std::process::Command;

use tatum_test_utils::internet::{Nat, OUTSIDE, OUTSIDE_V6, home, home_v6, with_internet, within};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::*;

/// Set for a process in a home: who it is.
const ACTOR: &str = "TATUM_TEST_ACTOR";
/// Before everything that a process in a home says.
const SAYS: &str = "> ";
const MESSAGES: usize = 200;

/// What runs in a home, told to the process there.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
enum Actor {
    Relay { number: u8, tracker: String, aggregator: String, folder: PathBuf },
    Subscriber { tracker: String },
}

/// The process in a home: this file again. It says what happens line by line.
#[test]
fn in_a_home() {
    let Ok(actor) = std::env::var(ACTOR) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // As a user would: nobody names an address of its own.
    runtime.block_on(async {
        match serde_json::from_str(&actor).unwrap() {
            Actor::Relay { number, tracker, aggregator, folder } => {
                let mut config = relay_config(number, tracker, folder, clock());
                config.aggregator = Some(aggregator);
                relay::run(config, std::future::pending()).await.unwrap();
            }
            Actor::Subscriber { tracker } => {
                let config = client_config(1, tracker, clock());
                let mut subscriber = Subscriber::connect(config, &[stream()]).await.unwrap();
                println!("\n{SAYS}linked");
                for _ in 0..MESSAGES {
                    match subscriber.next().await {
                        Some(Item::Message(message)) => {
                            println!("{SAYS}{}", String::from_utf8(message.payload).unwrap());
                        }
                        other => panic!("unexpected {other:?}"),
                    }
                }
                assert_eq!(subscriber.finish(PATIENCE).await.receipts_open, 0);
            }
        }
    });
}

/// Starts an actor in a home.
fn start(home: &str, actor: &Actor) -> tokio::process::Child {
    let mut itself = Command::new(std::env::current_exe().unwrap());
    itself.args(["--exact", "nat::in_a_home", "--nocapture"]);
    itself.env(ACTOR, serde_json::to_string(actor).unwrap());
    tokio::process::Command::from(within(home, &itself))
        .stdout(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Relay `number` in a home; it runs as long as what is returned.
fn relay_in(home: &str, number: u8, network: &Network) -> tokio::process::Child {
    let relay = Actor::Relay {
        number,
        tracker: network.tracker_url.clone(),
        aggregator: network.aggregator_url.clone(),
        folder: network.relay_dir(number),
    };
    start(home, &relay)
}

/// A subscriber in a home gets all messages of a publisher outside.
async fn delivers_to(home: &str, network: &Network) {
    let mut subscriber = start(home, &Actor::Subscriber { tracker: network.tracker_url.clone() });
    let mut said = BufReader::new(subscriber.stdout.take().unwrap()).lines();
    let mut next = async || loop {
        let line = timeout(PATIENCE, said.next_line()).await.expect("nothing in time");
        let line = line.unwrap().expect("the subscriber ended");
        if let Some(said) = line.strip_prefix(SAYS) {
            return said.to_owned();
        }
    };
    assert_eq!(next().await, "linked");
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    for line in lines(0, MESSAGES) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    for line in lines(0, MESSAGES) {
        assert_eq!(next().await, line);
    }
    assert!(timeout(PATIENCE, subscriber.wait()).await.unwrap().unwrap().success());
}

#[test]
fn through_two_cones() -> anyhow::Result<()> {
    with_internet("nat::through_two_cones", async || {
        let network = Network::start_at(OUTSIDE.into()).await;
        let _relay = relay_in(&home(0, Nat::RestrictedCone)?, 0, &network);
        delivers_to(&home(1, Nat::RestrictedCone)?, &network).await;
        Ok(())
    })
}

#[test]
fn from_a_symmetric_nat_to_a_full_cone() -> anyhow::Result<()> {
    with_internet("nat::from_a_symmetric_nat_to_a_full_cone", async || {
        let network = Network::start_at(OUTSIDE.into()).await;
        let _relay = relay_in(&home(0, Nat::FullCone)?, 0, &network);
        delivers_to(&home(1, Nat::Symmetric)?, &network).await;
        Ok(())
    })
}

#[test]
fn over_ipv6_alone() -> anyhow::Result<()> {
    with_internet("nat::over_ipv6_alone", async || {
        let network = Network::start_at(OUTSIDE_V6.into()).await;
        let _relay = relay_in(&home_v6(0)?, 0, &network);
        delivers_to(&home_v6(1)?, &network).await;
        Ok(())
    })
}

/// Tracker and aggregator are reached by one family, relays and clients have both.
#[test]
fn from_an_ipv4_home_through_a_nat_to_a_machine_of_both_families() -> anyhow::Result<()> {
    with_internet(
        "nat::from_an_ipv4_home_through_a_nat_to_a_machine_of_both_families",
        async || {
            let network = Network::start_at(OUTSIDE.into()).await;
            tokio::spawn(relay::run(network.relay_config(0), std::future::pending()));
            delivers_to(&home(1, Nat::Symmetric)?, &network).await;
            Ok(())
        },
    )
}

/// No link is possible between two symmetric NATs; another relay serves instead.
#[test]
fn around_two_symmetric_nats() -> anyhow::Result<()> {
    with_internet("nat::around_two_symmetric_nats", async || {
        let network = Network::start_at(OUTSIDE.into()).await;
        let _unreachable = relay_in(&home(0, Nat::Symmetric)?, 0, &network);
        tokio::spawn(relay::run(network.relay_config(1), std::future::pending()));
        delivers_to(&home(1, Nat::Symmetric)?, &network).await;
        let subscriber = session(1).address();
        let served = |network: &Network| -> Vec<NodeId> {
            let held = network.held.lock().unwrap();
            held.keys().filter(|key| key.payer == subscriber).map(|key| key.node).collect()
        };
        network.until(|network| !served(network).is_empty()).await;
        assert_eq!(served(&network), [relay_key(1).id()]);
        Ok(())
    })
}
