//! The settings of services: from flags, the environment, a TOML file, or the built-in defaults, in this order.
//!
//! Invariant: there is one list of settings, the flags of `run`. A key of the file is a flag's name with `_` for `-`, the
//! variable of a flag that names no other is `TATUM_<ROLE>_<KEY>`; so nothing can be set in one way only, and a key that
//! no flag has is refused with its line. A file's values take the place of the defaults that the command line parser has.

use std::ffi::OsString;
use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::error::ContextKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use toml::de::{DeTable, DeValue};

/// The commands whose `run` is a service.
const SERVICES: [&str; 7] =
    ["node", "tracker", "aggregator", "api", "auditor", "watchtower", "bridge"];
/// Flags of `run` that are no settings.
const NO_SETTINGS: [&str; 6] = ["help", "version", "config", "print_config", "json", "log_format"];

/// Where a service's settings may also come from.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ConfigArgs {
    /// TOML file with settings: each flag's name, with _ for -, is a key. Flags come first, then variables, then the file
    #[arg(long, value_name = "FILE", env = "TATUM_CONFIG")]
    config: Option<PathBuf>,
    /// Print the settings that apply and where each comes from, without secrets, and end
    #[arg(long)]
    print_config: bool,
}

/// `command` with a variable for every setting of every service.
pub(crate) fn with_variables(mut command: Command) -> Command {
    for role in SERVICES {
        command = of_service(command, role, |run| {
            run.mut_args(|arg| {
                if arg.get_env().is_some() || !is_setting(&arg) {
                    return arg;
                }
                let key = key_of(&arg).to_uppercase();
                arg.env(format!("TATUM_{}_{key}", role.to_uppercase()))
            })
        });
    }
    command
}

/// Parses `arguments`, with the values of the file that they name, if they name one.
pub(crate) fn parse(command: Command, arguments: &[OsString]) -> anyhow::Result<ArgMatches> {
    let Some((role, path)) = named_file(&command, arguments) else {
        return Ok(command.try_get_matches_from(arguments)?);
    };
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("reading the configuration file {}", path.display()))?;
    let file = File::parse(&path, &text, run_of(&command, role))?;
    let with_file = of_service(command, role, |run| file.apply(run));
    with_file.try_get_matches_from(arguments).map_err(|error| file.explain(error))
}

/// The settings that apply, if the arguments ask for them, as a file that sets them.
pub(crate) fn printed(command: &Command, matches: &ArgMatches) -> Option<String> {
    let (role, matches) = matches.subcommand()?;
    let role = SERVICES.into_iter().find(|service| *service == role)?;
    let run = matches.subcommand_matches("run").filter(|run| run.get_flag("print_config"))?;
    let from_file = run.contains_id("config");
    let mut text = format!("# tatum {role} run\n");
    for arg in run_of(command, role)?.get_arguments().filter(|arg| is_setting(arg)) {
        let key = key_of(arg);
        let (Some(values), Some(source)) =
            (run.get_raw(arg.get_id().as_str()), run.value_source(arg.get_id().as_str()))
        else {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# {key} is not set");
            continue;
        };
        let values: Vec<String> =
            values.map(|value| shown(&key, &value.to_string_lossy())).collect();
        let value = match (values.as_slice(), takes_many(arg)) {
            ([value], false) => value.clone(),
            _ => format!("[{}]", values.join(", ")),
        };
        let built_in = arg.get_default_values().iter().map(|v| shown(&key, &v.to_string_lossy()));
        let source = match source {
            ValueSource::CommandLine => "flag",
            ValueSource::EnvVariable => "environment",
            _ if from_file && !built_in.eq(values.iter().cloned()) => "file",
            _ => "default",
        };
        let _ = writeln!(text, "{key} = {value} # {source}");
    }
    Some(text)
}

/// A value as TOML, without what it keeps secret: an address may hold a password or a token.
fn shown(key: &str, value: &str) -> String {
    if value == "true"
        || value == "false"
        || value.parse::<u64>().is_ok_and(|n| n.to_string() == value)
    {
        return value.to_owned();
    }
    toml::Value::String(redact(key, value)).to_string()
}

fn redact(key: &str, value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://").filter(|_| !value.starts_with("sqlite:"))
    else {
        return value.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => format!("{}@{host}", user.split(':').next().unwrap_or_default()),
        None => authority.to_owned(),
    };
    // Endpoints for chains and webhooks carry their tokens in the path, databases in the query.
    let path = match key {
        "rpc" | "webhook" if path.len() > 1 => "/…",
        _ => path.split('?').next().unwrap_or_default(),
    };
    format!("{scheme}://{authority}{path}")
}

/// The service that is to run and the file it is told to read.
fn named_file(command: &Command, arguments: &[OsString]) -> Option<(&'static str, PathBuf)> {
    let lenient = command.clone().ignore_errors(true);
    let matches = lenient.try_get_matches_from(arguments).ok()?;
    let (role, matches) = matches.subcommand()?;
    let role = SERVICES.into_iter().find(|service| *service == role)?;
    let path = matches.subcommand_matches("run")?.get_one::<PathBuf>("config")?;
    Some((role, path.clone()))
}

