//! One holder at a time, by the database's clock.

use std::time::Duration;

use crate::support::{Scene, on_each_backend};

const LONG_MS: u64 = 3_600_000;

on_each_backend!(
    one_holds_it_and_gives_it_up,
    who_stops_renewing_loses_it,
    many_ask_and_one_gets_it,
);

async fn one_holds_it_and_gives_it_up(scene: Scene) {
    let database = &scene.database;
    assert_eq!(database.lease("close").await.unwrap(), None);
    assert!(database.hold_lease("close", "one", LONG_MS).await.unwrap());
    assert!(database.hold_lease("close", "one", LONG_MS).await.unwrap());
    assert!(!database.hold_lease("close", "other", LONG_MS).await.unwrap());
    assert!(database.hold_lease("something else", "other", LONG_MS).await.unwrap());
    // Only the holder can give it up.
    database.release_lease("close", "other").await.unwrap();
    assert!(!database.hold_lease("close", "other", LONG_MS).await.unwrap());
    database.release_lease("close", "one").await.unwrap();
    assert!(database.hold_lease("close", "other", LONG_MS).await.unwrap());
    let lease = database.lease("close").await.unwrap().unwrap();
    assert_eq!((lease.holder.as_str(), lease.terms), ("other", 2));
}

async fn who_stops_renewing_loses_it(scene: Scene) {
    let database = &scene.database;
    assert!(database.hold_lease("close", "one", 0).await.unwrap());
    let taken = async {
        while !database.hold_lease("close", "other", LONG_MS).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), taken).await.unwrap();
    assert!(!database.hold_lease("close", "one", LONG_MS).await.unwrap());
}

async fn many_ask_and_one_gets_it(scene: Scene) {
    let asking = (0..16).map(|n| {
        let database = scene.database.clone();
        tokio::spawn(async move {
            database.hold_lease("close", &format!("process {n}"), LONG_MS).await.unwrap()
        })
    });
    let mut got = 0;
    for asked in asking.collect::<Vec<_>>() {
        got += usize::from(asked.await.unwrap());
    }
    assert_eq!(got, 1);
}
