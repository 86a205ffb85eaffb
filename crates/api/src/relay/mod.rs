//! The relay: it pays the gas of stakes by permit and of claims, for who has none, within a budget.
//!
//! Invariant: what a transaction may cost at most is tried, priced and written down as spent before it is signed; what the contracts would
//! refuse is not sent. One request is sent at a time, the next one after what an earlier process sent is known to be over, and none is
//! ended in the middle because its asker went away.
//! Attacks and what they cost: `docs/gas-relay.md`.

mod budget;
mod charges;
mod outcome;
mod under_way;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tatum_chain::{Call, Carried, Chain, ChainError};
use tatum_primitives::{Address, B256, U256};
use tatum_protocol::web::RelayTerms;

use self::budget::{Budget, NotCharged};
use self::charges::{Allowed, ChargeId};
use self::outcome::{Counts, NotCarried, Outcome};
use self::under_way::{Found, UnderWay};
use crate::error::ApiError;
use crate::limits::client;
use crate::listeners::{Listeners, MostListeners, Place};

pub(crate) use self::charges::Payee;
pub(crate) use self::under_way::Taken;

/// Gas that is paid for at most: a stake that also closes many missed epochs takes less.
const MOST_GAS: u64 = 1_500_000;
/// Requests that are in line or under way, in all and of one client. Pools of chains take no more of one account at a time.
const PLACES: MostListeners = MostListeners { in_all: 16, of_one_client: 4 };

/// How the relay is run.
#[derive(Clone, Debug)]
pub struct RelaySettings {
    /// The chain, with the key of the account that pays.
    pub chain: Chain,
    /// What it pays in an hour, in wei of the chain's coin.
    pub wei_per_hour: u128,
    /// Of that, for one account and at the request of one client.
    pub wei_per_address_hour: u128,
    /// The least that a stake or a claim is worth, in wei of DATA.
    pub least_wei: U256,
    /// Where it keeps what it has spent: a folder that is there, and is this process's alone.
    pub folder: PathBuf,
}

/// What somebody wants carried.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// Whom it is for.
    pub(crate) payee: Payee,
    /// The same for the same request.
    pub(crate) fingerprint: B256,
    /// What is sent.
    pub(crate) call: Call,
    /// What the asker can do by itself.
    pub(crate) instead: &'static str,
}

/// Clones share everything.
#[derive(Clone, Debug)]
pub(crate) struct Relay {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    chain: Chain,
    account: Address,
    least_wei: U256,
    budget: Mutex<Budget>,
    under_way: Mutex<UnderWay>,
    places: Listeners,
    /// Whoever holds it may send.
    turn: tokio::sync::Mutex<()>,
    counts: Counts,
}

impl Relay {
    /// Begins with what an earlier process left.
    pub(crate) async fn start(settings: RelaySettings) -> anyhow::Result<Self> {
        let RelaySettings { chain, wei_per_hour, wei_per_address_hour, least_wei, folder } =
            settings;
        let budget = Budget::load(&folder, Allowed { wei_per_hour, wei_per_address_hour })?;
        let account = chain.account()?;
        let relay = Self {
            inner: Arc::new(Inner {
                chain,
                account,
                least_wei,
                budget: Mutex::new(budget),
                under_way: Mutex::default(),
                places: Listeners::new(PLACES),
                turn: tokio::sync::Mutex::default(),
                counts: Counts::default(),
            }),
        };
        let purse_wei = relay.inner.chain.gas_balance_wei(account).await?;
        tracing::info!(%account, %purse_wei, wei_per_hour, wei_per_address_hour, "the relay pays for gas");
        if purse_wei.is_zero() {
            tracing::warn!(%account, "the relay's account has none of the chain's coin, so it can pay for nothing");
        }
        // What an earlier process sent is followed beside; the first request waits for it.
        let catching_up = relay.clone();
        tokio::spawn(async move {
            let _turn = catching_up.inner.turn.lock().await;
            if let Err(error) = catching_up.inner.catch_up().await {
                tracing::warn!(%error, "what the relay sent before is not known to be over yet");
            }
        });
        Ok(relay)
    }

    /// The least that a stake or a claim is worth.
    pub(crate) fn least_wei(&self) -> U256 {
        self.inner.least_wei
    }

    /// The account that pays.
    pub(crate) fn account(&self) -> Address {
        self.inner.account
    }

    /// What was sent for the same request, if that was a moment ago.
    pub(crate) fn repeated(&self, payee: Payee, fingerprint: B256) -> Option<Taken> {
        match locked(&self.inner.under_way).find(payee, fingerprint, Instant::now()) {
            Found::Same(taken) => {
                self.inner.counts.count(Outcome::Repeated);
                Some(taken)
            }
            Found::Nothing | Found::Another => None,
        }
    }

    /// Sends what was asked for by who is at `from`, and answers once it is on its way.
    pub(crate) async fn carry(&self, asked: Asked, from: IpAddr) -> Result<Taken, ApiError> {
        let carried = match self.inner.places.enter(from) {
            Ok(place) => {
                // Apart: an asker that goes away in the middle would take what was signed with it.
                let inner = Arc::clone(&self.inner);
                let sending =
                    tokio::spawn(async move { inner.carry(asked, client(from), place).await });
                sending.await.unwrap_or(Err(NotCarried::Ended))
            }
            Err(_) => Err(NotCarried::Full),
        };
        carried.map_err(|refused| {
            self.inner.counts.refuse(&refused);
            refused.into()
        })
    }

