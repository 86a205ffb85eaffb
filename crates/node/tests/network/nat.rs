//! Links through NATs: every side in a network namespace of its own, behind a router that nftables makes one kind of NAT.
//!
//! Each test runs itself again in a user namespace, so nothing of it outlives it and nobody has to be root. Where the
//! system allows no namespaces, it says so and ends.

use std::process::Command;

use tokio::io::{AsyncBufReadExt, BufReader};

use super::*;

/// Set for the run within the namespace.
const INSIDE: &str = "TATUM_TEST_INTERNET";
/// Set for a process in a home: who it is.
const ACTOR: &str = "TATUM_TEST_ACTOR";
/// Before everything that a process in a home says.
const SAYS: &str = "> ";
/// Tracker, aggregator and publisher; also where the routers' outsides are.
const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const OUTSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// The one machine behind each router. The same everywhere, as it is in many homes.
const HOME: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 2);
const MESSAGES: usize = 200;

/// How a router maps and filters UDP (RFC 4787).
#[derive(Clone, Copy)]
enum Nat {
    /// One outside port for each inside port; whoever knows it gets in.
    FullCone,
    /// The same, but only those get in who were sent something.
    RestrictedCone,
    /// Another outside port for each destination.
    Symmetric,
}

impl Nat {
    const fn rules(self) -> &'static str {
        match self {
            Self::FullCone => {
                "table ip nat {
                   chain out { type nat hook postrouting priority srcnat; oifname wan masquerade; }
                   chain in { type nat hook prerouting priority dstnat; iifname wan meta l4proto udp dnat to 192.168.1.2; }
                 }"
            }
            // Dropped before a connection is remembered: otherwise a packet that comes too early takes the port away.
            Self::RestrictedCone => {
                "table ip nat {
                   chain out { type nat hook postrouting priority srcnat; oifname wan masquerade; }
                 }
                 table ip filter {
                   chain in { type filter hook input priority filter; iifname wan ct state new drop; }
                 }"
            }
            Self::Symmetric => {
                "table ip nat {
                   chain out { type nat hook postrouting priority srcnat; oifname wan masquerade fully-random; }
                 }
                 table ip filter {
                   chain in { type filter hook input priority filter; iifname wan ct state new drop; }
                 }"
            }
        }
    }
}

fn sh(script: &str) {
    let status = Command::new("sh").args(["-euc", script]).status().unwrap();
    assert!(status.success(), "{script}");
}

/// A home behind a router of this kind; the number tells homes apart.
fn home(number: u8, nat: Nat) -> String {
    let outside = 10 + number;
    sh(&format!(
        "ip netns add router{number}
         ip netns add home{number}
         ip link add wan{number} type veth peer name wan netns router{number}
         ip link set wan{number} master internet up
         ip -n router{number} link add lan type veth peer name eth netns home{number}
         for ns in router{number} home{number}; do ip -n $ns link set lo up; done
         ip -n router{number} addr add 198.51.100.{outside}/24 dev wan
         ip -n router{number} link set wan up
         ip -n router{number} addr add 192.168.1.1/24 dev lan
         ip -n router{number} link set lan up
         ip -n home{number} addr add {HOME}/24 dev eth
         ip -n home{number} link set eth up
         ip -n home{number} route add default via 192.168.1.1
         ip netns exec router{number} sysctl -qw net.ipv4.ip_forward=1
         ip netns exec router{number} nft -f - <<'RULES'\n{}\nRULES",
        nat.rules()
    ));
    format!("home{number}")
}

/// A machine without any IPv4 address.
fn home_v6(number: u8) -> String {
    sh(&format!(
        "ip netns add home{number}
         ip link add wan{number} type veth peer name eth netns home{number}
         ip link set wan{number} master internet up
         ip -n home{number} link set lo up
         ip -n home{number} addr del 127.0.0.1/8 dev lo
         ip -n home{number} addr add 2001:db8::1{number}/64 dev eth nodad
         ip -n home{number} link set eth up"
    ));
    format!("home{number}")
}

