//! A chain with the contracts deployed and accounts that hold DATA.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tatum_chain::deploy::{Deployer, LongWindows, Parameters};
use tatum_chain::{Chain, Deployment, PrivateKeySigner};
use tatum_devnet::{Anvil, AnvilSettings};
use tatum_primitives::{Address, U256, keccak256};
use tatum_receipt::SessionKey;

use crate::repository;

/// What a deployment for tests and demos may choose.
#[derive(Clone, Copy, Debug)]
pub struct DevnetParameters {
    /// Length of an epoch in seconds.
    pub epoch_length_s: u64,
    /// Challenge window in seconds; answers to demands take as long, and asking on half of it.
    pub challenge_window_s: u64,
    /// Seconds after an epoch's end in which receipts are taken and assented to.
    pub grace_s: u64,
    /// Seconds after that in which receipts can be forced.
    pub force_s: u64,
}

/// A chain with the contracts deployed.
#[derive(Debug)]
pub struct Devnet {
    anvil: Anvil,
    deployment: Deployment,
    deployment_file: PathBuf,
    deployer: Chain,
    state: tempfile::TempDir,
}

impl Devnet {
    /// Starts anvil and deploys; logs go to the folder `logs`.
    pub async fn start(parameters: DevnetParameters, logs: &Path) -> anyhow::Result<Self> {
        let anvil = Anvil::start(AnvilSettings::default(), logs).await?;
        let deployer = Self::account("deployer");
        anvil.fund(deployer.address()).await?;
        let deployment_file = anvil.hurry(Box::pin(deploy(&anvil, &deployer, parameters))).await?;
        let deployment = Deployment::load(&deployment_file)?;
        let chain = Chain::connect(&anvil.rpc_url().parse()?, deployment.clone()).await?;
        let deployer = chain.signing(signer(&deployer)?, None).await?;
        let state = tempfile::tempdir().context("making a folder for commands' state")?;
        Ok(Self { anvil, deployment, deployment_file, deployer, state })
    }

    /// The account of that name: always the same key, good for nothing but tests.
    pub fn account(name: &str) -> SessionKey {
        let secret = keccak256(format!("tatum test account {name}"));
        // A keccak is below the group order but for one chance in 2^128.
        SessionKey::from_bytes(&secret.0).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Gives `account` ether for gas, and DATA.
    pub async fn fund(&self, account: Address, data_wei: U256) -> anyhow::Result<()> {
        self.anvil.fund(account).await?;
        self.deployer.transfer(account, data_wei).await.context("handing out DATA")?;
        Ok(())
    }

    /// A connection that sends transactions as `account`.
    pub async fn connect(&self, account: &SessionKey) -> anyhow::Result<Chain> {
        let chain = Chain::connect(&self.rpc_url().parse()?, self.deployment.clone()).await?;
        Ok(chain.signing(signer(account)?, None).await?)
    }

    /// The same through another endpoint, with a journal in `folder`.
    pub async fn connect_through(
        &self,
        rpc_url: &str,
        account: &SessionKey,
        folder: &Path,
    ) -> anyhow::Result<Chain> {
        let chain = Chain::connect(&rpc_url.parse()?, self.deployment.clone()).await?;
        Ok(chain.signing(signer(account)?, Some(folder)).await?)
    }

    /// The chain.
    pub fn anvil(&self) -> &Anvil {
        &self.anvil
    }

    /// Where the chain answers.
    pub fn rpc_url(&self) -> &str {
        self.anvil.rpc_url()
    }

    /// The contracts' addresses.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// Where commands keep what they sent: an account of this name sends on every test's chain.
    pub fn state(&self) -> &Path {
        self.state.path()
    }

    /// The file with the contracts' addresses.
    pub fn deployment_file(&self) -> &Path {
        &self.deployment_file
    }
}

impl Drop for Devnet {
    fn drop(&mut self) {
        // Best effort: a leftover file of a chain that is gone harms nobody.
        let _ = std::fs::remove_file(&self.deployment_file);
    }
}

fn signer(account: &SessionKey) -> anyhow::Result<PrivateKeySigner> {
    PrivateKeySigner::from_slice(account.to_bytes().as_slice()).context("making a signer")
}

/// Deploys as `tatum deploy` does, and writes the file that it would.
async fn deploy(
    anvil: &Anvil,
    deployer: &SessionKey,
    chosen: DevnetParameters,
) -> anyhow::Result<PathBuf> {
    let port = anvil.rpc_url().rsplit(':').next().unwrap_or("0");
    let file = repository().join(format!("deployments/devnet-{}-{port}.json", std::process::id()));
    let begun = file.with_extension("begun.json");
    let account = Deployer::connect(&anvil.rpc_url().parse()?, signer(deployer)?, None).await?;
    let beginning = account.begin(&begun, &chosen.parameters()?).await?;
    let deployed = account.deploy(&beginning, &begun, |_| {}).await.context("deploying")?;
    std::fs::write(&file, serde_json::to_vec_pretty(&deployed)?)
        .with_context(|| format!("writing {}", file.display()))?;
    std::fs::remove_file(&begun).with_context(|| format!("removing {}", begun.display()))?;
    Ok(file)
}

impl DevnetParameters {
    /// Those of `local`, but for what is chosen.
    fn parameters(self) -> anyhow::Result<Parameters> {
        let windows = LongWindows {
            grace: self.grace_s,
            force: self.force_s,
            settle: 0,
            challenge: self.challenge_window_s,
            answer: self.challenge_window_s,
            follow: self.challenge_window_s / 2,
        };
        let local = Parameters::well_known("local")?;
        Ok(Parameters { epoch_length: self.epoch_length_s, windows, ..local })
    }
}
