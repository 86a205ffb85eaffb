//! What an aggregator is told when it starts.
//!
//! Invariant: an unknown field is an error, so a misspelt one is never silently the default.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tatum_primitives::Nano;

use crate::ingest::Limits;
use crate::judge::Means;

/// Configuration of an aggregator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the datasets, and of the database unless `database` names another.
    pub data_dir: PathBuf,
    /// The chain's RPC endpoint.
    pub rpc_url: String,
    /// The file with the contracts' addresses.
    pub deployment: PathBuf,
    /// Where to listen.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// How others reach us, such as `https://aggregator.example`; by default `http://` and the listening address.
    #[serde(default)]
    pub public_url: Option<String>,
    /// `sqlite://PATH` or `postgres://…`; by default `aggregator.db` in `data_dir`.
    #[serde(default)]
    pub database: Option<String>,
    /// Blocks on top of one before it is relied on.
    #[serde(default)]
    pub confirmations: u64,
    /// The most demands for the data of one proposal of somebody else's; each pays for its answer.
    #[serde(default = "default_demands")]
    pub demands: u32,
    /// How often the chain is looked at, in milliseconds.
    #[serde(default = "default_poll_ms")]
    pub poll_ms: u64,
    /// Bounds of the intake.
    #[serde(default)]
    pub limits: Limits,
    /// For how long rejections are kept, in hours.
    #[serde(default = "default_rejections_hours")]
    pub rejections_hours: u64,
    /// How many rejections are kept in all.
    #[serde(default = "default_rejections_kept")]
    pub rejections_kept: u64,
    /// For how many final epochs receipts are kept in the database; by default for all.
    #[serde(default)]
    pub keep_epochs: Option<u64>,
    /// Other aggregators of the deployment, whose receipts are taken in before the epoch takes no more.
    #[serde(default)]
    pub peers: Vec<String>,
    /// Whether operators are asked to stand for the list of receipts.
    #[serde(default)]
    pub gather_assents: bool,
    /// The least reward in nano for which a payer's overage is filed; it is a tenth of what is charged.
    #[serde(default = "default_overage_reward")]
    pub overage_reward_nano: Nano,
    /// After how long another process on the same PostgreSQL takes over from one that is gone, in milliseconds.
    #[serde(default = "default_lease_ms")]
    pub lease_ms: u64,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 7070))
}

fn default_poll_ms() -> u64 {
    1_000
}

fn default_rejections_hours() -> u64 {
    7 * 24
}

fn default_rejections_kept() -> u64 {
    100_000
}

fn default_demands() -> u32 {
    Means::default().demands
}

/// One DATA.
fn default_overage_reward() -> Nano {
    Nano(1_000_000_000)
}

fn default_lease_ms() -> u64 {
    15_000
}

impl Config {
    /// The least that must be said; everything else has a default.
    pub fn new(data_dir: PathBuf, rpc_url: String, deployment: PathBuf) -> Self {
        Self {
            data_dir,
            rpc_url,
            deployment,
            listen: default_listen(),
            public_url: None,
            database: None,
            confirmations: 0,
            demands: default_demands(),
            poll_ms: default_poll_ms(),
            limits: Limits::default(),
            rejections_hours: default_rejections_hours(),
            rejections_kept: default_rejections_kept(),
            keep_epochs: None,
            peers: Vec::new(),
            gather_assents: false,
            overage_reward_nano: default_overage_reward(),
            lease_ms: default_lease_ms(),
        }
    }

    /// How often the chain is looked at.
    pub fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.max(10))
    }

    /// Where datasets are kept.
    pub fn datasets(&self) -> PathBuf {
        self.data_dir.join("datasets")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minimal_configuration_has_the_defaults() {
        let json =
            r#"{ "data_dir": "d", "rpc_url": "http://127.0.0.1:8545", "deployment": "x.json" }"#;
        let config: Config = serde_json::from_str(json).unwrap();
        assert_eq!(
            config,
            Config::new("d".into(), "http://127.0.0.1:8545".into(), "x.json".into())
        );
        assert_eq!(config.poll_ms, 1_000);
    }

    #[test]
    fn a_full_configuration_reads_back_and_a_misspelt_field_is_refused() {
        let mut config = Config::new("d".into(), "http://127.0.0.1:8545".into(), "x.json".into());
        config.database = Some("postgres://u@h/d".to_owned());
        config.demands = 7;
        config.limits.body_bytes = 1;
        let json = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&json).unwrap(), config);
        assert!(serde_json::from_str::<Config>(&json.replace("poll_ms", "poll_s")).is_err());
    }
}
