//! Deploys the contracts: one transaction each, in an order that lets each name those it needs.
//!
//! Invariant: what is deployed depends on the account, its first nonce and the parameters alone, and all three are on disk before
//! the first transaction is. So whoever is killed and started again goes on where it stopped, deploys nothing twice, and comes to
//! the addresses that it would have come to. The order is that of [`Plan`].

mod begun;
mod creation;
mod parameters;
mod plan;
mod tried;

use std::path::{Path, PathBuf};

use alloy::contract::RawCallBuilder;
use alloy::eips::BlockId;
use alloy::primitives::B256;
use alloy::providers::{DynProvider, Provider};
use alloy::signers::local::PrivateKeySigner;
use serde::Serialize;
use tatum_primitives::{Address, U256};

use crate::client::{journal_of, provider_of};
use crate::journal::Journal;
use crate::transactions::Sender;
use crate::{Chain, ChainError, Deployment, Endpoints, Result};

pub use begun::Begun;
pub use parameters::{LongWindows, Parameters, ParametersError, WELL_KNOWN};
pub use plan::{Plan, Planned};
pub use tried::Trial;

/// Why a deployment cannot be made, besides what can go wrong with the chain.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The parameters.
    #[error(transparent)]
    Parameters(#[from] ParametersError),
    /// What was begun cannot be read or written.
    #[error("{}: {reason}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// Another deployment was begun there.
    #[error(
        "{} was begun with {what}; say the same again, or remove that file to begin another deployment", path.display()
    )]
    BegunOtherwise {
        /// The file.
        path: PathBuf,
        /// What differs.
        what: String,
    },
    /// The account was used by somebody else while it deployed.
    #[error(
        "{name} belongs to transaction {expected} of {account}, which has sent {got}: something else was sent from it meanwhile. \
         What was deployed so far holds nothing and is of no use; remove {} and begin again", path.display()
    )]
    NonceGone {
        /// The contract.
        name: &'static str,
        /// Its place in the account's transactions.
        expected: u64,
        /// Where the account is.
        got: u64,
        /// The account.
        account: Address,
        /// The file with what was begun.
        path: PathBuf,
    },
    /// The coin does not reach.
    #[error(
        "{account} has {held_wei} wei of the chain's coin, and the deployment takes up to {needed_wei} wei ({gas} gas); send it more"
    )]
    TooLittleCoin {
        /// The account.
        account: Address,
        /// What it has.
        held_wei: U256,
        /// What is needed.
        needed_wei: U256,
        /// Gas in all.
        gas: u64,
    },
    /// The pool does not name what was deployed beside it.
    #[error("the stake pool at {pool} names another {what}; remove {} and begin again", path.display())]
    Unconnected {
        /// The pool.
        pool: Address,
        /// What it names wrongly.
        what: &'static str,
        /// The file with what was begun.
        path: PathBuf,
    },
}

/// An account on a chain that has no contracts of ours yet.
#[derive(Debug)]
pub struct Deployer {
    endpoints: Endpoints,
    provider: DynProvider,
    sender: Sender,
    chain_id: u64,
    first_block: B256,
}

/// What a deployment came to: the file that all commands read.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    /// What programs need.
    #[serde(flatten)]
    pub deployment: Deployment,
    /// Who may change what can be changed, or zero.
    pub timelock: Address,
    /// Holds proposers' bonds.
    pub bond_vault: Address,
    /// What people may want to know, and programs ask the contracts for.
    #[serde(flatten)]
    pub told: parameters::Told,
}

impl Deployer {
    /// Connects, with the account's journal in the folder `journals`, or without one.
    pub async fn connect(
        endpoints: &Endpoints,
        signer: PrivateKeySigner,
        journals: Option<&Path>,
    ) -> Result<Self> {
        let provider = provider_of(endpoints)?;
        let chain_id = provider.get_chain_id().await?;
        let (name, first_block) = journal_of(&provider, signer.address()).await?;
        let journal = match journals {
            Some(folder) => Journal::load(folder.join(name))?,
            None => Journal::default(),
        };
        let sender = Sender::new(signer, provider.clone(), journal);
        Ok(Self { endpoints: endpoints.clone(), provider, sender, chain_id, first_block })
    }

    /// The account that deploys.
    pub fn account(&self) -> Address {
        self.sender.account()
    }

