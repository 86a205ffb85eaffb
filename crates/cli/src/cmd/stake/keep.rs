//! `tatum stake keep`: a stake that buys what a stream needs, topped up by itself within a budget.
//!
//! Invariant: what is about to be added is on disk as spent before it is sent, so neither a crash nor a provider that shows an old
//! stake makes this spend more than its budget. What the contract refused before it was signed is given back; nothing else is, whatever
//! a provider says became of it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use alloy::primitives::{TxHash, U256};
use anyhow::Context;
use serde::{Deserialize, Serialize};
use tatum_chain::{Chain, ChainError, StakeTerms, replace_file};
use tatum_primitives::Epoch;

use super::AccountArgs;
use super::rate::Traffic;
use crate::amounts::{format_data, parse_data};
use crate::args::{Account, state_folder};
use crate::cmd::DIFFERS;
use crate::confirm::ConfirmArgs;
use crate::data_folder::DataFolder;
use crate::output::{Output, tell};
use crate::shutdown;

/// Also in a long epoch, so that what failed is tried again soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// Looks in an epoch, at least.
const LOOKS: u32 = 10;
const FILE: &str = "budget.json";

/// What the stake is for.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    traffic: Traffic,
    /// DATA that may be added in all, also over restarts; what was spent is kept in TATUM_STATE
    #[arg(long, value_name = "DATA", value_parser = parse_data)]
    budget: U256,
    /// Look once, and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    account: AccountArgs,
}

/// What was spent, and the stake as it must be by that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spent {
    #[serde(with = "tatum_primitives::decimal")]
    spent_wei: U256,
    epoch: Epoch,
    /// The stake in `epoch` with all that was added, whatever a provider says.
    #[serde(with = "tatum_primitives::decimal")]
    stake_wei: U256,
}

/// One look at the stake.
#[derive(Debug, Serialize)]
struct Looked {
    epoch: Epoch,
    #[serde(with = "tatum_primitives::decimal")]
    needed_bytes: U256,
    #[serde(with = "tatum_primitives::decimal")]
    added_wei: U256,
    transaction: Option<TxHash>,
    #[serde(with = "tatum_primitives::decimal")]
    stake_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    spent_wei: U256,
    #[serde(with = "tatum_primitives::decimal")]
    budget_wei: U256,
}

/// What a look comes to.
enum Need {
    Nothing,
    Add(U256),
    /// More than the budget allows.
    TooMuch(U256),
}

pub(super) async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let account = args.account.unlock()?;
    let chain = args.account.chain.read_only().await?;
    let (payer, pool) = (account.address(), chain.deployment().stake_pool);
    let folder =
        state_folder()?.join(format!("keep-{}-{pool}-{payer}", chain.deployment().chain_id));
    let _alone = DataFolder::take_at(&folder, "TATUM_STATE")?;
    let epoch_ms = epoch_ms(&chain).await?;
    let needed_bytes = args.traffic.bytes_in(epoch_ms);
    let mut keeper = Keeper {
        file: folder.join(FILE),
        spent: Spent::default(),
        needed_bytes,
        budget_wei: args.budget,
        chain,
        account,
        output,
    };
    keeper.read()?;
    let what = format!(
        "stake up to {} of {payer} in all, {} of which are spent, so that each epoch's quota is {needed_bytes} bytes",
        format_data(args.budget),
        format_data(keeper.spent.spent_wei),
    );
    if !args.confirm.agreed(&what, output)? {
        return Ok(ExitCode::SUCCESS);
    }
    if args.once {
        return keeper.look(true).await;
    }
    let pause =
        (Duration::from_millis(epoch_ms) / LOOKS).clamp(Duration::from_secs(1), LONGEST_PAUSE);
    tokio::select! {
        ended = keeper.go_on(pause) => ended,
        () = shutdown::requested() => Ok(ExitCode::SUCCESS),
    }
}

/// How long an epoch is.
pub(super) async fn epoch_ms(chain: &Chain) -> anyhow::Result<u64> {
    let schedule = chain.schedule().await?;
    Ok(schedule.end_ms(Epoch(0)).saturating_sub(schedule.start_ms(Epoch(0))))
}

struct Keeper<'a> {
    /// For reading. What sends is connected only while it does, so that other commands can send for the account too.
    chain: Chain,
    account: Account<'a>,
    output: Output,
    file: PathBuf,
    spent: Spent,
    needed_bytes: U256,
    budget_wei: U256,
}

