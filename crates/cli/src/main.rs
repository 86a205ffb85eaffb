//! `tatum`: one binary, a subcommand per role.
//!
//! Results go to standard output (a table, or JSON with `--json`), progress and logs to standard error. The exit code is 0 when it
//! was done or holds, 1 for wrong usage and failures, 3 when what was looked at differs: docs/cli.md.

mod amounts;
mod args;
mod bridge;
mod client;
mod cmd;
mod config;
mod confirm;
mod data_folder;
mod dates;
#[cfg(test)]
mod documented;
mod followed;
mod formats;
mod keys;
mod keystore;
mod lines;
mod logging;
mod on_chain;
mod output;
mod permission_lists;
mod shutdown;
mod sizes;
mod stream_keys;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

/// Version, commit and build, so that a report says what ran; `build.rs` finds them out.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("TATUM_BUILD"), ")");

/// The incentive and settlement layer of a publish/subscribe network: operators are paid for messages that were
/// really delivered.
#[derive(Debug, Parser)]
#[command(
    name = "tatum", version = VERSION, propagate_version = true, max_term_width = 110,
    after_help = "Results go to standard output, everything else to standard error. Exit codes: 0 when it was done, or holds; 1 for wrong usage\nand failures, also when it could not be looked; 3 when what was looked at differs from what it should be.\n\nTo try all of it on this machine: tatum devnet"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Log format on standard error
    #[arg(long, global = true, value_enum, default_value = "text", env = "TATUM_LOG_FORMAT")]
    log_format: logging::Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a relay node, or look at one
    #[command(subcommand)]
    Node(cmd::node::Command),
    /// Run a tracker, which introduces nodes to each other
    #[command(subcommand)]
    Tracker(cmd::tracker::Command),
    /// Look at the network as a tracker sees it
    #[command(subcommand)]
    Network(cmd::network::Command),
    /// Say who may publish to a stream of yours and subscribe to it
    #[command(subcommand)]
    Stream(cmd::stream::Command),
    /// Publish lines from standard input to a stream
    Publish(cmd::publish::Args),
    /// Print the messages of a stream, one a line
    Subscribe(cmd::subscribe::Args),
    /// Publish and subscribe from other programs of this machine, over HTTP and WebSocket
    #[command(subcommand)]
    Bridge(cmd::bridge::Command),
    /// Register as an operator, look at earnings, claim them
    #[command(subcommand)]
    Operator(cmd::operator::Command),
    /// Stake DATA for a traffic quota
    #[command(subcommand)]
    Stake(cmd::stake::Command),
    /// Bill payers that signed for more than their quotas
    #[command(subcommand)]
    Overage(cmd::overage::Command),
    /// Pay one operator by a channel that receipts move
    #[command(subcommand)]
    Channel(cmd::channel::Command),
    /// Delegate DATA to an operator, and run an operator that takes delegations
    #[command(subcommand)]
    Delegate(cmd::delegate::Command),
    /// Put a stake together for somebody's streams, and name the keys that sign for it
    #[command(subcommand)]
    Sponsor(cmd::sponsor::Command),
    /// Redeem what nodes were given in payment channels, in time
    #[command(subcommand)]
    Watchtower(cmd::watchtower::Command),
    /// Authorise keys that sign receipts for a payer
    #[command(subcommand)]
    Session(cmd::session::Command),
    /// Run the aggregator, which turns receipts into distributions
    #[command(subcommand)]
    Aggregator(cmd::aggregator::Command),
    /// Serve the web API and the page
    #[command(subcommand)]
    Api(cmd::api::Command),
    /// Show how far epochs have come, and whether the chain pays what is published
    #[command(subcommand)]
    Epoch(cmd::epoch::Command),
    /// Show why somebody is paid what it is paid
    #[command(subcommand)]
    Explain(cmd::explain::Command),
    /// List, show, export and verify what payers signed
    #[command(subcommand)]
    Receipts(cmd::receipts::Command),
    /// Re-derive a distribution, or check one receipt
    #[command(subcommand)]
    Audit(cmd::audit::Command),
    /// Watch every distribution, and raise the alarm over what does not hold
    #[command(subcommand)]
    Auditor(cmd::auditor::Command),
    /// Simulate a network of many nodes, in virtual time
    #[command(subcommand)]
    Simulate(cmd::simulate::Command),
    /// Measure how fast this machine relays messages, takes receipts in and closes an epoch
    #[command(subcommand)]
    Bench(cmd::bench::Command),
    /// Put the contracts on a chain
    Deploy(Box<cmd::deploy::Args>),
    /// Run a whole network on this machine, with funded accounts, to try things on
    Devnet(cmd::devnet::Args),
    /// Say what would keep a node, an aggregator or an account from working, and what to do about it
    Doctor(Box<cmd::doctor::Args>),
    /// Make encrypted key files
    #[command(subcommand)]
    Key(cmd::key::Command),
    /// Write manual pages
    #[command(
        after_help = "Example:\n  tatum man /usr/local/share/man/man1 && man tatum-operator-claim"
    )]
    Man(cmd::man::Args),
    /// Print a shell completion script
    #[command(after_help = "Example:\n  tatum completions bash > /etc/bash_completion.d/tatum")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Prints what the command line parser says: help is no failure, and wrong usage is one like others.
