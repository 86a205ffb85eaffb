//! A connection to one deployment: reads, and transactions that are confirmed before they count.
//!
//! Invariant: a `Chain` exists only for an endpoint that serves the deployment's chain and holds its contracts.

use std::path::Path;

use alloy::contract::{CallBuilder, CallDecoder};
use alloy::eips::BlockId;
use alloy::network::Ethereum;
use alloy::primitives::{B256, TxHash, hex};
use alloy::providers::{DynProvider, Provider, ProviderBuilder};
use alloy::rpc::types::{Filter, Log, TransactionReceipt};
use alloy::signers::local::PrivateKeySigner;
use tatum_primitives::{Address, Domain, Epoch, EpochSchedule, U256};

use crate::bindings::demands::Demands;
use crate::bindings::disproofs::Disproofs;
use crate::bindings::overage::Overage;
use crate::bindings::{
    Assents, ChannelHub, DataToken, DelegationFactory, DelegationPool, Distributor, ForcedReceipts,
    OperatorRegistry, SponsorFactory, SponsorVault, StakePool,
};
use crate::journal::Journal;
use crate::logs::PieceSize;
use crate::transactions::Sender;
use crate::{ChainError, Deployment, Endpoints, Result};

pub(crate) type Token = DataToken::DataTokenInstance<DynProvider>;
pub(crate) type Pool = StakePool::StakePoolInstance<DynProvider>;
pub(crate) type Delegations = DelegationPool::DelegationPoolInstance<DynProvider>;
pub(crate) type Registry = OperatorRegistry::OperatorRegistryInstance<DynProvider>;
pub(crate) type Payouts = Distributor::DistributorInstance<DynProvider>;
pub(crate) type Court = Disproofs::DisproofsInstance<DynProvider>;
pub(crate) type Questions = Demands::DemandsInstance<DynProvider>;
pub(crate) type Bills = Overage::OverageInstance<DynProvider>;
pub(crate) type Signers = Assents::AssentsInstance<DynProvider>;
pub(crate) type Hub = ChannelHub::ChannelHubInstance<DynProvider>;
pub(crate) type Pools = DelegationFactory::DelegationFactoryInstance<DynProvider>;
pub(crate) type Vaults = SponsorFactory::SponsorFactoryInstance<DynProvider>;
pub(crate) type Vault = SponsorVault::SponsorVaultInstance<DynProvider>;
pub(crate) type Forcing = ForcedReceipts::ForcedReceiptsInstance<DynProvider>;

/// A connection to one deployment, with or without a key to send transactions.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Apart: with it, whatever holds a connection over an await would be too large for a stack.
    deployment: Box<Deployment>,
    sender: Option<Sender>,
    pieces: PieceSize,
    pub(crate) provider: DynProvider,
    pub(crate) token: Token,
    pub(crate) pool: Pool,
    pub(crate) registry: Registry,
    pub(crate) distributor: Payouts,
    pub(crate) disproofs: Court,
    pub(crate) demands: Questions,
    pub(crate) assents: Signers,
    pub(crate) forced_receipts: Forcing,
    pub(crate) overage: Bills,
    pub(crate) channel_hub: Hub,
    pub(crate) delegation_factory: Pools,
    pub(crate) sponsor_factory: Vaults,
}

impl Chain {
    /// Connects and makes sure that this is the deployment's chain. It can only read.
    pub async fn connect(endpoints: &Endpoints, deployment: Deployment) -> Result<Self> {
        let provider = provider_of(endpoints)?;
        let chain = Self {
            token: DataToken::new(deployment.token, provider.clone()),
            pool: StakePool::new(deployment.stake_pool, provider.clone()),
            registry: OperatorRegistry::new(deployment.operator_registry, provider.clone()),
            distributor: Distributor::new(deployment.distributor, provider.clone()),
            disproofs: Disproofs::new(deployment.disproofs, provider.clone()),
            demands: Demands::new(deployment.demands, provider.clone()),
            assents: Assents::new(deployment.assents, provider.clone()),
            forced_receipts: ForcedReceipts::new(deployment.forced_receipts, provider.clone()),
            overage: Overage::new(deployment.overage, provider.clone()),
            channel_hub: ChannelHub::new(deployment.channel_hub, provider.clone()),
            delegation_factory: DelegationFactory::new(
                deployment.delegation_factory,
                provider.clone(),
            ),
            sponsor_factory: SponsorFactory::new(deployment.sponsor_factory, provider.clone()),
            deployment: Box::new(deployment),
            sender: None,
            pieces: PieceSize::default(),
            provider,
        };
        chain.check_deployment().await?;
        Ok(chain)
    }

    /// The same, sending with `signer`'s key. What is signed is written down in the folder `journals` before it is sent, if one
    /// is named: then a later process learns what became of it before it sends anything.
    pub async fn signing(
        mut self,
        signer: PrivateKeySigner,
        journals: Option<&Path>,
    ) -> Result<Self> {
        let journal = match journals {
            Some(folder) => {
                let (name, _) = journal_of(&self.provider, signer.address()).await?;
                Journal::load(folder.join(name))?
            }
            None => Journal::default(),
        };
        self.sender = Some(Sender::new(signer, self.provider.clone(), journal));
        Ok(self)
    }

    async fn check_deployment(&self) -> Result<()> {
        let (got, expected) = (self.provider.get_chain_id().await?, self.deployment.chain_id);
        if got != expected {
            return Err(ChainError::WrongChain { got, expected });
        }
        for address in self.deployment.contracts() {
            if self.provider.get_code_at(address).await?.is_empty() {
                return Err(ChainError::NoContract { address });
            }
        }
        Ok(())
    }

