//! This machine: room, open files, addresses.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::Path;

use anyhow::Context;
use tatum_overlay::Block;

use super::report::Report;

/// A process stops taking things in when its disk is full; below this much it soon is.
const LITTLE_ROOM_MIB: u64 = 1024;
const NO_ROOM_MIB: u64 = 64;
/// A tracker holds a connection for each node, a relay a socket for all of them.
const FEW_FILES: u64 = 4_096;

/// How many files a process may open.
pub(super) fn files(report: &mut Report) {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let limit = limit.current.unwrap_or(u64::MAX);
    let found = format!("{limit} files may be open at a time");
    if limit < FEW_FILES {
        report.warn(
            "open files",
            found,
            "raise it with `ulimit -n` before starting a tracker or an aggregator",
        );
    } else {
        report.ok("open files", found);
    }
}

/// Whether a process can keep its data in a folder.
pub(super) fn folder(folder: &Path, report: &mut Report) {
    match room_mib(folder) {
        Ok(room) if room >= LITTLE_ROOM_MIB => {
            report.ok("disk", format!("{} takes files and has {room} MiB left", folder.display()));
        }
        Ok(room) => {
            let found = format!("{} has {room} MiB left", folder.display());
            let advice = "make room: with a full disk nothing is taken in, and nothing is paid for";
            if room < NO_ROOM_MIB {
                report.problem("disk", found, advice);
            } else {
                report.warn("disk", found, advice);
            }
        }
        Err(error) => report.problem(
            "disk",
            format!("{error:#}"),
            "name a folder that this user may write to",
        ),
    }
}

/// The room that is left where `folder` is or would be made.
fn room_mib(folder: &Path) -> anyhow::Result<u64> {
    let existing = folder.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("."));
    let existing = if existing.as_os_str().is_empty() { Path::new(".") } else { existing };
    let written = || format!("writing a file in {}", existing.display());
    let mut file = tempfile::NamedTempFile::new_in(existing).with_context(written)?;
    file.write_all(&[0; 4096]).with_context(written)?;
    file.as_file().sync_all().with_context(written)?;
    let system = rustix::fs::statvfs(existing)
        .with_context(|| format!("asking how full {} is", existing.display()))?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize) >> 20)
}

/// Whether a node's addresses are free here and mean something to others.
pub(super) fn addresses(
    bind: Option<SocketAddr>,
    advertise: &[SocketAddr],
    is_local: bool,
    report: &mut Report,
) {
    if let Some(address) = bind {
        match UdpSocket::bind(address) {
            Ok(_) => report.ok("bind", format!("{address} is free")),
            Err(error) => report.problem(
                "bind",
                format!("{address}: {error}"),
                "choose another --bind, or end what uses it (a node that runs already does)",
            ),
        }
        if address.port() == 0 && !is_local {
            let found = "port 0 is another one at each start".to_owned();
            report.warn("bind", found, "name a port, and open it in the firewall");
        }
    }
    for address in advertise {
        if is_public(address.ip()) {
            report.ok("advertise", format!("{address} can be reached from outside, if it is ours"));
        } else if !is_local {
            let found = format!("{address} means nothing outside of its own network");
            report.problem(
                "advertise",
                found,
                "advertise the public address, or leave it to the trackers' STUN",
            );
        }
    }
    if bind.is_some() && advertise.is_empty() && !is_local {
        behind_nat(report);
    }
}

/// What is to be done depends on whether this machine has a public address.
fn behind_nat(report: &mut Report) {
    match own_address() {
        Some(own) if is_public(own) => report.ok("reach", format!("this machine has the public address {own}")),
        Some(own) => report.warn(
            "reach",
            format!("this machine is at {own}, behind a NAT"),
            "forward the UDP port to it and name --advertise PUBLIC:PORT; without that some peers cannot reach it",
        ),
        None => report.problem("reach", "this machine has no way to the outside", "connect it"),
    }
}

/// The address that packets to the outside come from. None is sent.
fn own_address() -> Option<IpAddr> {
    // Addresses of documentation: a route to them is a route to anywhere.
    let outside = [("[::]:0", "[2001:db8::1]:9"), ("0.0.0.0:0", "192.0.2.1:9")];
    outside.into_iter().find_map(|(from, to)| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}

/// Whether others can send to an address: it has a block by which scores tell nodes apart, and is not of a link or a provider's own.
fn is_public(address: IpAddr) -> bool {
    let is_shared = match address.to_canonical() {
        // 100.64.0.0/10 is between a provider and its customers (RFC 6598).
        IpAddr::V4(four) => matches!(four.octets(), [100, 64..=127, ..]),
        IpAddr::V6(six) => six.is_unicast_link_local(),
    };
    !is_shared && Block::of(address).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_network_of_ones_own_is_not_public() {
        for own in [
            "10.1.2.3",
            "192.168.1.1",
            "127.0.0.1",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fd00::1",
            "fe80::1",
        ] {
            assert!(!is_public(own.parse().unwrap()), "{own}");
        }
        for public in ["8.8.8.8", "100.128.0.1", "2606:4700::1111"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
    }

    #[test]
    fn room_is_that_of_the_folder_above_one_that_is_still_to_be_made() {
        let folder = tempfile::tempdir().unwrap();
        let room = room_mib(&folder.path().join("not/there/yet")).unwrap();
        assert!(room > 0);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    }
}
