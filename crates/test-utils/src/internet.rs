//! An internet of its own for a test: every machine in a network namespace, behind a router that nftables makes one kind of NAT.
//!
//! Invariant: a test runs itself again in a user namespace, so nothing of it outlives it and nobody has to be root. Where the system allows
//! no namespaces, it says so and ends.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::Command;

use anyhow::{Context, ensure};

/// Set for the run within the namespace.
const INSIDE: &str = "TATUM_TEST_INTERNET";
/// The machine that everybody reaches; also where the routers' outsides are.
pub const OUTSIDE: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// The same machine.
pub const OUTSIDE_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
/// The one machine behind each router. The same everywhere, as it is in many homes.
const HOME: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 2);

/// How a router maps and filters UDP (RFC 4787).
#[derive(Clone, Copy, Debug)]
pub enum Nat {
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

fn sh(script: &str) -> anyhow::Result<()> {
    let status = Command::new("sh").args(["-euc", script]).status().context("starting sh")?;
    ensure!(status.success(), "{script}");
    Ok(())
}

/// A home behind a router of this kind; the number tells homes apart.
///
/// # Errors
///
/// If the system's `ip` or `nft` refuse.
pub fn home(number: u8, nat: Nat) -> anyhow::Result<String> {
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
    ))?;
    Ok(format!("home{number}"))
}

/// A machine without any IPv4 address.
///
/// # Errors
///
/// If the system's `ip` refuses.
pub fn home_v6(number: u8) -> anyhow::Result<String> {
    sh(&format!(
        "ip netns add home{number}
         ip link add wan{number} type veth peer name eth netns home{number}
         ip link set wan{number} master internet up
         ip -n home{number} link set lo up
         ip -n home{number} addr del 127.0.0.1/8 dev lo
         ip -n home{number} addr add 2001:db8::1{number}/64 dev eth nodad
         ip -n home{number} link set eth up"
    ))?;
    Ok(format!("home{number}"))
}

/// A command that runs in a home.
#[must_use]
pub fn within(home: &str, command: &Command) -> Command {
    let mut inside = Command::new("ip");
    inside.args(["netns", "exec", home]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => inside.env(name, value),
            None => inside.env_remove(name),
        };
    }
    inside
}

/// Runs a test, by its name in its binary, with an internet of its own.
///
/// # Errors
///
/// What the test fails with.
pub fn with_internet(
    test: &str,
    body: impl AsyncFnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        sh(&format!(
            "mount -t tmpfs tmpfs /run
             ip link set lo up
             ip link add internet type bridge
             ip addr add {OUTSIDE}/24 dev internet
             ip addr add {OUTSIDE_V6}/64 dev internet nodad
             ip link set internet up"
        ))?;
        return tokio::runtime::Runtime::new()?.block_on(body());
    }
    let unshare = |program: &OsStr| {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net", "--mount", "--pid", "--fork"]);
        command.arg("--kill-child").arg(program);
        command
    };
    let mut probe = unshare("sh".as_ref());
    probe.args(["-c", "ip link add probe type bridge && nft list ruleset"]);
    if !probe.output().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: network namespaces, ip or nft are not to be had on this system");
        return Ok(());
    }
    let mut run = unshare(std::env::current_exe()?.as_os_str());
    let status = run.args(["--exact", test, "--nocapture"]).env(INSIDE, "1").status()?;
    ensure!(status.success(), "{test} failed in its namespaces");
    Ok(())
}