    /// The chain's id.
    pub const fn chain_id(&self) -> u64 {
        self.chain_id
    }

    /// What was begun in `file`, or a beginning at the account's next transaction, with the genesis at the newest block unless the
    /// parameters name one. Nothing is written.
    pub async fn begin(
        &self,
        file: &Path,
        parameters: &Parameters,
    ) -> std::result::Result<Begun, DeployError> {
        // What an earlier process sent for the account is part of what was begun, or takes nonces before it.
        self.sender.settle_open().await?;
        let newest = self.provider.get_block(BlockId::latest()).await.map_err(ChainError::from)?;
        let none = ChainError::OutOfRange { what: "head", value: "none".into() };
        let head = newest.ok_or(none)?.header;
        let parameters = parameters.clone().checked()?;
        if let Some(begun) = Begun::load(file)? {
            return begun.same_as(
                file,
                (self.chain_id, self.first_block),
                self.account(),
                &parameters,
            );
        }
        let sent = self.provider.get_transaction_count(self.account()).await;
        Ok(Begun {
            chain_id: self.chain_id,
            first_block: self.first_block,
            account: self.account(),
            first_nonce: sent.map_err(ChainError::from)?,
            deploy_block: head.number,
            parameters: parameters.beginning_at(head.timestamp),
        })
    }

    /// Deploys what is missing of `begun`, telling each, and keeps `file` until all of it is there.
    pub async fn deploy(
        &self,
        begun: &Begun,
        file: &Path,
        mut told: impl FnMut(&Planned),
    ) -> std::result::Result<Deployed, DeployError> {
        begun.write(file)?;
        let plan = Plan::of(begun);
        if begun.parameters.token != Address::ZERO {
            self.check_token(begun.parameters.token).await?;
        }
        for planned in &plan.contracts {
            if !self.has_code(planned.address).await? {
                self.create(planned, file).await?;
            }
            told(planned);
        }
        self.finish(begun, &plan, file).await
    }

    /// Whether there is a contract at `address`.
    pub async fn has_code(&self, address: Address) -> Result<bool> {
        Ok(!self.provider.get_code_at(address).await?.is_empty())
    }

    async fn check_token(&self, token: Address) -> Result<()> {
        if self.has_code(token).await? {
            Ok(())
        } else {
            Err(ChainError::NoContract { address: token })
        }
    }

    async fn create(&self, planned: &Planned, file: &Path) -> std::result::Result<(), DeployError> {
        let account = self.account();
        let gone = |got| DeployError::NonceGone {
            name: planned.name,
            expected: planned.nonce,
            got,
            account,
            path: file.to_owned(),
        };
        let next = self.provider.get_transaction_count(account).await.map_err(ChainError::from)?;
        if next != planned.nonce {
            return Err(gone(next));
        }
        let call = RawCallBuilder::new_raw_deploy(self.provider.clone(), planned.creation.clone());
        let receipt = Box::pin(self.sender.send(planned.action, call)).await?;
        if receipt.contract_address == Some(planned.address) { Ok(()) } else { Err(gone(next)) }
    }

    /// Makes sure that the contracts know each other, and tells what was deployed.
    async fn finish(
        &self,
        begun: &Begun,
        plan: &Plan,
        file: &Path,
    ) -> std::result::Result<Deployed, DeployError> {
        let deployment = plan.deployment(begun);
        let chain = Chain::connect(&self.endpoints, deployment.clone()).await?;
        let pool = &chain.pool;
        let read = |e| ChainError::from_call("reading the stake pool", e);
        let pairs = [
            ("token", pool.token().call().await.map_err(read)?, deployment.token),
            ("distributor", pool.distributor().call().await.map_err(read)?, deployment.distributor),
            (
                "operator registry",
                pool.operatorRegistry().call().await.map_err(read)?,
                deployment.operator_registry,
            ),
        ];
        if let Some((what, ..)) = pairs.into_iter().find(|(_, got, expected)| got != expected) {
            let (pool, path) = (deployment.stake_pool, file.to_owned());
            return Err(DeployError::Unconnected { pool, what, path });
        }
        let vault = chain.distributor.bondVault().call().await;
        let bond_vault = vault.map_err(|e| ChainError::from_call("reading the bond vault", e))?;
        let told = begun.parameters.told();
        Ok(Deployed { deployment, timelock: plan.timelock(), bond_vault, told })
    }
}
