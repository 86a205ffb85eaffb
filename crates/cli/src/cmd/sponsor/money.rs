//! Money into a sponsors' vault and out of it.

use alloy::primitives::U256;
use anyhow::{Context, bail, ensure};
use tatum_chain::{Chain, Held};
use tatum_primitives::{Address, Epoch};
use tatum_protocol::web::{Sponsor, StakeBy};

use super::vault::OfArgs;
use super::{Sent, changed, shares};
use crate::amounts::{format_data, parse_data};
use crate::args::PartArgs;
use crate::confirm::ConfirmArgs;
use crate::output::Output;

/// How much to sponsor.
#[derive(Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Amount in DATA, 0.1 at least
    #[arg(value_parser = parse_data)]
    amount: U256,
    /// How the vault gets it
    #[arg(long, value_enum, default_value = "permit")]
    by: By,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OfArgs,
}

/// How a vault gets what is sponsored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// One transaction with a signed permit (EIP-2612); names the fewest shares that are taken
    Permit,
    /// An approval and a second transaction; names the fewest shares that are taken
    Approve,
    /// One transaction that hands the tokens over (ERC-677), at the price that there is
    Transfer,
}

impl From<By> for StakeBy {
    fn from(by: By) -> Self {
        match by {
            By::Permit => Self::Permit,
            By::Approve => Self::Approve,
            By::Transfer => Self::TransferAndCall,
        }
    }
}

/// How much to ask for.
#[derive(Debug, clap::Args)]
pub(crate) struct RemoveArgs {
    #[command(flatten)]
    part: PartArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OfArgs,
}

/// Which request to redeem.
#[derive(Debug, clap::Args)]
pub(crate) struct RedeemArgs {
    /// The epoch of the request; otherwise the oldest that can be redeemed
    #[arg(long, value_name = "EPOCH")]
    requested: Option<Epoch>,
    #[command(flatten)]
    of: OfArgs,
}

pub(super) async fn add(args: &AddArgs, output: Output) -> anyhow::Result<()> {
    let vault = args.of.vault;
    let chain = args.of.account.connect().await?;
    chain.settle_open().await?;
    let bought = shares(chain.check_sponsoring(vault, args.amount).await?);
    let (account, amount) = (chain.account()?, format_data(args.amount));
    let what = format!("put {amount} of {account} into the vault {vault} for {bought} shares");
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.sponsor(vault, args.amount, args.by.into()).await?;
        let staked = chain.stake_sponsored_if_any(vault).await.with_context(|| {
            format!("it is sponsored by {transaction}, do not add it again; but staking it failed: `tatum sponsor stake` does it")
        })?;
        changed(&chain, vault, Sent { staked, ..transaction.into() }, output).await?;
    }
    Ok(())
}

pub(super) async fn remove(args: &RemoveArgs, output: Output) -> anyhow::Result<()> {
    let vault = args.of.vault;
    let chain = args.of.account.connect().await?;
    chain.settle_open().await?;
    let status = chain.vault_status(vault, Some(chain.account()?)).await?;
    let Sponsor { account, shares, worth_wei, .. } =
        status.sponsor.context("the vault does not tell what the account has")?;
    let held = Held { account, of: "the vault", shares, worth_wei };
    let amount_wei = args.part.amount.unwrap_or(worth_wei);
    let asked = held.shares_for_down("asking for what was sponsored back", amount_wei)?;
    let asked = args.part.amount.map_or(U256::MAX, |_| asked);
    chain.check_request_sponsored(vault, asked).await?;
    let amount = format_data(amount_wei);
    let from = status.epoch.0.saturating_add(status.unbonding_epochs);
    let what = format!(
        "ask the vault {vault} for {amount} of {account} back: what of it is staked pays the fee of epoch {}, and is redeemed from epoch {from} on",
        status.epoch
    );
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.request_sponsored(vault, asked).await?;
        changed(&chain, vault, transaction, output).await?;
    }
    Ok(())
}

pub(super) async fn redeem(args: &RedeemArgs, output: Output) -> anyhow::Result<()> {
    let vault = args.of.vault;
    let chain = args.of.account.connect().await?;
    chain.settle_open().await?;
    let requested = due(&chain, vault, args.requested).await?;
    let (transaction, paid_wei) = chain.redeem_sponsored(vault, requested).await?;
    let sent = Sent { redeemed_wei: Some(paid_wei), ..transaction.into() };
    changed(&chain, vault, sent, output).await
}

/// The request that is to be redeemed, which there is and which would be paid.
async fn due(chain: &Chain, vault: Address, given: Option<Epoch>) -> anyhow::Result<Epoch> {
    let account = chain.account()?;
    let status = chain.vault_status(vault, Some(account)).await?;
    let requests = status.sponsor.map(|sponsor| sponsor.requests).unwrap_or_default();
    let wanted = |epoch: Epoch| given.is_none_or(|given| given == epoch);
    let asked: Vec<_> = requests.iter().filter(|request| wanted(request.requested)).collect();
    if let Some(oldest) = asked.iter().find(|request| request.redeemable) {
        return Ok(oldest.requested);
    }
    let Some(oldest) = asked.first() else {
        bail!("{account} has asked the vault {vault} for nothing that is still to be redeemed");
    };
    let (from, now) = (oldest.redeemable_from, status.epoch);
    ensure!(from <= now, "it is redeemed from epoch {from} on; this is epoch {now}");
    let longest = oldest.requested.0.saturating_add(status.unbonding_epochs.saturating_mul(3));
    bail!(
        "the stake pool did not give it back yet: it waits for the distribution of epoch {} to be final, until epoch {longest} at the longest. Where the vault has more than 50 exits due, `tatum sponsor collect` first",
        oldest.requested
    )
}
