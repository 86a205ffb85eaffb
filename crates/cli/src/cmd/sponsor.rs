//! `tatum sponsor`: a vault that many put a stake into for somebody's streams, for who sponsors and for the streams' owner.

mod keys;
mod money;
mod vault;

use std::process::ExitCode;

use alloy::primitives::TxHash;
use serde::Serialize;
use tatum_chain::Chain;
use tatum_primitives::{Address, U256};
use tatum_protocol::web::{SessionKeySummary, SponsorRequest, VaultStatus};

use super::stake::{AccountArgs, per_cent};
use crate::amounts::format_data;
use crate::dates::format_utc;
use crate::output::Output;

/// What to do with sponsors' vaults.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make the vault for somebody's streams, until an epoch. Anyone may, for anybody's
    #[command(
        after_help = "Examples:\n  tatum sponsor create --stream 0xf39F…2266/weather --epochs 90 --yes --keystore sponsor.json\n  tatum sponsor create --owner 0xf39F…2266 --stream acme/weather --stream acme/weather#1 --until 400 --yes --keystore sponsor.json\n\nThe vault is a payer: the owner names the keys that sign for it. There is one for each owner, set of streams and end."
    )]
    Create(vault::CreateArgs),
    /// Sponsor: put DATA into a vault for shares of it, and stake it
    #[command(
        after_help = "Examples:\n  tatum sponsor add --vault 0x7099…79C8 100 --dry-run --keystore sponsor.json\n  tatum sponsor add --vault 0x7099…79C8 100 --yes --keystore sponsor.json\n\nThe stake pays the fee of every epoch, and is billed for what the owner's keys sign beyond its quota. Less than a stake's least\nwaits in the vault for more."
    )]
    Add(money::AddArgs),
    /// Ask for some of it back: it is redeemed after the unbonding
    #[command(
        after_help = "Examples:\n  tatum sponsor remove --vault 0x7099…79C8 50 --yes --keystore sponsor.json\n  tatum sponsor remove --vault 0x7099…79C8 --all --yes --keystore sponsor.json\n\nWhat of it is staked pays the running epoch's fee. What was not staked yet can be redeemed at once."
    )]
    Remove(money::RemoveArgs),
    /// Take out what was asked for and has waited long enough
    #[command(
        after_help = "Example:\n  tatum sponsor redeem --vault 0x7099…79C8 --keystore sponsor.json"
    )]
    Redeem(money::RedeemArgs),
    /// Show a vault: its stake and quotas, its keys, and what an account has of it
    #[command(
        after_help = "Examples:\n  tatum sponsor status --vault 0x7099…79C8\n  tatum sponsor status --vault 0x7099…79C8 --account 0xf39F…2266 --json"
    )]
    Status(vault::StatusArgs),
    /// List the vaults that there are
    #[command(
        after_help = "Examples:\n  tatum sponsor list\n  tatum sponsor list --owner 0xf39F…2266 --json"
    )]
    List(vault::ListArgs),
    /// Stake what lies in a vault. Anyone may
    #[command(
        after_help = "Example:\n  tatum sponsor stake --vault 0x7099…79C8 --keystore any.json\n\nNeeded where a sponsor's own command did not come to it, and for what came back because it was too little to stay."
    )]
    Stake(vault::OfArgs),
    /// Have the stake pool give a vault back what is due, 50 exits at once. Anyone may
    #[command(
        after_help = "Example:\n  tatum sponsor collect --vault 0x7099…79C8 --keystore any.json\n\nRedeem and stake do it where they need it."
    )]
    Collect(vault::OfArgs),
    /// Ask for the whole stake of a vault back, from its end epoch on. Anyone may
    #[command(
        after_help = "Example:\n  tatum sponsor end --vault 0x7099…79C8 --keystore any.json\n\nSponsors who ask afterwards wait no second time."
    )]
    End(vault::OfArgs),
    /// For the streams' owner: let a key sign receipts that the vault pays for
    #[command(
        after_help = "Examples:\n  TATUM_SESSION_KEY=0x… tatum sponsor authorize --vault 0x7099…79C8 --yes --keystore owner.json\n  tatum sponsor authorize --vault 0x7099…79C8 --key 0x3C44…93BC --proof 0x6210… --yes --keystore owner.json\n\nWhoever keeps the key elsewhere makes its proof there: `tatum session prove --payer VAULT`. It publishes and subscribes with\n--payer VAULT."
    )]
    Authorize(keys::AuthorizeArgs),
    /// For the streams' owner: take that back after the epochs the key may still sign for
    #[command(
        after_help = "Example:\n  tatum sponsor revoke --vault 0x7099…79C8 0x3C44…93BC --keystore owner.json"
    )]
    Revoke(keys::RevokeArgs),
}

