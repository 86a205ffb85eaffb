//! Ports that nobody has.
//!
//! Invariant: a port is given to one process of a user at a time, and is none that the system gives to connections: between
//! being given and being listened on, nobody takes it. Source: ip(7), `ip_local_port_range`.

use std::fs::{DirBuilder, File};
use std::net::{TcpListener, UdpSocket};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use anyhow::{Context, ensure};

/// Above the usual services', below those that systems give to connections.
const PORTS: Range<u16> = 15_000..32_000;

/// The locks of the ports that this process was given: it has them as long as it runs.
static GIVEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A TCP and UDP port of 127.0.0.1 that nobody has, and that no other process is given while this one runs.
pub fn free_port() -> anyhow::Result<u16> {
    let locks = locks(&std::env::temp_dir())?;
    // Each process begins elsewhere, a few hundred apart, so that one that looks for many does not pass by all of another's.
    let spread = std::process::id().wrapping_mul(331) % u32::from(PORTS.end - PORTS.start);
    let begin = PORTS.start + u16::try_from(spread).unwrap_or_default();
    let found = (begin..PORTS.end).chain(PORTS.start..begin).find_map(|port| {
        let lock = lock(&locks, port)?;
        is_free(port).then_some((port, lock))
    });
    let (port, lock) = found.with_context(|| format!("no port of {PORTS:?} is free"))?;
    GIVEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(lock);
    Ok(port)
}

/// The folder of this user's locks. Where others may write too, one that somebody else made, or a link, would have us write where they want.
fn locks(temporary: &Path) -> anyhow::Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
    let locks = temporary.join(format!("tatum-ports-{user}"));
    let made = DirBuilder::new().mode(0o700).recursive(true).create(&locks);
    made.with_context(|| format!("making {}", locks.display()))?;
    let found = std::fs::symlink_metadata(&locks)?;
    let is_ours = found.is_dir() && found.uid() == user;
    ensure!(is_ours, "{} is not a folder of yours: remove it, or set TMPDIR", locks.display());
    Ok(locks)
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
    fn a_folder_of_locks_that_leads_elsewhere_is_not_written_to() {
        let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let ours = locks(folder.path()).unwrap();
        assert_eq!(locks(folder.path()).unwrap(), ours);
        std::fs::remove_dir(&ours).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &ours).unwrap();
        assert!(locks(folder.path()).unwrap_err().to_string().contains("is not a folder of yours"));
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