fn run_of<'a>(command: &'a Command, role: &str) -> Option<&'a Command> {
    command.find_subcommand(role)?.find_subcommand("run")
}

fn of_service(
    command: Command,
    role: &'static str,
    change: impl FnOnce(Command) -> Command,
) -> Command {
    if run_of(&command, role).is_none() {
        return command;
    }
    command.mut_subcommand(role, |service| service.mut_subcommand("run", change))
}

fn is_setting(arg: &Arg) -> bool {
    arg.get_long().is_some() && !NO_SETTINGS.contains(&arg.get_id().as_str())
}

fn key_of(arg: &Arg) -> String {
    arg.get_long().unwrap_or_default().replace('-', "_")
}

fn takes_many(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Append)
}

/// A configuration file.
struct File {
    path: PathBuf,
    settings: Vec<Setting>,
}

/// One key of it.
struct Setting {
    /// The flag's id.
    id: String,
    key: String,
    line: usize,
    values: Vec<String>,
}

impl File {
    fn parse(path: &Path, text: &str, run: Option<&Command>) -> anyhow::Result<Self> {
        let place = |span: Range<usize>| {
            let before = text.get(..span.start).unwrap_or_default();
            before.bytes().filter(|byte| *byte == b'\n').count() + 1
        };
        let table = DeTable::parse(text)
            .with_context(|| format!("the configuration file {} is no TOML", path.display()))?;
        let known: Vec<&Arg> = run
            .into_iter()
            .flat_map(Command::get_arguments)
            .filter(|arg| is_setting(arg))
            .collect();
        let mut settings = Vec::new();
        for (key, value) in table.get_ref() {
            let (line, name) = (place(key.span()), key.get_ref().as_ref());
            let Some(arg) = known.iter().find(|arg| key_of(arg) == name) else {
                bail!("{}:{line}: unknown key {name:?}{}", path.display(), nearest(name, &known));
            };
            let values = values(arg, value.get_ref())
                .map_err(|reason| anyhow::anyhow!("{}:{line}: {name}: {reason}", path.display()))?;
            let id = arg.get_id().to_string();
            settings.push(Setting { id, key: name.to_owned(), line, values });
        }
        Ok(Self { path: path.to_owned(), settings })
    }

    /// Puts the file's values in the place of the defaults.
    fn apply(&self, mut run: Command) -> Command {
        for Setting { id, values, .. } in &self.settings {
            run = run.mut_arg(id, |arg| arg.default_values(values));
        }
        run
    }

    /// Names the file, line and key of a value that a flag does not take.
    fn explain(&self, error: clap::Error) -> anyhow::Error {
        let told = |kind| error.get(kind).map(ToString::to_string);
        let (Some(flag), Some(value)) =
            (told(ContextKind::InvalidArg), told(ContextKind::InvalidValue))
        else {
            return error.into();
        };
        let flag = flag.split_whitespace().next().unwrap_or_default();
        let flag = flag.trim_start_matches('-').replace('-', "_");
        let culprit = self
            .settings
            .iter()
            .find(|setting| setting.key == flag && setting.values.contains(&value));
        let Some(Setting { line, key, .. }) = culprit else { return error.into() };
        let source = std::error::Error::source(&error).map(|source| format!(": {source}"));
        let valid = told(ContextKind::ValidValue).map(|valid| format!(": it is one of {valid}"));
        let reason = source.or(valid).unwrap_or_default();
        anyhow::anyhow!("{}:{line}: {key} cannot be {value:?}{reason}", self.path.display())
    }
}

/// What a key's value is to the command line parser.
fn values(arg: &Arg, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    match (value, takes_many(arg)) {
        (DeValue::Array(items), true) => items.iter().map(|item| scalar(item.get_ref())).collect(),
        (DeValue::Array(_), false) => Err("this takes one value, not a list".to_owned()),
        (DeValue::Boolean(on), _) if !arg.get_action().takes_values() => Ok(vec![on.to_string()]),
        (other, _) if !arg.get_action().takes_values() => {
            Err(format!("this is true or false, not a {}", other.type_str()))
        }
        (one, _) => scalar(one).map(|value| vec![value]),
    }
}

fn scalar(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Integer(number) => {
            let read = u64::from_str_radix(number.as_str(), number.radix());
            read.map(|number| number.to_string()).map_err(|error| error.to_string())
        }
        DeValue::Boolean(on) => Ok(on.to_string()),
        other => Err(format!("a {} has no place here", other.type_str())),
    }
}

/// A hint at the key that was probably meant.
fn nearest(name: &str, known: &[&Arg]) -> String {
    let common = |key: &str| name.chars().zip(key.chars()).take_while(|(a, b)| a == b).count();
    let keys = known.iter().map(|arg| key_of(arg));
    match keys.max_by_key(|key| common(key)).filter(|key| common(key) > 2) {
        Some(key) => format!("; do you mean {key:?}?"),
        None => "; `--help` lists the flags, which are the keys".to_owned(),
    }
}

#[cfg(test)]
mod tests;
