//! What the routes share, and how the chain is read for them.
//!
//! Invariant: no more than [`READS`] requests read the chain at a time; the others wait for a moment, then are turned away.

use std::sync::Arc;
use std::time::Duration;

use tatum_chain::{Chain, ChainView, PaidLast};
use tatum_primitives::{Address, Epoch, OperatorId};
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::web::{
    Account, AsOf, ChannelStatus, DelegationStatus, Delegator, Holding, Network, OperatorStatus,
    QuotaPrice, Sponsor, SponsorHolding, VaultStatus,
};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::asked_transactions::AskedTransactions;
use crate::asks::KnownAsks;
use crate::cache::BlockCache;
use crate::error::ApiError;
use crate::heads::Heads;
use crate::listeners::{Listeners, MostListeners};
use crate::metrics::Metrics;
use crate::relay::Relay;
use crate::streams::KnownStreams;

/// Requests that read the chain at a time.
const READS: usize = 32;
/// How long a request waits for its turn.
const TURN: Duration = Duration::from_secs(5);

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) chain: Chain,
    pub(crate) view: ChainView,
    pub(crate) heads: Heads,
    pub(crate) asks: KnownAsks,
    pub(crate) streams: KnownStreams,
    pub(crate) aggregator: AggregatorClient,
    pub(crate) asked_transactions: AskedTransactions,
    pub(crate) listeners: Listeners,
    pub(crate) metrics: Metrics,
    /// What pays for gas, where that is switched on.
    pub(crate) relay: Option<Relay>,
    reads: Semaphore,
    pub(crate) networks: BlockCache<(), Network>,
    pub(crate) accounts: BlockCache<Address, Account>,
    pub(crate) operators: BlockCache<OperatorId, OperatorStatus>,
    pub(crate) prices: BlockCache<(), Vec<QuotaPrice>>,
    pub(crate) medians: BlockCache<PaidLast, Option<u128>>,
    pub(crate) channels: BlockCache<(Address, OperatorId), ChannelStatus>,
    pools: BlockCache<OperatorId, DelegationStatus>,
    pub(crate) delegators: BlockCache<RequestPage, Delegator>,
    pub(crate) holdings: BlockCache<(OperatorId, Address), Holding>,
    vaults: BlockCache<Address, VaultStatus>,
    pub(crate) sponsors: BlockCache<SponsorPage, Sponsor>,
    pub(crate) sponsored: BlockCache<(Address, Address), SponsorHolding>,
}

/// Whose requests of a pool are told: those of so many epochs before one.
type RequestPage = (OperatorId, Address, Option<Epoch>, usize);
/// The same of a vault.
type SponsorPage = (Address, Address, Option<Epoch>, usize);

impl Api {
    pub(crate) fn new(
        chain: Chain,
        view: ChainView,
        (heads, asks, streams): (Heads, KnownAsks, KnownStreams),
        aggregator: AggregatorClient,
        listeners: MostListeners,
        relay: Option<Relay>,
    ) -> Self {
        let shared = Shared {
            chain,
            view,
            heads,
            asks,
            streams,
            aggregator,
            asked_transactions: AskedTransactions::default(),
            listeners: Listeners::new(listeners),
            metrics: Metrics::default(),
            relay,
            reads: Semaphore::new(READS),
            networks: BlockCache::default(),
            accounts: BlockCache::default(),
            operators: BlockCache::default(),
            prices: BlockCache::default(),
            medians: BlockCache::default(),
            channels: BlockCache::default(),
            pools: BlockCache::default(),
            delegators: BlockCache::default(),
            holdings: BlockCache::default(),
            vaults: BlockCache::default(),
            sponsors: BlockCache::default(),
            sponsored: BlockCache::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The newest block, which an answer says that it is of.
    pub(crate) fn as_of(&self) -> Result<AsOf, ApiError> {
        let newest = self.shared.heads.newest();
        newest.ok_or_else(|| ApiError::busy("the chain's newest block is not known yet"))
    }

    /// A turn to read the chain.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        let turn = tokio::time::timeout(TURN, self.shared.reads.acquire()).await;
        turn.ok()
            .and_then(Result::ok)
            .ok_or_else(|| ApiError::busy("too many requests read the chain; try again shortly"))
    }

    /// An operator, if there is one of that id.
    pub(crate) async fn operator(
        &self,
        id: OperatorId,
    ) -> Result<(AsOf, OperatorStatus), ApiError> {
        self.ensure_operator(id)?;
        let as_of = self.as_of()?;
        let read = async {
            let _turn = self.turn().await?;
            Ok(self.shared.chain.operator_status(id).await?)
        };
        Ok((as_of, self.shared.operators.get(as_of.hash, id, read).await?))
    }

    /// Makes sure that there is an operator of that id.
    pub(crate) fn ensure_operator(&self, id: OperatorId) -> Result<(), ApiError> {
        let missing = || ApiError::not_found(format!("there is no operator {id}"));
        self.shared.view.has_operator(id).then_some(()).ok_or_else(missing)
    }

    /// An operator's pool of delegators, if it has one.
    pub(crate) async fn pool(&self, id: OperatorId) -> Result<(AsOf, DelegationStatus), ApiError> {
        self.ensure_operator(id)?;
        let as_of = self.as_of()?;
        let read = Box::pin(async {
            let _turn = self.turn().await?;
            if !self.shared.chain.has_delegation_pool(id).await? {
                let detail = format!("operator {id} has no pool of delegators");
                return Err(ApiError::not_found(detail));
            }
            Ok(self.shared.chain.delegation_status(id, None).await?)
        });
        Ok((as_of, self.shared.pools.get(as_of.hash, id, read).await?))
    }

    /// A sponsors' vault, if one is there.
    pub(crate) async fn vault(&self, vault: Address) -> Result<(AsOf, VaultStatus), ApiError> {
        let missing = || ApiError::not_found(format!("there is no sponsors' vault at {vault}"));
        let of = self.shared.view.sponsor_vault(vault).ok_or_else(missing)?;
        let as_of = self.as_of()?;
        let read = Box::pin(async {
            let _turn = self.turn().await?;
            let keys = self.shared.view.session_keys_of(vault);
            Ok(self.shared.chain.vault_status_with(&of, keys).await?)
        });
        Ok((as_of, self.shared.vaults.get(as_of.hash, vault, read).await?))
    }
}
