//! What a deployment was begun with: a file beside the one that it will write.
//!
//! Invariant: it says all that the contracts' addresses and contents depend on, and never changes once written.

use std::path::Path;

use alloy::primitives::B256;
use serde::{Deserialize, Serialize};
use tatum_primitives::Address;

use super::{DeployError, Parameters};
use crate::files::{read_file, replace_file};

/// A deployment that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Begun {
    /// The chain's id.
    pub chain_id: u64,
    /// Its first block: local chains share one id.
    pub first_block: B256,
    /// Who deploys.
    pub account: Address,
    /// The account's number of transactions before the first of them.
    pub first_nonce: u64,
    /// A block before all of it.
    pub deploy_block: u64,
    /// With the genesis that it began with.
    pub parameters: Parameters,
}

impl Begun {
    /// What was begun in `file`; nothing if there is none.
    pub fn load(file: &Path) -> Result<Option<Self>, DeployError> {
        let failed = |reason| DeployError::File { path: file.to_owned(), reason };
        let read = read_file(file).map_err(|error| failed(error.to_string()))?;
        let begun = read.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        begun.map_err(|error| {
            failed(format!("it does not say what deployment was begun ({error}); remove it"))
        })
    }

    /// Itself, if the same is asked for again.
    pub(super) fn same_as(
        self,
        file: &Path,
        (chain_id, first_block): (u64, B256),
        account: Address,
        parameters: &Parameters,
    ) -> Result<Self, DeployError> {
        let otherwise = |what| DeployError::BegunOtherwise { path: file.to_owned(), what };
        if (self.chain_id, self.first_block) != (chain_id, first_block) {
            return Err(otherwise(format!("another chain (id {})", self.chain_id)));
        }
        if self.account != account {
            return Err(otherwise(format!("the account {}", self.account)));
        }
        if parameters.clone().beginning_at(self.parameters.genesis) != self.parameters {
            return Err(otherwise("other parameters".to_owned()));
        }
        Ok(self)
    }

    pub(super) fn write(&self, file: &Path) -> Result<(), DeployError> {
        let failed = |reason| DeployError::File { path: file.to_owned(), reason };
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        }
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.to_string()))?;
        replace_file(file, &text).map_err(|error| failed(format!("cannot be written: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begun() -> Begun {
        let parameters = Parameters::well_known("local").unwrap().beginning_at(7);
        let (account, first_block) = (Address::repeat_byte(1), B256::repeat_byte(2));
        Begun { chain_id: 1, first_block, account, first_nonce: 3, deploy_block: 9, parameters }
    }

    #[test]
    fn what_was_begun_is_read_back_and_goes_on_only_with_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("deployments/1.begun.json");
        assert_eq!(Begun::load(&file).unwrap(), None);
        begun().write(&file).unwrap();
        let again = || Begun::load(&file).unwrap().unwrap();
        assert_eq!(again(), begun());
        let chain = (1, B256::repeat_byte(2));
        let same = Parameters::well_known("local").unwrap();
        assert_eq!(again().same_as(&file, chain, begun().account, &same).unwrap(), begun());
        let mut other = same.clone();
        other.epoch_length = 1;
        for refused in [
            again().same_as(&file, (1, B256::ZERO), begun().account, &same),
            again().same_as(&file, chain, Address::ZERO, &same),
            again().same_as(&file, chain, begun().account, &other),
        ] {
            assert!(refused.unwrap_err().to_string().contains("1.begun.json"));
        }
        std::fs::write(&file, "{").unwrap();
        assert!(Begun::load(&file).unwrap_err().to_string().contains("remove it"));
    }
}
