//! Where a deployment's contracts are: the JSON that `tatum deploy` writes.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Domain};

/// Addresses of one deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// The chain's id.
    pub chain_id: u64,
    /// The DATA token.
    pub token: Address,
    /// The stake pool; also the verifying contract of every receipt.
    pub stake_pool: Address,
    /// The operator registry.
    pub operator_registry: Address,
    /// The distributor: takes proposals and pays claims.
    pub distributor: Address,
    /// Where wrong proposals are shown to be wrong.
    pub disproofs: Address,
    /// Where the data of proposals is asked for.
    pub demands: Address,
    /// Where operators assent to an epoch's list of receipts.
    pub assents: Address,
    /// Where receipts are forced into an epoch.
    pub forced_receipts: Address,
    /// Where payers are billed that signed for more than their quota.
    pub overage: Address,
    /// Where payers have payment channels with operators.
    pub channel_hub: Address,
    /// Where pools of delegators come from.
    pub delegation_factory: Address,
    /// Where sponsors' vaults come from.
    pub sponsor_factory: Address,
    /// How long each part of an epoch's settlement takes.
    pub windows: Windows,
    /// A block before the first event of any of the contracts.
    pub deploy_block: u64,
}

/// How long each part of an epoch's settlement takes, in seconds. The contracts hold them; programs only read them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Windows {
    /// After an epoch's end: receipts are still taken, and operators assent to the list.
    #[serde(rename = "grace")]
    pub grace_s: u64,
    /// After the grace: whoever was left out forces its own.
    #[serde(rename = "force")]
    pub force_s: u64,
    /// After the forcing: so that no reorganisation changes what was forced.
    #[serde(rename = "settle")]
    pub settle_s: u64,
    /// For a proposal to be challenged.
    #[serde(rename = "challenge")]
    pub challenge_s: u64,
    /// For a demand to be answered.
    #[serde(rename = "answer")]
    pub answer_s: u64,
    /// After an answer: to ask on.
    #[serde(rename = "follow")]
    pub follow_s: u64,
}

impl Windows {
    /// When forcing for an epoch that ends at `end_s` is over.
    pub const fn forced_until_s(&self, end_s: u64) -> u64 {
        end_s.saturating_add(self.grace_s).saturating_add(self.force_s)
    }

    /// When the distribution of an epoch that ends at `end_s` can be proposed.
    pub const fn proposable_at_s(&self, end_s: u64) -> u64 {
        self.forced_until_s(end_s).saturating_add(self.settle_s)
    }
}

/// Why a deployment file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// The file cannot be read.
    #[error("cannot read the deployment file {}; `tatum deploy` writes it, whoever runs the network gives it away; name it with --deployment", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not a deployment.
    #[error("{} is not a deployment file", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

impl Deployment {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, DeploymentError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| DeploymentError::Read { path: path.to_owned(), source })?;
        serde_json::from_str(&text)
            .map_err(|source| DeploymentError::Parse { path: path.to_owned(), source })
    }

    /// All its contracts.
    pub const fn contracts(&self) -> [Address; 12] {
        [
            self.token,
            self.stake_pool,
            self.operator_registry,
            self.distributor,
            self.disproofs,
            self.demands,
            self.assents,
            self.forced_receipts,
            self.overage,
            self.channel_hub,
            self.delegation_factory,
            self.sponsor_factory,
        ]
    }

    /// Whether it is on a chain of one machine (anvil, hardhat, geth's developer mode), whose clock and addresses are as they please.
    pub const fn is_local(&self) -> bool {
        matches!(self.chain_id, 31_337 | 1_337)
    }

    /// The EIP-712 domain of the deployment's receipts.
    pub fn domain(&self) -> Domain {
        Domain { chain_id: self.chain_id, stake_pool: self.stake_pool }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_distribution_is_proposable_when_grace_forcing_and_settling_are_over() {
        let windows = Windows { grace_s: 10, force_s: 20, settle_s: 3, ..Windows::default() };
        assert_eq!((windows.forced_until_s(100), windows.proposable_at_s(100)), (130, 133));
    }

    #[test]
    fn a_missing_file_says_where_it_comes_from() {
        let error = Deployment::load(Path::new("/nonexistent/31337.json")).unwrap_err();
        assert!(error.to_string().contains("--deployment"), "{error}");
    }
}
