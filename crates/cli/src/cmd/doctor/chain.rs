//! The chain as its providers show it, and what it holds of an account and a node.

use std::time::{SystemTime, UNIX_EPOCH};

use alloy::primitives::utils::format_ether;
use tatum_chain::{Chain, Deployment, Endpoints};
use tatum_node::NodeKey;
use tatum_primitives::{Address, U256};

use super::Args;
use super::report::{Report, in_full};
use crate::amounts::format_data;
use crate::followed::Followed;
use crate::keys::{self, KeySource};

/// A provider whose newest block is older lags, on any chain that people use.
const OLD_BLOCK_S: u64 = 300;
/// A block is from the future only where the clock is behind.
const EARLY_BLOCK_S: u64 = 15;
/// What a handful of transactions costs, in wei of the chain's own coin.
const LITTLE_GAS_WEI: u64 = 1_000_000_000_000_000;

/// Looks at the chain; says whether it is one of this machine only, where loopback addresses are meant.
pub(super) async fn look(args: &Args, report: &mut Report) -> bool {
    let deployment = match args.chain.deployment.load() {
        Ok(deployment) => deployment,
        Err(error) => {
            let advice = "name the deployment's file with --deployment or TATUM_DEPLOYMENT";
            report.problem("deployment", in_full(error), advice);
            return false;
        }
    };
    let is_local = deployment.is_local();
    let mut answering = None;
    for rpc in &args.chain.endpoints.rpc {
        answering = endpoint(rpc, &deployment, is_local, report).await.or(answering);
    }
    if args.confirmations == 0 && !is_local {
        report.warn(
            "confirmations",
            "the newest block is relied on, which a reorganisation may take back",
            "run processes with --confirmations of the chain's usual depth (12 on Ethereum, 64 on Polygon)",
        );
    }
    if let Some(chain) = answering {
        account(&chain, args, report).await;
        node(args, report).await;
    }
    is_local
}

/// One endpoint; the chain behind it, if it is the deployment's.
async fn endpoint(
    rpc: &str,
    deployment: &Deployment,
    is_local: bool,
    report: &mut Report,
) -> Option<Chain> {
    let connected = match Endpoints::new([rpc]) {
        Ok(endpoint) => Chain::connect(&endpoint, deployment.clone()).await,
        Err(error) => Err(error),
    };
    match connected {
        Ok(chain) => {
            head(&chain, is_local, report).await;
            Some(chain)
        }
        Err(error) => {
            let advice = "check --rpc and --deployment: both have to be of one chain, and the provider has to answer";
            report.problem("chain", in_full(error), advice);
            None
        }
    }
}

/// The newest block's age tells of the provider and of the clock.
async fn head(chain: &Chain, is_local: bool, report: &mut Report) {
    let (number, time_s) = match chain.head().await {
        Ok(head) => head,
        Err(error) => {
            return report.problem("chain", in_full(error), "try again, or name another --rpc");
        }
    };
    let now_s = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (age_s, early_s) = (now_s.saturating_sub(time_s), time_s.saturating_sub(now_s));
    let what = format!("chain {}, block {number}", chain.deployment().chain_id);
    if is_local || (age_s <= OLD_BLOCK_S && early_s <= EARLY_BLOCK_S) {
        report.ok("chain", format!("{what}; all contracts are there"));
    } else if early_s > EARLY_BLOCK_S {
        let found = format!("{what} is {early_s} s in the future of this machine");
        report.problem("clock", found, "set the clock; receipts of a wrong epoch are rejected");
    } else {
        let found = format!("{what} is {age_s} s old");
        report.problem(
            "chain",
            found,
            "the provider lags: name another --rpc; or the clock is ahead: set it",
        );
    }
}

/// What the account can do whose key is given.
async fn account(chain: &Chain, args: &Args, report: &mut Report) {
    let key = args
        .keystore
        .account()
        .find()
        .and_then(|secret| secret.as_ref().map(keys::signer).transpose());
    match key {
        Ok(None) => {}
        Ok(Some(signer)) => {
            if let Err(error) = try_account(chain, signer.address(), report).await {
                report.problem("account", in_full(error), "try again, or name another --rpc");
            }
        }
        Err(error) => {
            report.problem(
                "account key",
                format!("{error:#}"),
                "check --keystore and its password",
            );
        }
    }
}

async fn try_account(
    chain: &Chain,
    account: Address,
    report: &mut Report,
) -> tatum_chain::Result<()> {
    let gas_wei = chain.gas_balance_wei(account).await?;
    let has = format!("{account} has {} of the chain's coin for gas", format_ether(gas_wei));
    if gas_wei.is_zero() {
        report.problem("gas", has, "send it some: no transaction can be paid for");
    } else if gas_wei < U256::from(LITTLE_GAS_WEI) {
        report.warn("gas", has, "send it more before it is used up");
    } else {
        report.ok("gas", has);
    }
    let stake = chain.stake_status(account).await?;
    report.ok(
        "stake",
        format!(
            "it stakes {} and holds {}",
            format_data(stake.stake_wei),
            format_data(stake.balance_wei)
        ),
    );
    let minimum_wei = chain.minimum_bond_wei().await?;
    for id in chain.operators_of(account).await? {
        let status = chain.operator_status(id).await?;
        let found = format!("operator {id} has a bond of {}", format_data(status.bond_wei));
        if status.bond_wei < minimum_wei {
            let advice = "`tatum operator add-bond` brings it to the minimum; below it the operator does not count";
            report.problem("bond", format!("{found}, of {}", format_data(minimum_wei)), advice);
        } else {
            report.ok("bond", found);
        }
    }
    Ok(())
}

/// Whose node a key is.
async fn node(args: &Args, report: &mut Report) {
    let source = KeySource::of_node(args.node_keystore.as_deref(), args.keystore.password_file());
    let id = match source.find() {
        Ok(Some(secret)) => NodeKey::from_bytes(&secret).id(),
        Ok(None) => return,
        Err(error) => {
            return report.problem(
                "node key",
                format!("{error:#}"),
                "check --node-keystore and its password",
            );
        }
    };
    match Followed::new(&args.chain, args.confirmations).await {
        Ok(followed) => match followed.view.operator_of(id) {
            Some(operator) => {
                report.ok("registration", format!("node {id} belongs to operator {operator}"));
            }
            None => report.problem(
                "registration",
                format!("node {id} belongs to no operator and earns nothing"),
                "`tatum operator add-node` adds it",
            ),
        },
        Err(error) => {
            report.problem(
                "registration",
                format!("{error:#}"),
                "try again, or name another --rpc",
            );
        }
    }
}
