//! What each subscriber printed over all its lives, against what was published.
//!
//! Invariant: a subscriber that was killed may print again what it had printed last; it may neither miss anything nor print what nobody
//! published.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use tatum_test_utils::testnet::{Cast, Network, RecordedStream};
use tokio::time::{Instant, sleep};

use super::storm::Stage;

/// What reached a subscriber.
#[derive(Debug, Serialize)]
pub(super) struct Received {
    pub(super) subscriber: String,
    pub(super) published: usize,
    pub(super) lost: usize,
    pub(super) foreign: usize,
    pub(super) again: usize,
}

/// Waits until nobody misses anything, for so long at most: then the comparison says who does.
pub(super) async fn until_complete(
    network: &mut Network,
    (devnet, cast, streams): Stage<'_>,
    patience: Duration,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + patience;
    while compare(network, cast, streams)?.iter().any(|received| received.lost > 0)
        && Instant::now() < deadline
    {
        network.resume_ended(devnet, cast, streams)?;
        sleep(Duration::from_secs(1)).await;
    }
    Ok(())
}

pub(super) fn compare(
    network: &Network,
    cast: &Cast,
    streams: &[RecordedStream],
) -> anyhow::Result<Vec<Received>> {
    let mut all = Vec::new();
    for subscriber in &cast.subscribers {
        let lines = network.received_by(subscriber)?;
        all.push(received(&subscriber.name, &streams[subscriber.stream].records, &lines));
    }
    Ok(all)
}

fn received(subscriber: &str, published: &[String], lines: &[String]) -> Received {
    let expected: HashSet<&str> = published.iter().map(String::as_str).collect();
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        *times.entry(line).or_default() += 1;
    }
    let foreign = times.keys().filter(|line| !expected.contains(*line)).count();
    Received {
        subscriber: subscriber.to_owned(),
        published: expected.len(),
        lost: expected.len() - (times.len() - foreign),
        foreign,
        again: lines.len() - times.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_foreign_and_printed_again_are_told_apart() {
        let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect::<Vec<_>>();
        let seen = received("s", &lines(&["a", "b", "c"]), &lines(&["a", "a", "b", "x"]));
        assert_eq!((seen.published, seen.lost, seen.foreign, seen.again), (3, 1, 1, 1));
    }
}
