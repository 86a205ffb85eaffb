//! What has to be on the chain before the services start: contracts, an operator for each relay, stakes, session keys.
//!
//! Invariant: each step looks whether it is done before it does anything, so a network that was stopped at any of them goes on,
//! and one that slept for many epochs has its stakes again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use futures_util::future::try_join_all;
use tatum_chain::deploy::{Deployer, LongWindows, Parameters};
use tatum_chain::{Chain, ChainError, Deployment, Endpoints, PrivateKeySigner, follow};
use tatum_devnet::give_coin;
use tatum_primitives::{Address, NodeId, U256, WEI_PER_DATA, millis};

use super::folder::Folder;
use crate::cmd::deploy;
use crate::keys;
use crate::output::Output;

/// What a payer has staked after a start, and the least with which it is left as it is, in DATA.
const STAKE_DATA: u64 = 1_000;
const LEAST_STAKE_DATA: u64 = 500;
/// What others are given, in DATA: enough for a bond and some more.
const OPERATOR_DATA: u64 = 6_000;
const PROPOSER_DATA: u64 = 10_000;
/// Accounts below so much of the coin are given some.
const LEAST_COIN_WEI: u64 = 1_000_000_000_000_000_000;

/// Brings the chain so far; tells when all of it counts, in milliseconds since 1970.
pub(super) async fn set(folder: &Folder, output: Output) -> anyhow::Result<u64> {
    if !folder.deployment_file().exists() {
        output.progress("deploying the contracts …");
        deploy_contracts(folder, output).await?;
    }
    let stage = Stage::new(folder).await?;
    output.progress("looking after accounts, stakes and bonds …");
    stage.give_all().await?;
    let relays = 0..folder.ports().relays.len();
    let operators = try_join_all(relays.map(|relay| stage.register(relay)));
    let payers = try_join_all(["publisher", "subscriber"].map(|payer| stage.stake(payer)));
    let (registered, staked) = tokio::try_join!(operators, payers)?;
    let (_, now_s) = stage.chain.head().await?;
    let schedule = stage.chain.schedule().await?;
    if registered.into_iter().chain(staked).any(|is_new| is_new) {
        let counts = schedule.epoch_at_ms(now_s.saturating_mul(1_000)).next();
        // A block later the services have seen it.
        return Ok(schedule.start_ms(counts).saturating_add(1_000));
    }
    Ok(0)
}

/// Waits until then.
pub(super) async fn until(ready_at_ms: u64, output: Output) {
    let now_ms = millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default());
    let left = Duration::from_millis(ready_at_ms.saturating_sub(now_ms));
    if !left.is_zero() {
        output.progress(format!(
            "waiting {} s for the epoch from which on stakes and bonds count …",
            left.as_secs()
        ));
        tokio::time::sleep(left).await;
    }
}

async fn deploy_contracts(folder: &Folder, output: Output) -> anyhow::Result<()> {
    let rpc = Folder::url(folder.ports().chain);
    let signer = signer(folder, "deployer")?;
    give_coin(&rpc, signer.address()).await?;
    let journals = folder.at("state");
    let deployer = Deployer::connect(&rpc.parse()?, signer, Some(&journals)).await?;
    let out = folder.deployment_file();
    let begun_file = out.with_extension("begun.json");
    let begun = deployer.begin(&begun_file, &parameters(folder.epoch_length_s())?).await?;
    deploy::deploy(&deployer, &begun, &begun_file, &out, output).await?;
    Ok(())
}

/// Those of `local`, with windows that go with short epochs.
fn parameters(epoch_length: u64) -> anyhow::Result<Parameters> {
    let fifth = (epoch_length / 5).clamp(2, 60);
    let windows = LongWindows {
        grace: fifth,
        force: 0,
        settle: 0,
        challenge: fifth,
        answer: fifth,
        follow: fifth / 2,
    };
    Ok(Parameters { epoch_length, windows, ..Parameters::well_known("local")? })
}

fn signer(folder: &Folder, name: &str) -> anyhow::Result<PrivateKeySigner> {
    keys::signer(&keys::decrypt(&folder.key_file(name), Some(&folder.password_file()))?)
}

struct Stage<'a> {
    folder: &'a Folder,
    endpoints: Endpoints,
    /// For reading.
    chain: Chain,
}

impl<'a> Stage<'a> {
    async fn new(folder: &'a Folder) -> anyhow::Result<Self> {
        let rpc = Folder::url(folder.ports().chain);
        let endpoints: Endpoints = rpc.parse()?;
        let deployment = Deployment::load(&folder.deployment_file())?;
        let chain = match Chain::connect(&endpoints, deployment).await {
            Err(ChainError::NoContract { .. }) => anyhow::bail!(
                "the chain's state is lost: it was ended by force, and {} is of an earlier time. Remove {} to make a new network",
                folder.at("chain.json").display(),
                folder.at("").display()
            ),
            connected => connected.context("connecting to the chain")?,
        };
        Ok(Self { folder, endpoints, chain })
    }

    fn address(&self, name: &str) -> anyhow::Result<Address> {
        self.folder.account(name)?.id.parse().with_context(|| format!("{name} has no address"))
    }

