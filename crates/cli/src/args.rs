//! Argument groups that several commands share.

use std::path::PathBuf;

use tatum_chain::{Chain, Deployment};

use crate::keys::{self, KeystoreArgs};

/// Which chain and which deployment.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ChainArgs {
    /// JSON-RPC endpoint of the chain
    #[arg(long, value_name = "URL", env = "TATUM_RPC", default_value = "http://127.0.0.1:8545")]
    pub(crate) rpc: String,
    /// Deployment file with the contracts' addresses
    #[arg(
        long,
        value_name = "FILE",
        env = "TATUM_DEPLOYMENT",
        default_value = "deployments/31337.json"
    )]
    pub(crate) deployment: PathBuf,
}

impl ChainArgs {
    /// Connects for reading.
    pub(crate) async fn read_only(&self) -> anyhow::Result<Chain> {
        let deployment = Deployment::load(&self.deployment)?;
        Ok(Chain::connect(&self.rpc, deployment, None).await?)
    }

    /// Connects with the account's key.
    pub(crate) async fn with_account(&self, keystore: &KeystoreArgs) -> anyhow::Result<Chain> {
        let signer = keys::signer(&keystore.account().required()?)?;
        let deployment = Deployment::load(&self.deployment)?;
        Ok(Chain::connect(&self.rpc, deployment, Some(signer)).await?)
    }
}
