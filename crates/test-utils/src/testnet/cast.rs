//! Who takes part: operators with their relays, publishers and subscribers with their stakes.

use crate::Devnet;
use anyhow::Context;
use ed25519_dalek::SigningKey;
use serde::Deserialize;
use tatum_primitives::{Address, B256, Epoch, NodeId, OperatorId, U256, WEI_PER_DATA, keccak256};
use tatum_receipt::SessionKey;

use super::RecordedStream;
use super::tatum;

const STAKE_DATA: &str = "1000";

/// A relay node.
#[derive(Debug)]
pub struct Relay {
    /// A short name, for files.
    pub name: String,
    /// Its ed25519 key.
    pub secret: B256,
    /// Whose it is.
    pub operator: OperatorId,
}

impl Relay {
    /// Its node id.
    pub fn id(&self) -> NodeId {
        node(&self.secret)
    }
}

/// An operator.
#[derive(Debug)]
pub struct Operator {
    /// Its id in the registry.
    pub id: OperatorId,
    /// Its account, which is its payout address too.
    pub account: SessionKey,
}

/// A publisher or subscriber: it pays, and signs receipts with a session key.
#[derive(Debug)]
pub struct Payer {
    /// A short name, for files.
    pub name: String,
    /// Index of its stream.
    pub stream: usize,
    /// Whose stake pays.
    pub account: SessionKey,
    /// Signs messages and receipts.
    pub session: SessionKey,
    /// Whether it pays by channel where it can.
    pub by_channel: bool,
    /// The sponsors' vault that pays in the account's place.
    pub vault: Option<Address>,
}

impl Payer {
    /// A payer of that name on a stream, with a session key of its own, that pays from its stake.
    pub fn new(name: String, account: SessionKey, stream: usize) -> Self {
        let session = Devnet::account(&format!("{name} session"));
        Self { name, stream, account, session, by_channel: false, vault: None }
    }

    /// Who pays.
    pub fn address(&self) -> Address {
        self.vault.unwrap_or_else(|| self.account.address())
    }
}

/// Everybody.
#[derive(Debug)]
pub struct Cast {
    /// The operators, by id.
    pub operators: Vec<Operator>,
    /// All their relays.
    pub relays: Vec<Relay>,
    /// A publisher of each stream.
    pub publishers: Vec<Payer>,
    /// All subscribers.
    pub subscribers: Vec<Payer>,
    /// Propose for the aggregators, each for its own.
    pub proposers: Vec<SessionKey>,
    /// The first epoch for which all of them count. The chain's clock may be ahead of ours, so it is the one that is asked.
    pub first_epoch: Epoch,
}

#[derive(Debug, Deserialize)]
struct Registered {
    operator: OperatorId,
}

impl Cast {
    /// Registers an operator for each of `relays`, with so many relay nodes, and stakes for a publisher and
    /// `subscribers` of each stream.
    pub async fn assemble(
        devnet: &Devnet,
        streams: &[RecordedStream],
        relays: &[usize],
        subscribers_per_stream: usize,
    ) -> anyhow::Result<Self> {
        let assembling = Self::assemble_on_chain(devnet, streams, relays, subscribers_per_stream);
        devnet.anvil().hurry(Box::pin(assembling)).await
    }