/// Runs a test with an internet of its own.
fn with_internet(test: &str, body: impl AsyncFnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        sh(&format!(
            "mount -t tmpfs tmpfs /run
             ip link set lo up
             ip link add internet type bridge
             ip addr add {OUTSIDE}/24 dev internet
             ip addr add {OUTSIDE_V6}/64 dev internet nodad
             ip link set internet up"
        ));
        tokio::runtime::Runtime::new().unwrap().block_on(body());
        return;
    }
    let unshare = |program: &std::ffi::OsStr| {
        let mut command = Command::new("unshare");
        command
            .args([
                "--user",
                "--map-root-user",
                "--net",
                "--mount",
                "--pid",
                "--fork",
                "--kill-child",
            ])
            .arg(program);
        command
    };
    let mut probe = unshare("sh".as_ref());
    probe.args(["-c", "ip link add probe type bridge && nft list ruleset"]);
    if !probe.output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: network namespaces, ip or nft are not to be had on this system");
        return;
    }
    let itself = std::env::current_exe().unwrap();
    let mut run = unshare(itself.as_os_str());
    run.args(["--exact", test, "--nocapture"]).env(INSIDE, "1");
    assert!(run.status().unwrap().success());
}

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
    let itself = std::env::current_exe().unwrap();
    tokio::process::Command::new("ip")
        .args(["netns", "exec", home])
        .arg(itself)
        .args(["--exact", "nat::in_a_home", "--nocapture"])
        .env(ACTOR, serde_json::to_string(actor).unwrap())
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
fn through_two_cones() {
    with_internet("nat::through_two_cones", async || {
        let network = Network::start_at(OUTSIDE.into()).await;
        let _relay = relay_in(&home(0, Nat::RestrictedCone), 0, &network);
        delivers_to(&home(1, Nat::RestrictedCone), &network).await;
    });
}

#[test]
fn from_a_symmetric_nat_to_a_full_cone() {
    with_internet("nat::from_a_symmetric_nat_to_a_full_cone", async || {
        let network = Network::start_at(OUTSIDE.into()).await;
        let _relay = relay_in(&home(0, Nat::FullCone), 0, &network);
        delivers_to(&home(1, Nat::Symmetric), &network).await;
    });
}

#[test]
fn over_ipv6_alone() {
    with_internet("nat::over_ipv6_alone", async || {
        let network = Network::start_at(OUTSIDE_V6.into()).await;
        let _relay = relay_in(&home_v6(0), 0, &network);
        delivers_to(&home_v6(1), &network).await;
    });
}

/// Tracker and aggregator are reached by one family, relays and clients have both.
#[test]
fn from_an_ipv4_home_through_a_nat_to_a_machine_of_both_families() {
    with_internet(
        "nat::from_an_ipv4_home_through_a_nat_to_a_machine_of_both_families",
        async || {
            let network = Network::start_at(OUTSIDE.into()).await;
            tokio::spawn(relay::run(network.relay_config(0), std::future::pending()));
            delivers_to(&home(1, Nat::Symmetric), &network).await;
        },
    );
}

/// No link is possible between two symmetric NATs; another relay serves instead.
#[test]
fn around_two_symmetric_nats() {
    with_internet("nat::around_two_symmetric_nats", async || {
        let network = Network::start_at(OUTSIDE.into()).await;
        let _unreachable = relay_in(&home(0, Nat::Symmetric), 0, &network);
        tokio::spawn(relay::run(network.relay_config(1), std::future::pending()));
        delivers_to(&home(1, Nat::Symmetric), &network).await;
        let subscriber = session(1).address();
        let served = |network: &Network| -> Vec<NodeId> {
            let held = network.held.lock().unwrap();
            held.keys().filter(|key| key.payer == subscriber).map(|key| key.node).collect()
        };
        network.until(|network| !served(network).is_empty()).await;
        assert_eq!(served(&network), [relay_key(1).id()]);
    });
}