fn told(error: &clap::Error) -> ExitCode {
    // Where nobody reads it there is nothing else to do about it.
    let _ = error.print();
    if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Reads the command line, the environment and the configuration file; `None` if it was only to be printed.
fn parse() -> anyhow::Result<Option<Cli>> {
    let command = config::with_variables(Cli::command());
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let matches = config::parse(command.clone(), &arguments)?;
    if let Some(settings) = config::printed(&command, &matches) {
        print!("{settings}");
        return Ok(None);
    }
    Ok(Some(Cli::from_arg_matches(&matches)?))
}

fn main() -> ExitCode {
    let cli = match parse() {
        Ok(Some(cli)) => cli,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => match error.downcast::<clap::Error>() {
            Ok(error) => return told(&error),
            Err(error) => {
                output::tell(format_args!("error: {error:#}"));
                return ExitCode::FAILURE;
            }
        },
    };
    logging::start(cli.log_format);
    let output = output::Output::new(cli.json);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::tell(format_args!("error: starting: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = run(cli.command, &output) => ended,
            () = shutdown::unawaited() => Err(anyhow::anyhow!("ended by a signal")),
        }
    });
    let code = ended.unwrap_or_else(|error| {
        output.error(&error);
        ExitCode::FAILURE
    });
    // What still waits for standard input or for a reader of our output holds up nothing.
    runtime.shutdown_background();
    code
}