    /// Sending as somebody, whose key file takes a second to open.
    async fn sending(&self, name: &str) -> anyhow::Result<Chain> {
        let signer = signer(self.folder, name)?;
        let chain = Chain::connect(&self.endpoints, self.chain.deployment().clone()).await?;
        Ok(chain.signing(signer, Some(&self.folder.at("state"))).await?)
    }

    /// Coin for everybody, and DATA for whom it has yet to bond or stake.
    async fn give_all(&self) -> anyhow::Result<()> {
        let mut gifts = Vec::new();
        let mut spenders = vec!["deployer".to_owned(), "proposer".to_owned()];
        if self.chain.balance_wei(self.address("proposer")?).await?.is_zero()
            && self.chain.closed_epochs().await? == 0
        {
            gifts.push(("proposer".to_owned(), PROPOSER_DATA));
        }
        for relay in 0..self.folder.ports().relays.len() {
            let name = format!("operator-{relay}");
            if self.lacks_operator(&name).await? && self.is_poor(&name, OPERATOR_DATA).await? {
                gifts.push((name.clone(), OPERATOR_DATA));
            }
            spenders.push(name);
        }
        for name in ["publisher", "subscriber"] {
            if self.lacks_stake(name).await? && self.is_poor(name, STAKE_DATA).await? {
                gifts.push((name.to_owned(), STAKE_DATA));
            }
            spenders.push(name.to_owned());
        }
        self.give_coin(&spenders).await?;
        self.give_data(&gifts).await
    }

    async fn give_coin(&self, names: &[String]) -> anyhow::Result<()> {
        let rpc = Folder::url(self.folder.ports().chain);
        for name in names {
            let address = self.address(name)?;
            if self.chain.gas_balance_wei(address).await? < U256::from(LEAST_COIN_WEI) {
                give_coin(&rpc, address).await?;
            }
        }
        Ok(())
    }

    async fn give_data(&self, gifts: &[(String, u64)]) -> anyhow::Result<()> {
        if gifts.is_empty() {
            return Ok(());
        }
        let deployer = self.sending("deployer").await?;
        for (name, amount) in gifts {
            deployer.transfer(self.address(name)?, data(*amount)).await?;
        }
        Ok(())
    }

    async fn is_poor(&self, name: &str, needed: u64) -> anyhow::Result<bool> {
        Ok(self.chain.balance_wei(self.address(name)?).await? < data(needed))
    }

    async fn lacks_operator(&self, name: &str) -> anyhow::Result<bool> {
        Ok(self.chain.operators_of(self.address(name)?).await?.is_empty())
    }

    async fn lacks_stake(&self, name: &str) -> anyhow::Result<bool> {
        let terms = self.chain.stake_terms(self.address(name)?).await?;
        Ok(terms.stake_wei < data(LEAST_STAKE_DATA))
    }

    /// An operator with its node; whether anything was to be done.
    async fn register(&self, relay: usize) -> anyhow::Result<bool> {
        let name = format!("operator-{relay}");
        let id = &self.folder.account(&format!("relay-{relay}"))?.id;
        let node: NodeId = id.parse().with_context(|| format!("relay-{relay} has no node id"))?;
        let owned = self.chain.operators_of(self.address(&name)?).await?;
        if let Some(operator) = owned.first() {
            let (view, _follower) = follow(self.chain.clone(), 0, Duration::from_secs(60)).await?;
            if view.nodes_of(*operator).contains(&node) {
                return Ok(false);
            }
        }
        let sending = self.sending(&name).await?;
        let operator = match owned.first() {
            Some(operator) => *operator,
            None => {
                let payout = sending.account()?;
                let bond = u128::try_from(sending.minimum_bond_wei().await?)?;
                sending.register_operator(payout, bond, u64::MAX, name.clone()).await?
            }
        };
        sending.add_node(operator, node).await?;
        Ok(true)
    }

    /// A stake and a session key; whether anything was to be done.
    async fn stake(&self, name: &str) -> anyhow::Result<bool> {
        let (payer, session) = (self.address(name)?, self.address(&format!("{name}-session"))?);
        let terms = self.chain.stake_terms(payer).await?;
        let lacks_key = !self.chain.is_authorized(payer, session, terms.epoch.next()).await?;
        let lacks_stake = terms.stake_wei < data(LEAST_STAKE_DATA);
        if !(lacks_key || lacks_stake) {
            return Ok(false);
        }
        let sending = self.sending(name).await?;
        if lacks_stake {
            sending.stake(data(STAKE_DATA).saturating_sub(terms.stake_wei)).await?;
        }
        if lacks_key {
            let file = self.folder.key_file(&format!("{name}-session"));
            let secret = keys::decrypt(&file, Some(&self.folder.password_file()))?;
            sending.authorize_session_key(&keys::session_key(&secret)?).await?;
        }
        Ok(true)
    }
}

/// Whole DATA in wei.
fn data(amount: u64) -> U256 {
    U256::from(amount).saturating_mul(U256::from(WEI_PER_DATA))
}
