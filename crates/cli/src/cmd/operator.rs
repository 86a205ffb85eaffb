//! `tatum operator`: register, change what is registered, look at earnings and prices, claim, leave.

mod assent;
mod autoclaim;
mod bond;
mod change;
mod claim;
mod earnings;
mod force;
mod list;
mod owed;
mod prices;
mod register;
mod status;

use std::process::ExitCode;

use crate::output::Output;

/// What operators do.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Register the account as an operator, post its bond, add its nodes
    #[command(
        after_help = "Example:\n  tatum operator register --name acme --node 0x8a88… --keystore operator.json"
    )]
    Register(register::RegisterArgs),
    /// Add a node's key to an operator
    #[command(
        after_help = "Example:\n  tatum operator add-node --operator 0 0x8a88… --keystore operator.json"
    )]
    AddNode(change::NodeArgs),
    /// Take a node's key off an operator
    #[command(
        after_help = "Example:\n  tatum operator remove-node --operator 0 0x8a88… --keystore operator.json"
    )]
    RemoveNode(change::NodeArgs),
    /// Declare what an operator's nodes carry in an epoch, which bounds what it can earn
    #[command(
        after_help = "Example:\n  tatum operator capacity --operator 0 500GiB --keystore operator.json\n\nIt counts from the next epoch on, up to what the bond backs: 5 000 DATA back 500 GiB."
    )]
    Capacity(change::CapacityArgs),
    /// Name the address that the operator is paid at
    #[command(
        after_help = "Example:\n  tatum operator payout --operator 0 0x7099…79C8 --keystore operator.json"
    )]
    Payout(change::PayoutArgs),
    /// Give the operator another name for people
    #[command(
        after_help = "Example:\n  tatum operator rename --operator 0 acme --keystore operator.json"
    )]
    Rename(change::RenameArgs),
    /// Offer the operator, with its bond and its earnings to come, to another account
    #[command(
        after_help = "Example:\n  tatum operator hand-over --operator 0 0x7099…79C8 --keystore operator.json\n\nThe other account takes it with `tatum operator accept`. Until then nothing changes, and another offer takes this one's place."
    )]
    HandOver(change::HandOverArgs),
    /// Take over an operator that was offered to the account
    #[command(
        after_help = "Example:\n  tatum operator accept --operator 0 --keystore new-owner.json"
    )]
    Accept(change::OperatorArgs),
    /// Add to an operator's bond
    #[command(
        after_help = "Example:\n  tatum operator add-bond --operator 0 1000 --yes --keystore operator.json\n\nIt counts from the next epoch on, and backs more capacity."
    )]
    AddBond(bond::AddBondArgs),
    /// Leave: from the next epoch on the operator earns nothing, and its bond comes free after a while
    #[command(
        after_help = "Example:\n  tatum operator leave --operator 0 --yes --keystore operator.json\n\nThere is no way back under the same id. `tatum operator withdraw-bond` takes the bond out when it is free."
    )]
    Leave(bond::LeaveArgs),
    /// Take the bond out of an operator that has left
    #[command(
        after_help = "Example:\n  tatum operator withdraw-bond --operator 0 --keystore operator.json"
    )]
    WithdrawBond(change::OperatorArgs),
    /// Put receipts on chain that would be left out of a distribution, before the forcing of their epoch is over
    #[command(
        after_help = "Example:\n  tatum operator force 7 --receipts receipts.bin --keystore operator.json\n\nWhoever proposes must count what was forced and may count; anyone may force anybody's."
    )]
    Force(force::ForceArgs),
    /// Stand for the aggregator's list of receipts while one's own are in it, until SIGINT or SIGTERM
    #[command(
        after_help = "Examples:\n  tatum operator assent --data ./relay --aggregator http://127.0.0.1:7070 --keystore operator.json\n  tatum operator assent --data ./relay-1 --data ./relay-2 --force-up-to 200 --every 30 --keystore operator.json\n\nFor aggregators with --gather-assents. Which receipts count is then what owners of more than half of the bond sign, and what is\nforced; a list that lacks a receipt which the folders keep is not signed. Killed and started again, it reads the list again."
    )]
    Assent(Box<assent::Args>),
    /// List operators: owner, bond, capacity, nodes, whether they leave
    #[command(
        after_help = "Examples:\n  tatum operator list\n  tatum operator list --after 49 --limit 50 --json\n\nNeeds nothing but the chain."
    )]
    List(list::ListArgs),
    /// Show name, nodes, bond, capacity, earnings, claims and balance
    #[command(
        after_help = "Example:\n  tatum operator status --operator 0 --aggregator http://127.0.0.1:7070 --json"
    )]
    Status(status::StatusArgs),
    /// Show what an operator earned, epoch by epoch
    #[command(
        after_help = "Examples:\n  tatum operator earnings --operator 0\n  tatum operator earnings --operator 0 --epochs 100 --csv > earnings.csv\n\nThe newest final epoch's sum is proven against the root on chain; exits with 3 if it is another. What the running epoch will\nbring is not known before it ends: it depends on all receipts of all who pay. `tatum explain payout` shows who paid."
    )]
    Earnings(earnings::EarningsArgs),
    /// Show what payers paid for a GiB of their quotas in an epoch, and what relays ask
    #[command(
        after_help = "Examples:\n  tatum operator prices\n  tatum operator prices --epoch 12 --payer 0x7099…79C8 --json\n  tatum operator prices --status http://127.0.0.1:7090 --status http://relay.example:7090\n\nA price is what the payer's receipts steer of its fee, over its quota; a relay compares the last closed epoch's with its ask\n(`tatum node run --ask`). The chain has no asks: only relays whose status is named with --status tell theirs."
    )]
    Prices(prices::PricesArgs),
    /// Claim what the newest finalized distribution owes an operator, or all of them
    #[command(
        after_help = "Examples:\n  tatum operator claim --operator 0 --aggregator http://127.0.0.1:7070 --keystore any.json\n  tatum operator claim --all --at-least 5 --dry-run --keystore any.json\n\nAnyone may claim for anyone: the tokens go to the operator's payout address. --all pays neighbours in one transaction where\nthat takes less gas."
    )]
    Claim(claim::ClaimArgs),
    /// Claim whenever it pays, until SIGINT or SIGTERM
    #[command(
        after_help = "Examples:\n  tatum operator autoclaim --operator 0 --at-least 50 --keystore any.json\n  tatum operator autoclaim --all --coin-price 40000 --factor 20 --every 3600 --keystore any.json\n\nThe second claims once an operator is owed 20 times what the gas costs, a whole of the chain's coin being worth 40 000 DATA.\nNothing needs to be kept: killed and started again, it claims what is owed then."
    )]
    Autoclaim(Box<autoclaim::Args>),
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Register(args) => register::run(args, *output).await?,
        Command::AddNode(args) => change::add_node(&args, *output).await?,
        Command::RemoveNode(args) => change::remove_node(&args, *output).await?,
        Command::Capacity(args) => change::capacity(&args, *output).await?,
        Command::Payout(args) => change::payout(&args, *output).await?,
        Command::Rename(args) => change::rename(args, *output).await?,
        Command::HandOver(args) => change::hand_over(&args, *output).await?,
        Command::Accept(args) => change::accept(&args, *output).await?,
        Command::AddBond(args) => bond::add(&args, *output).await?,
        Command::Leave(args) => bond::leave(&args, *output).await?,
        Command::WithdrawBond(args) => bond::withdraw(&args, *output).await?,
        Command::Force(args) => force::run(&args, *output).await?,
        Command::Assent(args) => assent::run(&args, *output).await?,
        Command::List(args) => list::run(&args, *output).await?,
        Command::Status(args) => status::run(&args, *output).await?,
        Command::Earnings(args) => return earnings::run(&args, *output).await,
        Command::Prices(args) => prices::run(&args, *output).await?,
        Command::Claim(args) => claim::run(&args, *output).await?,
        Command::Autoclaim(args) => autoclaim::run(&args, *output).await?,
    }
    Ok(ExitCode::SUCCESS)
}
