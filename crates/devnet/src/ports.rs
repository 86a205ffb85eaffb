//! Ports that nobody has.
//!
//! Invariant: a port is given to one process of a user at a time, and is none that the system gives to connections: between
//! being given and being listened on, nobody takes it. Source: ip(7), `ip_local_port_range`.

use std::fs::File;
use std::net::{TcpListener, UdpSocket};
use std::ops::Range;
use std::path::Path;
use std::sync::Mutex;

use anyhow::Context;

/// Above the usual services', below those that systems give to connections.
const PORTS: Range<u16> = 15_000..32_000;

/// The locks of the ports that this process was given: it has them as long as it runs.
static GIVEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A TCP and UDP port of 127.0.0.1 that nobody has, and that no other process is given while this one runs.
pub fn free_port() -> anyhow::Result<u16> {
    let user = rustix::process::getuid().as_raw();
    let locks = std::env::temp_dir().join(format!("tatum-ports-{user}"));
    std::fs::create_dir_all(&locks).with_context(|| format!("making {}", locks.display()))?;
    // Each process begins elsewhere, so that one that looks for many does not pass by all of another's.
    let begin = PORTS.start + rand::random_range(0..PORTS.end - PORTS.start);
    let found = (begin..PORTS.end).chain(PORTS.start..begin).find_map(|port| {
        let lock = lock(&locks, port)?;
        is_free(port).then_some((port, lock))
    });
    let (port, lock) = found.with_context(|| format!("no port of {PORTS:?} is free"))?;
    GIVEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(lock);
    Ok(port)
}

/// Nothing if somebody has it. A lock goes with its process, however that ends; its file stays for the next one.
fn lock(locks: &Path, port: u16) -> Option<File> {
    let file = File::create(locks.join(port.to_string())).ok()?;
    file.try_lock().is_ok().then_some(file)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_port_is_given_once_and_is_none_that_connections_get() {
        let ports: Vec<u16> = (0..50).map(|_| free_port().unwrap()).collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), 50, "{ports:?}");
        assert!(ports.iter().all(|port| PORTS.contains(port)), "{ports:?}");
    }

    #[test]
    fn a_port_that_is_listened_on_is_not_free() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        assert!(!is_free(tcp.local_addr().unwrap().port()));
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(!is_free(udp.local_addr().unwrap().port()));
    }

    #[test]
    fn a_lock_ends_with_whoever_had_it() {
        let folder = tempfile::tempdir().unwrap();
        let held = lock(folder.path(), 15_000).unwrap();
        assert!(lock(folder.path(), 15_000).is_none());
        drop(held);
        assert!(lock(folder.path(), 15_000).is_some());
    }
}
