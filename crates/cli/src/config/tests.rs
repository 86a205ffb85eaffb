//! The settings of services, from each of their sources.

use std::collections::BTreeSet;

use clap::{CommandFactory, FromArgMatches};

use super::*;
use crate::Cli;

fn command() -> Command {
    with_variables(Cli::command())
}

fn parsed(arguments: &[&str]) -> anyhow::Result<ArgMatches> {
    let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
    parse(command(), &arguments)
}

fn settings(role: &str, file: &Path, more: &[&str]) -> anyhow::Result<String> {
    let file = file.to_str().unwrap();
    let arguments = [&["tatum", role, "run", "--print-config", "--config", file], more].concat();
    Ok(printed(&command(), &parsed(&arguments)?).unwrap())
}

fn example(role: &str, kind: &str) -> PathBuf {
    PathBuf::from("../../docs/examples").join(format!("{role}.{kind}.toml"))
}

fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tatum.toml");
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

/// The error of a file for an aggregator with this text.
fn refused(text: &str) -> String {
    let (_folder, file) = written(text);
    let error = settings("aggregator", &file, &[]).unwrap_err();
    format!("{error:#}").replace(file.to_str().unwrap(), "FILE")
}

#[test]
fn the_examples_are_read_and_the_maximal_ones_have_every_key() {
    for role in SERVICES {
        let minimal = settings(role, &example(role, "minimal"), &[]).unwrap();
        assert!(minimal.contains("# file"), "{role}: {minimal}");
        let path = example(role, "maximal");
        settings(role, &path, &[]).unwrap_or_else(|error| panic!("{role}: {error:#}"));
        let text = std::fs::read_to_string(&path).unwrap();
        let given: BTreeSet<String> = DeTable::parse(&text)
            .unwrap()
            .get_ref()
            .keys()
            .map(|key| key.get_ref().to_string())
            .collect();
        let command = command();
        let run = run_of(&command, role).unwrap();
        let known: BTreeSet<String> =
            run.get_arguments().filter(|arg| is_setting(arg)).map(key_of).collect();
        assert_eq!(given, known, "{role}");
    }
}

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_default() {
    let (_folder, file) = written("listen = \"127.0.0.1:1\"\ndemands = 30\n");
    let text = settings("aggregator", &file, &["--demands", "45"]).unwrap();
    assert!(text.contains("listen = \"127.0.0.1:1\" # file"), "{text}");
    assert!(text.contains("demands = 45 # flag"), "{text}");
    assert!(text.contains("poll_ms = 1000 # default"), "{text}");
    assert!(text.contains("# public_url is not set"), "{text}");
}

#[test]
fn what_is_printed_is_a_file_that_says_the_same() {
    let (_folder, file) = written("advertise = [\"1.2.3.4:5\", \"[::1]:6\"]\ncapacity = 0x10\n");
    let text = settings("node", &file, &[]).unwrap();
    assert!(text.contains("advertise = [\"1.2.3.4:5\", \"[::1]:6\"] # file"), "{text}");
    assert!(text.contains("capacity = 16 # file"), "{text}");
    let (_folder, again) = written(&text);
    let plain =
        |text: &str| text.lines().map(|l| l.split(" # ").next().unwrap().to_owned()).collect();
    let (one, other): (Vec<String>, Vec<String>) =
        (plain(&text), plain(&settings("node", &again, &[]).unwrap()));
    assert_eq!(one, other);
}

