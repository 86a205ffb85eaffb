//! A disk that is full for a while. A small file system in memory stands for it, so this needs the right to mount one.

use std::path::{Path, PathBuf};
use std::process::Command;

use tatum_database::Database;
use tatum_protocol::client::AggregatorClient;

use crate::world::{Service, World};

/// A file system of so many bytes, gone with its handle.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, size_bytes: u64) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let size = format!("size={size_bytes}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at);
        mount.status().is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    fn fill(&self) {
        let mut filler = std::fs::File::create(self.0.join("filler")).unwrap();
        while std::io::Write::write_all(&mut filler, &[0; 4096]).is_ok() {}
    }

    fn make_room(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: what the service still holds open goes with it.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn a_disk_that_was_full_for_a_moment_stops_nothing_for_good() {
    let world = World::start().await;
    let Some(disk) = SmallDisk::mount(&world.folder.path().join("small"), 8 << 20) else {
        eprintln!("nothing may be mounted here: not tested");
        return;
    };
    let service = Service::start(&world, "small", "proposer").await;
    world.hand_in(&service.url, &world.traffic(1)).await;
    let ready = async || {
        let answer = world.http.get(format!("{}/ready", service.url)).send().await.unwrap();
        answer.status().as_u16()
    };
    assert_eq!(ready().await, 200);

    disk.fill();
    let aggregator = AggregatorClient::new(&service.url).unwrap();
    let refused = async |sequence: u64| {
        let receipts: Vec<_> = (0..200).map(|n| world.receipt(0, 0, 1, sequence + n)).collect();
        aggregator.hand_in(&receipts).await.is_err()
    };
    // What still fits into the pages that there are is taken, and rightly.
    let mut sequence = 10;
    while !refused(sequence).await {
        sequence += 200;
        assert!(sequence < 100_000, "the disk was never full");
    }
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(ready().await, 503, "nothing can be written, and it says that it is ready");

    disk.make_room();
    world.hand_in(&service.url, &[world.receipt(0, 0, 1, 200_000)]).await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(ready().await, 200);
    service.stop().await;
    let kept = Database::open_file(&world.folder.path().join("small/aggregator.db")).await.unwrap();
    let mut scan = kept.scan_receipts(tatum_primitives::Epoch(1));
    let held = scan.next().await.unwrap().unwrap();
    assert!(held.iter().any(|stored| stored.receipt().sequence == 200_000), "it was acknowledged");
}
