//! A relay that drops one in so many messages of one stream, to everybody, and does all else as others do.
//!
//! `hostile-relay DATA TRACKER AGGREGATOR STATUS GRACE_S STREAM_KEY ONE_IN`, with `TATUM_RPC`, `TATUM_DEPLOYMENT` and `TATUM_NODE_KEY` as
//! `tatum node run` has them.

use std::env;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use tatum_chain::{Chain, Deployment, Endpoints, follow};
use tatum_node::adversary::Drops;
use tatum_node::relay::{self, SharedFacts};
use tatum_node::{NodeKey, SystemClock, TrackerAddress, Trackers};
use tatum_primitives::{B256, StreamKey};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [data, tracker, aggregator, status, grace_s, stream, one_in] = words.as_slice() else {
        anyhow::bail!("DATA TRACKER AGGREGATOR STATUS GRACE_S STREAM_KEY ONE_IN");
    };
    let endpoints = Endpoints::new([variable("TATUM_RPC")?.as_str()])?;
    let deployment = Deployment::load(variable("TATUM_DEPLOYMENT")?.as_ref())?;
    let chain = Chain::connect(&endpoints, deployment).await?;
    let domain = chain.domain();
    let (view, _follower) = follow(chain, 0, Duration::from_millis(500)).await?;
    let key: B256 = variable("TATUM_NODE_KEY")?.parse().context("reading the node's key")?;
    let clock = Arc::new(SystemClock::new(view.schedule()));
    let tracker: TrackerAddress = tracker.parse().map_err(anyhow::Error::msg)?;
    let mut config = relay::Config::new(
        NodeKey::from_bytes(&key.0),
        Trackers::new(vec![tracker])?,
        data.into(),
        domain,
        SharedFacts::new(view),
        clock,
    );
    config.aggregator = Some(aggregator.clone());
    config.http = Some(status.parse().context("reading the status address")?);
    config.grace = Duration::from_secs(grace_s.parse().context("reading the grace")?);
    let one_in = one_in.parse().context("reading how many it drops")?;
    ensure!(one_in > 0, "one in none is none");
    let stream = StreamKey(stream.parse().context("reading the stream's key")?);
    config.drops = Some(Drops { stream, one_in });
    let mut ended = signal(SignalKind::terminate())?;
    let shutdown = async move {
        let _ended = ended.recv().await;
    };
    relay::run(config, shutdown).await?;
    Ok(())
}

fn variable(name: &str) -> anyhow::Result<String> {
    env::var(name).with_context(|| format!("{name} is not set"))
}