/// A change of a vault that is on chain.
#[derive(Debug, Serialize)]
struct Changed {
    transaction: TxHash,
    #[serde(skip_serializing_if = "Option::is_none")]
    stake_transaction: Option<TxHash>,
    #[serde(skip_serializing_if = "Option::is_none")]
    redeemed_wei: Option<String>,
    #[serde(flatten)]
    status: VaultStatus,
}

/// What was sent.
#[derive(Debug)]
struct Sent {
    transaction: TxHash,
    staked: Option<TxHash>,
    redeemed_wei: Option<U256>,
}

impl From<TxHash> for Sent {
    fn from(transaction: TxHash) -> Self {
        Self { transaction, staked: None, redeemed_wei: None }
    }
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Create(args) => vault::create(&args, *output).await?,
        Command::Add(args) => money::add(&args, *output).await?,
        Command::Remove(args) => money::remove(&args, *output).await?,
        Command::Redeem(args) => money::redeem(&args, *output).await?,
        Command::Status(args) => vault::status(&args, *output).await?,
        Command::List(args) => vault::list(&args, *output).await?,
        Command::Stake(args) => vault::stake(&args, *output).await?,
        Command::Collect(args) => vault::collect(&args, *output).await?,
        Command::End(args) => vault::end(&args, *output).await?,
        Command::Authorize(args) => keys::authorize(&args, *output).await?,
        Command::Revoke(args) => keys::revoke(&args, *output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what transactions made of a vault, and of what our account has of it.
async fn changed(
    chain: &Chain,
    vault: Address,
    sent: impl Into<Sent>,
    output: Output,
) -> anyhow::Result<()> {
    let Sent { transaction, staked, redeemed_wei } = sent.into();
    let status = chain.vault_status(vault, Some(chain.account()?)).await?;
    let mut table = vec![("transaction", transaction.to_string())];
    table.extend(staked.map(|hash| ("staked by", hash.to_string())));
    table.extend(redeemed_wei.map(|wei| ("redeemed", format_data(wei))));
    table.extend(rows(&status));
    let redeemed_wei = redeemed_wei.map(|wei| wei.to_string());
    output
        .result(&Changed { transaction, stake_transaction: staked, redeemed_wei, status }, &table);
    Ok(())
}

fn rows(status: &VaultStatus) -> Vec<(&'static str, String)> {
    let (epoch, next) = (status.epoch, status.epoch.next());
    let mut rows = vec![
        ("vault", status.vault.to_string()),
        ("streams' owner", status.stream_owner.to_string()),
        ("streams", status.streams.to_string()),
        ("ends", end(status)),
        (
            "holds",
            format!("{} for {} shares", format_data(status.total_wei), shares(status.shares)),
        ),
        ("stake", format_data(status.staked_wei)),
        ("fee", format!("{} per cent of the stake in each epoch", per_cent(status.fee_rate_ppb))),
        ("quota", format!("{} bytes in epoch {epoch}", status.quota_bytes)),
        (
            "next quota",
            format!(
                "{} bytes in epoch {next}, from {}",
                status.next_quota_bytes,
                format_utc(status.next_epoch_at_s)
            ),
        ),
    ];
    if status.idle_wei != U256::ZERO {
        rows.push(("not staked yet", idle(status)));
    }
    if status.rest_wei != U256::ZERO {
        let rest = format_data(status.rest_wei);
        rows.push(("on its way back", format!("{rest}, of the shares")));
    }
    rows.push(("owed", format!("{}, asked for and not redeemed", format_data(status.owed_wei))));
    rows.push(("unbonding", format!("{} epochs", status.unbonding_epochs)));
    rows.extend(status.keys.iter().map(|of| ("key", key(of))));
    if let Some(sponsor) = &status.sponsor {
        let worth = format_data(sponsor.worth_wei);
        rows.push(("account", sponsor.account.to_string()));
        rows.push(("has of it", format!("{worth}, {} shares", shares(sponsor.shares))));
        rows.extend(sponsor.requests.iter().map(|request| ("asked for", asked(request))));
        rows.push(("balance", format_data(sponsor.balance_wei)));
    }
    rows
}

fn end(status: &VaultStatus) -> String {
    let epoch = status.end_epoch;
    match status.ended {
        true => format!("ended when epoch {epoch} began"),
        false => format!("when epoch {epoch} begins; this is epoch {}", status.epoch),
    }
}

fn idle(status: &VaultStatus) -> String {
    let idle = format_data(status.idle_wei);
    let stake_wei = status.staked_wei.saturating_add(status.idle_wei);
    if status.ended {
        return format!("{idle}; the vault has ended");
    }
    match status.least_stake_wei.checked_sub(stake_wei).filter(|wei| *wei != U256::ZERO) {
        Some(missing_wei) => {
            let (least, missing) = (format_data(status.least_stake_wei), format_data(missing_wei));
            format!("{idle}; a stake has at least {least}, so {missing} are missing")
        }
        None => format!("{idle}; `tatum sponsor stake` stakes it"),
    }
}

fn key(of: &SessionKeySummary) -> String {
    match of.last_epoch {
        Some(last) => format!("{} from epoch {} to {last}, revoked", of.key, of.from_epoch),
        None => format!("{} from epoch {} on", of.key, of.from_epoch),
    }
}

fn asked(request: &SponsorRequest) -> String {
    let (worth, epoch) = (format_data(request.worth_wei), request.requested);
    let (from, at) = (request.redeemable_from, format_utc(request.redeemable_at_s));
    match request.redeemable {
        true => format!("{worth} in epoch {epoch}, redeemed now"),
        false => format!("{worth} in epoch {epoch}, redeemed from {at} (epoch {from})"),
    }
}

/// Shares have 27 decimals, of which 18 are shown.
fn shares(amount: U256) -> String {
    let text = format_data(amount.wrapping_div(U256::from(1_000_000_000)));
    text.trim_end_matches(" DATA").to_owned()
}

#[cfg(test)]
mod tests {
    use tatum_primitives::{B256, Epoch, WEI_PER_DATA};

    use super::*;

    fn data(amount: u128) -> U256 {
        U256::from(amount * WEI_PER_DATA)
    }

    fn status() -> VaultStatus {
        VaultStatus {
            vault: Address::ZERO,
            stream_owner: Address::ZERO,
            streams: B256::ZERO,
            end_epoch: Epoch(9),
            ended: false,
            shares: U256::ZERO,
            total_wei: U256::ZERO,
            staked_wei: U256::ZERO,
            idle_wei: data(1),
            rest_wei: U256::ZERO,
            owed_wei: U256::ZERO,
            least_stake_wei: data(3),
            fee_rate_ppb: 10_000_000,
            quota_bytes: U256::ZERO,
            next_quota_bytes: U256::ZERO,
            keys: Vec::new(),
            unbonding_epochs: 2,
            epoch: Epoch(5),
            next_epoch_at_s: 0,
            sponsor: None,
        }
    }

    #[test]
    fn what_is_not_staked_says_what_is_missing_or_what_to_do() {
        assert_eq!(idle(&status()), "1 DATA; a stake has at least 3 DATA, so 2 DATA are missing");
        let enough = VaultStatus { staked_wei: data(2), ..status() };
        assert_eq!(idle(&enough), "1 DATA; `tatum sponsor stake` stakes it");
        let ended = VaultStatus { ended: true, ..status() };
        assert_eq!(idle(&ended), "1 DATA; the vault has ended");
    }

    #[test]
    fn shares_of_a_vault_are_told_as_they_were_bought() {
        // A DATA buys 1e27 of them at first.
        assert_eq!(shares(data(25) * U256::from(1_000_000_000)), "25");
        assert_eq!(shares(U256::from(10).pow(U256::from(27)) / U256::from(2)), "0.5");
    }
}