#[test]
fn a_node_is_told_one_tracker_or_a_list() {
    let (_folder, file) = written("tracker = \"https://one.example\"\n");
    let text = settings("node", &file, &[]).unwrap();
    assert!(text.contains("tracker = [\"https://one.example\"] # file"), "{text}");
    let keys = [1, 2].map(|number| format!("0x{number:064x}"));
    let [one, two] = [format!("https://a#{}", keys[0]), format!("wss://b:7080#{}", keys[1])];
    let (_folder, file) = written(&format!("tracker = [\"{one}\", \"{two}\"]\n"));
    let listed = format!("tracker = [\"{one}\", \"{two}\"] # file");
    let text = settings("node", &file, &[]).unwrap();
    assert!(text.contains(&listed), "{text}");
    let text = settings("node", &file, &["--tracker", &format!("{two},{one}")]).unwrap();
    assert!(text.contains(&format!("tracker = [\"{two}\", \"{one}\"] # flag")), "{text}");
    let (_folder, file) = written("\ntracker = [\"a:7080\"]\n");
    let error = format!("{:#}", settings("node", &file, &[]).unwrap_err());
    assert!(
        error.contains(":2: tracker cannot be \"a:7080\": \"a:7080\" is not a tracker's"),
        "{error}"
    );
    let (_folder, file) = written("tracker_key = \"0x1\"\n");
    let error = format!("{:#}", settings("node", &file, &[]).unwrap_err());
    assert!(error.contains("do you mean \"tracker\"?"), "{error}");
}

#[test]
fn a_wrong_key_or_value_is_refused_with_its_line() {
    assert_eq!(
        refused("\n\ndemand = 3\n"),
        "FILE:3: unknown key \"demand\"; do you mean \"demands\"?"
    );
    assert!(refused("zzz = 3\n").starts_with("FILE:1: unknown key \"zzz\"; `--help`"));
    assert!(refused("private_key = \"0x1\"\n").contains("unknown key \"private_key\""));
    let wrong = refused("# where\nlisten = \"here\"\n");
    assert!(wrong.starts_with("FILE:2: listen cannot be \"here\": invalid socket"), "{wrong}");
    let wrong = refused("demands = \"most\"\n");
    assert!(wrong.starts_with("FILE:1: demands cannot be \"most\": "), "{wrong}");
    assert_eq!(refused("listen = [\"a\"]\n"), "FILE:1: listen: this takes one value, not a list");
    assert_eq!(refused("[listen]\na = 1\n"), "FILE:1: listen: a table has no place here");
    assert!(refused("listen = \n").contains("no TOML"));
    let (_folder, file) = written("challenge = \"yes\"\n");
    let error = format!("{:#}", settings("auditor", &file, &[]).unwrap_err());
    assert!(error.contains("challenge: this is true or false, not a string"), "{error}");
}

#[test]
fn secrets_are_not_printed() {
    let cases = [
        ("database", "postgres://u:secret@h/d?sslkey=secret", "postgres://u@h/d"),
        ("rpc", "https://node.example/v3/secret", "https://node.example/…"),
        ("webhook", "https://u:secret@hooks.example/secret?x=secret", "https://u@hooks.example/…"),
        ("database", "sqlite://a?b.db", "sqlite://a?b.db"),
        ("tracker", "http://127.0.0.1:7080", "http://127.0.0.1:7080"),
        ("tracker", "https://u:secret@t.example#0x12", "https://u@t.example#0x12"),
    ];
    for (key, value, expected) in cases {
        assert_eq!(redact(key, value), expected);
    }
}

#[test]
fn every_setting_has_a_variable_of_its_own() {
    let command = command();
    for role in SERVICES {
        let run = run_of(&command, role).unwrap();
        let settings = run.get_arguments().filter(|arg| is_setting(arg));
        let names: Vec<&std::ffi::OsStr> = settings.map(|arg| arg.get_env().unwrap()).collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        assert_eq!(distinct.len(), names.len(), "{role}: {names:?}");
    }
}

#[test]
fn an_auditor_is_switched_on_by_its_file() {
    let (_folder, file) = written("challenge = true\nexit_on_alarm = false\n");
    let matches = parsed(&["tatum", "auditor", "run", "--config", file.to_str().unwrap()]).unwrap();
    let cli = Cli::from_arg_matches(&matches).unwrap();
    let text = format!("{cli:?}");
    assert!(text.contains("challenge: true") && text.contains("exit_on_alarm: false"), "{text}");
}