impl Keeper<'_> {
    /// Looks again and again. What fails may pass: the stake lasts until the epoch's end.
    async fn go_on(&mut self, pause: Duration) -> anyhow::Result<ExitCode> {
        loop {
            match self.look(false).await {
                Ok(ExitCode::SUCCESS) => {}
                Ok(code) => return Ok(code),
                Err(error) => {
                    tracing::warn!("the stake was not looked after; trying again: {error:#}");
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn look(&mut self, report: bool) -> anyhow::Result<ExitCode> {
        let mut terms = self.terms().await?;
        let mut need = self.need(&terms);
        let mut sent = None;
        if matches!(need, Need::Add(_)) {
            // What an earlier command has sent may be the very stake that lacks.
            let sending = self.account.connect().await?;
            sending.settle_open().await?;
            terms = self.terms().await?;
            need = self.need(&terms);
            if let Need::Add(wei) = need {
                sent = Some(self.add(&sending, &terms, wei).await?);
            }
        }
        let (added_wei, transaction) = match need {
            Need::Nothing => (U256::ZERO, None),
            Need::Add(wei) => (wei, sent),
            Need::TooMuch(wei) => {
                let (missing, spent) = (format_data(wei), format_data(self.spent.spent_wei));
                tell(format_args!(
                    "the stake lacks {missing} to buy {} bytes in the next epoch; the budget of {} has {spent} spent: give a larger --budget",
                    self.needed_bytes,
                    format_data(self.budget_wei),
                ));
                return Ok(ExitCode::from(DIFFERS));
            }
        };
        if report || transaction.is_some() {
            self.report(&terms, added_wei, transaction);
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The stake as it is, by the chain or by what was added in this epoch.
    async fn terms(&self) -> anyhow::Result<StakeTerms> {
        let mut terms = self.chain.stake_terms(self.account.address()).await?;
        if self.spent.epoch == terms.epoch {
            terms.stake_wei = terms.stake_wei.max(self.spent.stake_wei);
        }
        Ok(terms)
    }

    fn need(&self, terms: &StakeTerms) -> Need {
        let missing_wei = terms.missing_wei(self.needed_bytes);
        let left_wei = self.budget_wei.saturating_sub(self.spent.spent_wei);
        if missing_wei.is_zero() {
            Need::Nothing
        } else if missing_wei > left_wei {
            Need::TooMuch(missing_wei)
        } else {
            Need::Add(missing_wei)
        }
    }

    async fn add(
        &mut self,
        sending: &Chain,
        terms: &StakeTerms,
        wei: U256,
    ) -> anyhow::Result<TxHash> {
        sending.check_holds(wei).await?;
        let before = self.spent;
        self.write(Spent {
            spent_wei: before.spent_wei.saturating_add(wei),
            epoch: terms.epoch,
            stake_wei: terms.stake_wei.saturating_add(wei),
        })?;
        let sent = sending.stake(wei).await;
        if matches!(&sent, Err(ChainError::Refused { .. })) {
            self.write(before)?;
        }
        Ok(sent?)
    }

    fn read(&mut self) -> anyhow::Result<()> {
        let text = match std::fs::read(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                return Err(error).with_context(|| format!("reading {}", self.file.display()));
            }
        };
        let damaged = || {
            format!(
                "{} does not say what was spent of the budget; delete it to begin with a new one",
                self.file.display()
            )
        };
        self.spent = serde_json::from_slice(&text).with_context(damaged)?;
        Ok(())
    }

    fn write(&mut self, spent: Spent) -> anyhow::Result<()> {
        let written = replace_file(&self.file, &serde_json::to_vec(&spent)?);
        written.with_context(|| format!("writing {}", self.file.display()))?;
        self.spent = spent;
        Ok(())
    }

    fn report(&self, terms: &StakeTerms, added_wei: U256, transaction: Option<TxHash>) {
        let looked = Looked {
            epoch: terms.epoch,
            needed_bytes: self.needed_bytes,
            added_wei,
            transaction,
            stake_wei: terms.stake_wei.saturating_add(added_wei),
            spent_wei: self.spent.spent_wei,
            budget_wei: self.budget_wei,
        };
        let sent =
            transaction.map_or_else(|| "none was needed".to_owned(), |hash| hash.to_string());
        self.output.result(
            &looked,
            &[
                ("epoch", looked.epoch.to_string()),
                ("needed in each epoch", format!("{} bytes", looked.needed_bytes)),
                ("added", format_data(looked.added_wei)),
                ("transaction", sent),
                ("stake", format_data(looked.stake_wei)),
                ("spent", format_data(looked.spent_wei)),
                ("budget", format_data(looked.budget_wei)),
            ],
        );
    }
}
