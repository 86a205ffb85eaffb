//! `manifest.json`: what a dataset is made from, its files and what they come to. Its hash is committed on chain.
//!
//! Invariant: a manifest has one spelling (fields in this order, two spaces, one line feed at the end), so its hash is the
//! hash of what it says. Amounts are decimal text, for most JSON readers stop at 2^53.

use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};
use tatum_merkle::{ListCommitment, Word};
use tatum_primitives::{Bps, Domain, Epoch, Nano};

use crate::Error;

/// The manifest's file name.
pub const MANIFEST: &str = "manifest.json";

/// The version since what lies beside receipts is a table.
const VERSION: u32 = 2;

/// What a dataset says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format.
    pub version: u32,
    /// What the epoch's payouts depend on besides the tables.
    pub parameters: Parameters,
    /// The tables: receipts, payers, operators, distribution, heads.
    pub files: Vec<FileEntry>,
    /// What the tables come to.
    pub results: Results,
}

/// What an epoch's payouts depend on besides the tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// The chain.
    pub chain_id: u64,
    /// The contract that took the fees, and that receipts are signed for.
    pub stake_pool: Address,
    /// The contract that pays.
    pub distributor: Address,
    /// The epoch.
    pub epoch: Epoch,
    /// The part of every fee that goes to the common pool.
    pub pool_bps: Bps,
    /// The most that an operator gets of the common pool, as a share of what it is paid for its work; zero is no limit.
    pub pool_limit_bps: Bps,
    /// How long after the epoch's end receipts were still taken.
    pub grace_ms: u64,
    /// The epoch's fees.
    #[serde(with = "tatum_primitives::decimal::nano")]
    pub pot_nano: Nano,
    /// What may be paid: everything funded so far less `previous_total_nano` and what proposers get, and never less than the work.
    #[serde(with = "tatum_primitives::decimal::nano")]
    pub available_nano: Nano,
    /// What the distribution before promised in all.
    #[serde(with = "tatum_primitives::decimal::nano")]
    pub previous_total_nano: Nano,
    /// The manifest of the distribution before; none for the first.
    pub previous_manifest_hash: Option<B256>,
    /// The list of receipts that operators assented to; none if they did not.
    pub assented: Option<ListCommitment>,
    /// The rolling hash of the receipts that were forced in the epoch; zero if none were.
    pub forced_hash: B256,
}

impl Parameters {
    /// The domain that receipts are signed for.
    pub const fn domain(&self) -> Domain {
        Domain { chain_id: self.chain_id, stake_pool: self.stake_pool }
    }
}

/// One file of a dataset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Its name in the folder.
    pub name: String,
    /// Hash of its bytes.
    pub keccak256: B256,
    /// Its size.
    pub size_bytes: u64,
    /// Its rows.
    pub rows: u64,
}

/// What the tables of a dataset come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Results {
    /// Root of the sum tree, with the depth bound in.
    pub root: Word,
    /// Depth of the sum tree.
    pub depth: usize,
    /// The word over all places of the sum tree, as it is proposed.
    pub entries_top: Word,
    /// The receipts, a line each, in order of their keys.
    pub receipts: ListCommitment,
    /// The edges, a line each, in order of operator and payer.
    pub edges: ListCommitment,
    /// The sum of all edges.
    #[serde(with = "tatum_primitives::decimal::nano")]
    pub work_nano: Nano,
    /// What the tree promises in all.
    #[serde(with = "tatum_primitives::decimal::nano")]
    pub total_nano: Nano,
    /// What this epoch adds.
    #[serde(with = "tatum_primitives::decimal::nano")]
    pub distributed_nano: Nano,
    /// What is available and paid to nobody: part of what the next epoch may pay.
    #[serde(with = "tatum_primitives::decimal::nano")]
    pub carried_nano: Nano,
}

impl Results {
    /// The list of receipts in one word, as it is committed on chain.
    pub fn receipts_root(&self) -> B256 {
        self.receipts.word()
    }
}

impl Manifest {
    /// The manifest over these parts.
    pub const fn new(parameters: Parameters, files: Vec<FileEntry>, results: Results) -> Self {
        Self { version: VERSION, parameters, files, results }
    }

    /// The manifest's one spelling.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`]; not for any manifest that this crate makes.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let json = serde_json::to_vec_pretty(self);
        let mut json = json.map_err(|e| Error::Manifest { detail: e.to_string() })?;
        json.push(b'\n');
        Ok(json)
    }

    /// The manifest that is spelled `bytes`.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] if it is none, of another version, or spelled otherwise.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let manifest: Self = serde_json::from_slice(bytes)
            .map_err(|error| Error::Manifest { detail: error.to_string() })?;
        if manifest.version != VERSION {
            let detail = format!("version {} instead of {VERSION}", manifest.version);
            return Err(Error::Manifest { detail });
        }
        if manifest.encode()? != bytes {
            return Err(Error::Manifest { detail: "not in canonical form".to_owned() });
        }
        Ok(manifest)
    }

    /// What is committed on chain, and the folder's name.
    ///
    /// # Errors
    ///
    /// As for [`Manifest::encode`].
    pub fn hash(&self) -> Result<B256, Error> {
        self.encode().map(keccak256)
    }
}