    /// What the relay pays, and what it has.
    pub(crate) async fn terms(&self) -> Result<RelayTerms, ApiError> {
        let Inner { chain, account, least_wei, .. } = &*self.inner;
        let purse_wei = chain.gas_balance_wei(*account).await?;
        let mut budget = locked(&self.inner.budget);
        let (left_wei, allowed) = (budget.left_wei(), budget.allowed());
        Ok(RelayTerms {
            account: *account,
            purse_wei,
            left_wei,
            wei_per_hour: allowed.wei_per_hour,
            wei_per_address_hour: allowed.wei_per_address_hour,
            least_wei: *least_wei,
        })
    }

    /// Its part of the page of metrics.
    pub(crate) fn render(&self) -> String {
        let left_wei = locked(&self.inner.budget).left_wei();
        self.inner.counts.render(left_wei)
    }
}

impl Inner {
    /// The order matters: nothing is tried before what is open is known, nothing charged before it is priced, nothing signed before it is
    /// charged.
    async fn carry(
        self: Arc<Self>,
        asked: Asked,
        client: IpAddr,
        place: Place,
    ) -> Result<Taken, NotCarried> {
        let Asked { payee, fingerprint, call, instead } = asked;
        let _turn = self.turn.lock().await;
        match locked(&self.under_way).find(payee, fingerprint, Instant::now()) {
            Found::Same(taken) => {
                self.counts.count(Outcome::Repeated);
                return Ok(taken);
            }
            Found::Another => return Err(NotCarried::OneAtATime),
            Found::Nothing => {}
        }
        locked(&self.budget).check((payee, client)).map_err(NotCarried::Spent)?;
        let failed = |error| NotCarried::Chain { error, instead };
        self.catch_up().await.map_err(failed)?;
        let priced = self.chain.priced(call, MOST_GAS).await.map_err(failed)?;
        let most_wei = priced.most_wei();
        self.check_purse(most_wei).await?;
        let charged = locked(&self.budget).charge((payee, client), most_wei);
        let charge = charged.map_err(|refused| match refused {
            NotCharged::TooMuch(too_much) => NotCarried::Spent(too_much),
            NotCharged::Disk(error) => NotCarried::Disk(error),
        })?;
        let carried = match self.chain.carry(&priced).await {
            Ok(carried) => carried,
            Err(error) => {
                // An endpoint that gave no answer may have what another one refuses: that stays charged.
                let cost_wei =
                    if matches!(error, ChainError::NotTaken { .. }) { most_wei } else { 0 };
                self.settle(charge, cost_wei);
                return Err(failed(error));
            }
        };
        let taken = Taken { hash: carried.hash(), nonce: carried.nonce() };
        locked(&self.under_way).begin(payee, fingerprint, taken, charge);
        self.counts.count(Outcome::Sent);
        tracing::info!(hash = %taken.hash, ?payee, most_wei, "the relay pays for a transaction");
        tokio::spawn(Arc::clone(&self).follow(carried, (payee, taken, charge), place));
        Ok(taken)
    }

    /// Waits until it is mined; the place is held as long.
    async fn follow(
        self: Arc<Self>,
        carried: Carried,
        (payee, taken, charge): (Payee, Taken, ChargeId),
        place: Place,
    ) {
        match self.chain.cost_of(carried).await {
            Ok(cost) => {
                self.counts.mined(cost.succeeded, cost.wei);
                self.settle(charge, cost.wei);
                tracing::info!(hash = %taken.hash, succeeded = cost.succeeded, cost_wei = cost.wei, "the relay paid");
            }
            // It stays charged, and open, until it is over: the next request waits for that.
            Err(error) => {
                self.counts.lost();
                tracing::warn!(hash = %taken.hash, %error, "what became of a transaction of the relay is not known");
            }
        }
        locked(&self.under_way).end(payee, taken, Instant::now());
        drop(place);
    }

    /// Waits for what nobody follows any more, and books it.
    async fn catch_up(&self) -> Result<(), ChainError> {
        self.chain.settle_open().await?;
        let followed = locked(&self.under_way).followed();
        if let Err(error) = locked(&self.budget).settle_all_but(&followed) {
            tracing::error!(%error, "the relay's book cannot be written");
        }
        Ok(())
    }

    /// Makes sure that the account can pay for this and for all that is open.
    async fn check_purse(&self, most_wei: u128) -> Result<(), NotCarried> {
        let failed = |error| NotCarried::Chain { error, instead: "" };
        let has_wei = self.chain.gas_balance_wei(self.account).await.map_err(failed)?;
        let open_wei = locked(&self.budget).open_wei();
        let needs_wei = U256::from(open_wei).saturating_add(U256::from(most_wei));
        if has_wei < needs_wei {
            return Err(NotCarried::Empty { has_wei, needs_wei });
        }
        Ok(())
    }

    /// Books what a charge came to. If the disk does not take it, the book on it says more than was spent, which harms nobody.
    fn settle(&self, charge: ChargeId, wei: u128) {
        if let Err(error) = locked(&self.budget).settle(charge, wei) {
            tracing::error!(%error, "the relay's book cannot be written");
        }
    }
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