    async fn assemble_on_chain(
        devnet: &Devnet,
        streams: &[RecordedStream],
        relays: &[usize],
        subscribers_per_stream: usize,
    ) -> anyhow::Result<Self> {
        let proposers: Vec<SessionKey> =
            ["proposer", "second proposer"].into_iter().map(Devnet::account).collect();
        for proposer in &proposers {
            devnet.fund(proposer.address(), data(10_000)).await?;
        }
        let (mut publishers, mut subscribers) = (Vec::new(), Vec::new());
        for (index, stream) in streams.iter().enumerate() {
            let name = stream.name;
            publishers.push(Payer::new(format!("{name}-publisher"), stream.owner(), index));
            for number in 1..=subscribers_per_stream {
                let name = format!("{name}-subscriber-{number}");
                let account = Devnet::account(&name);
                subscribers.push(Payer::new(name, account, index));
            }
        }
        let payers: Vec<&Payer> = publishers.iter().chain(&subscribers).collect();
        for payer in &payers {
            devnet.fund(payer.account.address(), data(2_000)).await?;
        }
        // Each starts processes that wait for their blocks, so what can go side by side does.
        let mut at_once = tokio::task::JoinSet::new();
        for payer in payers {
            at_once.spawn(run_all(staking(devnet, payer)?));
        }
        let (operators, relays) = register_all(devnet, relays).await?;
        while let Some(staked) = at_once.join_next().await {
            staked??;
        }
        let chain = devnet.connect(&Devnet::account("auditor")).await?;
        let (_, now_s) = chain.head().await?;
        let first_epoch = chain.schedule().await?.epoch_at_ms(now_s.saturating_mul(1_000)).next();
        Ok(Self { operators, relays, publishers, subscribers, proposers, first_epoch })
    }

    /// Who proposes for the aggregator of that number.
    pub fn proposer(&self, aggregator: usize) -> anyhow::Result<&SessionKey> {
        let account = self.proposers.get(aggregator);
        account.with_context(|| format!("nobody proposes for aggregator {aggregator}"))
    }
}

/// Registers the operators one after the other, so that the ids are in order of the names.
async fn register_all(
    devnet: &Devnet,
    relays_of: &[usize],
) -> anyhow::Result<(Vec<Operator>, Vec<Relay>)> {
    let (mut operators, mut relays) = (Vec::new(), Vec::new());
    for (number, count) in relays_of.iter().copied().enumerate() {
        let account = Devnet::account(&format!("operator {number}"));
        devnet.fund(account.address(), data(6_000)).await?;
        let secrets: Vec<B256> = (0..count)
            .map(|relay| keccak256(format!("tatum demo relay {number}.{relay}")))
            .collect();
        let nodes: Vec<String> = secrets.iter().map(|secret| node(secret).to_string()).collect();
        let name = format!("operator-{number}");
        let mut arguments = vec!["operator", "register", "--yes", "--name", &name];
        arguments.extend(nodes.iter().flat_map(|node| ["--node", node]));
        let mut command = tatum::command(devnet, &arguments)?;
        command.env("TATUM_PRIVATE_KEY", tatum::hex(&account));
        let registered: Registered = tatum::json(command).await.context("registering")?;
        let id = registered.operator;
        relays.extend(secrets.into_iter().enumerate().map(|(relay, secret)| Relay {
            name: format!("relay-{id}-{relay}"),
            secret,
            operator: id,
        }));
        operators.push(Operator { id, account });
    }
    Ok((operators, relays))
}

/// Has one more payer stake, as those of the cast did.
pub async fn stake(devnet: &Devnet, payer: &Payer) -> anyhow::Result<()> {
    devnet.fund(payer.account.address(), data(2_000)).await?;
    run_all(staking(devnet, payer)?).await
}

/// The commands with which a payer stakes and authorises its session key.
fn staking(devnet: &Devnet, payer: &Payer) -> anyhow::Result<Vec<tokio::process::Command>> {
    let mut add = tatum::command(devnet, &["stake", "add", "--yes", STAKE_DATA])?;
    add.env("TATUM_PRIVATE_KEY", tatum::hex(&payer.account));
    let mut authorize = tatum::command(devnet, &["session", "authorize"])?;
    authorize
        .env("TATUM_PRIVATE_KEY", tatum::hex(&payer.account))
        .env("TATUM_SESSION_KEY", tatum::hex(&payer.session));
    Ok(vec![add, authorize])
}

async fn run_all(commands: Vec<tokio::process::Command>) -> anyhow::Result<()> {
    for command in commands {
        let _: serde_json::Value = tatum::json(command).await?;
    }
    Ok(())
}

fn data(amount: u128) -> U256 {
    U256::from(amount * WEI_PER_DATA)
}

/// The node id of an ed25519 secret.
pub(super) fn node(secret: &B256) -> NodeId {
    NodeId(B256::from(SigningKey::from_bytes(&secret.0).verifying_key().to_bytes()))
}
