//! Where a deployment's contracts are: the JSON that the deploy script writes.

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
    /// The distributor.
    pub distributor: Address,
    /// A block before the first event of any of the contracts.
    pub deploy_block: u64,
}

/// Why a deployment file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    /// The file cannot be read.
    #[error("cannot read the deployment file {}; scripts/deploy writes it, or name it with --deployment", path.display())]
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

    /// The EIP-712 domain of the deployment's receipts.
    pub fn domain(&self) -> Domain {
        Domain { chain_id: self.chain_id, stake_pool: self.stake_pool }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_says_where_it_comes_from() {
        let error = Deployment::load(Path::new("/nonexistent/31337.json")).unwrap_err();
        assert!(error.to_string().contains("--deployment"), "{error}");
    }
}