    /// The deployment's addresses.
    pub fn deployment(&self) -> &Deployment {
        &self.deployment
    }

    /// The EIP-712 domain of the deployment's receipts.
    pub fn domain(&self) -> Domain {
        self.deployment.domain()
    }

    /// The account transactions are sent from.
    pub fn account(&self) -> Result<Address> {
        Ok(self.sender()?.account())
    }

    /// The newest block's number and its time in seconds.
    pub async fn head(&self) -> Result<(u64, u64)> {
        let block = self.provider.get_block(BlockId::latest()).await?;
        let header =
            block.ok_or(ChainError::OutOfRange { what: "head", value: "none".into() })?.header;
        Ok((header.number, header.timestamp))
    }

    /// When epochs begin and end.
    pub async fn schedule(&self) -> Result<EpochSchedule> {
        let genesis = self.pool.genesis();
        let length = self.pool.epochLength();
        let (genesis, length) =
            tokio::join!(genesis.call().into_future(), length.call().into_future());
        Ok(EpochSchedule {
            genesis_s: genesis.map_err(|e| ChainError::from_call("reading the genesis", e))?,
            length_s: length.map_err(|e| ChainError::from_call("reading the epoch length", e))?,
        })
    }

    /// How many epochs are closed: epochs below this number are history.
    pub async fn closed_epochs(&self) -> Result<u64> {
        self.pool
            .closedEpochs()
            .call()
            .await
            .map_err(|e| ChainError::from_call("reading the closed epochs", e))
    }

    /// Closes every epoch that has ended, if any is open.
    pub async fn close_epochs(&self) -> Result<TxHash> {
        self.send("closing the epoch", self.pool.closeEpochs()).await.map(|r| r.transaction_hash)
    }

    /// The fee pots of epochs `0 ..= epoch`, in wei.
    pub async fn funded_through_wei(&self, epoch: Epoch) -> Result<U256> {
        self.pool
            .fundedThroughWei(epoch.0)
            .call()
            .await
            .map_err(|e| ChainError::from_call("reading the funded amount", e))
    }

    /// DATA held by `account`, in wei.
    pub async fn balance_wei(&self, account: Address) -> Result<U256> {
        self.token
            .balanceOf(account)
            .call()
            .await
            .map_err(|e| ChainError::from_call("reading a balance", e))
    }

    /// What an account has of the chain's own coin, to pay for gas.
    pub async fn gas_balance_wei(&self, account: Address) -> Result<U256> {
        Ok(self.provider.get_balance(account).await?)
    }

    /// Sends DATA.
    pub async fn transfer(&self, to: Address, amount_wei: U256) -> Result<TxHash> {
        let call = self.token.transfer(to, amount_wei);
        self.send("sending DATA", call).await.map(|r| r.transaction_hash)
    }

    /// Waits for what an earlier process sent for our account and did not see the end of, so that what is read afterwards has
    /// it in it.
    pub async fn settle_open(&self) -> Result<()> {
        self.sender()?.settle_open().await
    }

    /// Makes sure that our account holds `amount_wei`.
    pub async fn check_holds(&self, amount_wei: U256) -> Result<()> {
        let account = self.account()?;
        let held_wei = self.balance_wei(account).await?;
        if held_wei < amount_wei {
            return Err(ChainError::TooLittleData { account, held_wei, needed_wei: amount_wei });
        }
        Ok(())
    }

    /// Lets `spender` take `amount_wei` from our account, which must hold it, unless it may already.
    pub(crate) async fn approve(&self, spender: Address, amount_wei: U256) -> Result<()> {
        self.check_holds(amount_wei).await?;
        if self.allowed_wei(self.account()?, spender).await? >= amount_wei {
            return Ok(());
        }
        self.send("approving DATA", self.token.approve(spender, amount_wei)).await.map(drop)
    }

    /// Sends a transaction and waits until it is mined and has succeeded.
    pub(crate) async fn send<P: Provider, D: CallDecoder>(
        &self,
        action: &'static str,
        call: CallBuilder<P, D, Ethereum>,
    ) -> Result<TransactionReceipt> {
        // Boxed, because whoever sends several would carry the whole of it several times.
        Box::pin(self.sender()?.send(action, call)).await
    }

    /// What `filter` finds in the blocks `from ..= to`, in chain order.
    pub(crate) async fn logs(&self, filter: &Filter, from: u64, to: u64) -> Result<Vec<Log>> {
        self.pieces.logs(&self.provider, filter, from, to).await
    }

    /// What `filter` finds from block `from` on.
    pub(crate) async fn logs_since(&self, filter: &Filter, from: u64) -> Result<Vec<Log>> {
        self.logs(filter, from, self.provider.get_block_number().await?).await
    }

    pub(crate) fn sender(&self) -> Result<&Sender> {
        self.sender.as_ref().ok_or(ChainError::NoSigner)
    }
}

/// Asks the endpoints, and fills nothing in.
pub(crate) fn provider_of(endpoints: &Endpoints) -> Result<DynProvider> {
    let provider = ProviderBuilder::new().disable_recommended_fillers();
    Ok(provider.connect_client(endpoints.client()?).erased())
}

/// The name of an account's journal, and the chain's first block, which is part of it: local chains share one id, and a transaction
/// of one must not be sent to another.
pub(crate) async fn journal_of(provider: &DynProvider, account: Address) -> Result<(String, B256)> {
    let first = provider.get_block_by_number(0.into()).await?;
    let missing = || ChainError::OutOfRange { what: "block", value: "0".into() };
    let hash = first.ok_or_else(missing)?.header.hash;
    let name = format!("transactions-{}-{account:#x}.json", hex::encode(hash.split_at(8).0));
    Ok((name, hash))
}