async fn run(command: Command, output: &output::Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Node(command) => cmd::node::run(command, output).await,
        Command::Tracker(command) => cmd::tracker::run(command, output).await,
        Command::Network(command) => cmd::network::run(command, output).await,
        Command::Stream(command) => cmd::stream::run(command, output).await,
        Command::Publish(args) => cmd::publish::run(args, output).await,
        Command::Subscribe(args) => cmd::subscribe::run(args, output).await,
        Command::Bridge(command) => cmd::bridge::run(command, output).await,
        Command::Operator(command) => cmd::operator::run(command, output).await,
        Command::Stake(command) => cmd::stake::run(command, output).await,
        Command::Overage(command) => cmd::overage::run(command, output).await,
        Command::Channel(command) => cmd::channel::run(command, output).await,
        Command::Delegate(command) => cmd::delegate::run(command, output).await,
        Command::Sponsor(command) => cmd::sponsor::run(command, output).await,
        Command::Watchtower(command) => cmd::watchtower::run(command, output).await,
        Command::Session(command) => cmd::session::run(command, output).await,
        Command::Aggregator(command) => cmd::aggregator::run(command, output).await,
        Command::Api(command) => cmd::api::run(command, output).await,
        Command::Epoch(command) => cmd::epoch::run(command, output).await,
        Command::Explain(command) => cmd::explain::run(command, output).await,
        Command::Receipts(command) => cmd::receipts::run(command, output).await,
        Command::Audit(command) => cmd::audit::run(command, output).await,
        Command::Auditor(command) => Box::pin(cmd::auditor::run(command, output)).await,
        Command::Simulate(command) => cmd::simulate::run(command, output).await,
        Command::Bench(command) => cmd::bench::run(command, output).await,
        Command::Deploy(args) => cmd::deploy::run(*args, output).await,
        Command::Devnet(args) => cmd::devnet::run(args, output).await,
        Command::Doctor(args) => cmd::doctor::run(*args, output).await,
        Command::Key(command) => cmd::key::run(&command, output),
        Command::Man(args) => {
            // No value of this shell's environment belongs into a page.
            let command = config::with_variables(Cli::command());
            cmd::man::run(&args, hidden_values(command), *output)
        }
        Command::Completions { shell } => {
            let mut command = config::with_variables(Cli::command());
            clap_complete::generate(shell, &mut command, "tatum", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// `command` without the values that variables have here, and all below it.
fn hidden_values(command: clap::Command) -> clap::Command {
    let command = command.mut_args(|arg| arg.hide_env_values(true));
    command.mut_subcommands(hidden_values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        config::with_variables(Cli::command()).debug_assert();
    }

    /// What stands for an address, a key and the like in the guides.
    fn filled_in(word: &str) -> String {
        let (address, key) = (format!("0x{:040x}", 7), format!("0x{:064x}", 7));
        if word.starts_with('$') {
            return address;
        }
        let addresses =
            ["0xADDRESS", "0xOWNER", "0xPAYER", "0xSESSION", "0xSUBSCRIBER", "0xVAULT", "0xKEY"];
        let word =
            addresses.iter().fold(word.to_owned(), |word, name| word.replace(name, &address));
        let signature = format!("0x{:0130x}", 7);
        let word = word.replace("0xSIGNATURE", &signature);
        word.replace("0xNODE", &key).replace("0xTRACKERKEY", &key)
    }

    /// The commands in a guide's code blocks, continued lines joined and pipes taken apart.
    fn commands_of(guide: &str) -> Vec<Vec<String>> {
        let blocks = guide.split("```").skip(1).step_by(2);
        let joined: String = blocks.map(|block| block.replace("\\\n", " ")).collect();
        let commands = joined.lines().flat_map(|line| line.split(" | "));
        let words = commands.map(|command| {
            let ends = ["#", "||", "&", ">", "&&"];
            let words = command.split_whitespace().take_while(|word| !ends.contains(word));
            words.skip_while(|word| word.starts_with("TATUM_")).map(filled_in).collect::<Vec<_>>()
        });
        words.filter(|words| words.first().is_some_and(|first| first == "tatum")).collect()
    }

    #[test]
    fn every_command_in_the_guides_is_one() {
        let mut tried = 0;
        for guide in std::fs::read_dir("../../docs/guide").unwrap() {
            let path = guide.unwrap().path();
            for mut words in commands_of(&std::fs::read_to_string(&path).unwrap()) {
                // An operator's id may come from the environment, which a test must not touch.
                let of_none = ["register", "list", "--help"];
                let names_one = words.iter().any(|word| word == "--operator");
                if words[1] == "operator" && !names_one && !of_none.contains(&words[2].as_str()) {
                    words.extend(["--operator".to_owned(), "0".to_owned()]);
                }
                let command = config::with_variables(Cli::command());
                let parsed = command.try_get_matches_from(&words);
                assert!(parsed.is_ok(), "{}: {words:?}: {}", path.display(), parsed.unwrap_err());
                tried += 1;
            }
        }
        assert!(tried >= 25, "only {tried} commands were found");
    }

    #[test]
    fn help_is_as_it_was_reviewed() {
        let mut command = config::with_variables(Cli::command());
        command.build();
        insta::assert_snapshot!("help", help_of(command));
    }

    /// The long help of a command and all below it, whatever the environment and the terminal.
    fn help_of(command: clap::Command) -> String {
        let command = command.term_width(110).mut_args(|arg| arg.hide_env_values(true));
        let mut text =
            format!("$ {} --help\n{}\n", command.get_name(), command.clone().render_long_help());
        for subcommand in command.get_subcommands().filter(|c| c.get_name() != "help") {
            text += &help_of(subcommand.clone());
        }
        text
    }
}
