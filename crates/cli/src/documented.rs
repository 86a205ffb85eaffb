//! Whether `docs/cli.json`, the schema of what commands print with `--json`, is complete and keeps its own rules. That commands print
//! what it says is checked on all that the end-to-end tests run (`tatum_test_utils::schema`).

use std::collections::{BTreeMap, BTreeSet};

use clap::CommandFactory;
use serde_json::{Map, Value};

use crate::Cli;

/// Those that print no result of their own: services, what draws on a terminal, what prints another program's text.
const WITHOUT_JSON: [&str; 9] = [
    "node run",
    "node top",
    "tracker run",
    "bridge run",
    "aggregator run",
    "api run",
    "api openapi",
    "auditor run",
    "completions",
];
/// The keywords that the tests' validator knows.
const KEYWORDS: [&str; 12] = [
    "$ref",
    "additionalProperties",
    "anyOf",
    "description",
    "enum",
    "items",
    "maximum",
    "minimum",
    "pattern",
    "properties",
    "required",
    "type",
];
const MOST_EXACT: u64 = (1 << 53) - 1;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/cli.json")).unwrap()
}

/// The names of all commands that do something.
fn leaves(command: &clap::Command, before: &str, found: &mut BTreeSet<String>) {
    let told = |command: &&clap::Command| command.get_name() != "help" && !command.is_hide_set();
    for subcommand in command.get_subcommands().filter(told) {
        let name = format!("{before}{}", subcommand.get_name());
        leaves(subcommand, &format!("{name} "), found);
        if !subcommand.is_subcommand_required_set() {
            found.insert(name);
        }
    }
}

#[test]
fn every_command_that_prints_json_has_a_schema_and_no_other_has() {
    let mut commands = BTreeSet::new();
    leaves(&Cli::command(), "", &mut commands);
    let schema = schema();
    let described: BTreeSet<&str> =
        schema["commands"].as_object().unwrap().keys().map(String::as_str).collect();
    let printing: BTreeSet<&str> =
        commands.iter().map(String::as_str).filter(|name| !WITHOUT_JSON.contains(name)).collect();
    let missing: Vec<_> = printing.difference(&described).collect();
    let unknown: Vec<_> = described.difference(&printing).collect();
    assert!(missing.is_empty(), "docs/cli.json has no schema of {missing:?}");
    assert!(unknown.is_empty(), "docs/cli.json has schemas of {unknown:?}, which are no commands");
}

/// Every schema within `value`, with the name of the field that it is of.
fn each<'a>(name: &'a str, value: &'a Value, told: &mut impl FnMut(&str, &'a Map<String, Value>)) {
    let Some(schema) = value.as_object() else { return };
    told(name, schema);
    let several = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    several.for_each(|one| each(name, one, told));
    for of in ["items", "additionalProperties"] {
        schema.get(of).into_iter().for_each(|one| each(name, one, told));
    }
    let fields = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
    fields.for_each(|(name, field)| each(name, field, told));
}

fn each_of_all<'a>(schema: &'a Value, mut told: impl FnMut(&str, &'a Map<String, Value>)) {
    for part in ["$defs", "commands"] {
        for (name, one) in schema[part].as_object().unwrap() {
            each(name, one, &mut told);
        }
    }
}

#[test]
fn schemas_use_what_the_validator_knows_and_refer_to_what_is_there() {
    let schema = schema();
    each_of_all(&schema, |name, one| {
        for keyword in one.keys() {
            assert!(KEYWORDS.contains(&keyword.as_str()), "{name}: {keyword}");
        }
        if let Some(to) = one.get("$ref").and_then(Value::as_str) {
            let place = to.strip_prefix('#').and_then(|place| schema.pointer(place));
            assert!(place.is_some(), "{name}: {to}");
        }
        if one.get("type").is_some_and(|kind| kind == "object") {
            assert!(one.contains_key("additionalProperties"), "{name} may have any fields");
        }
    });
}

#[test]
fn amounts_are_decimal_strings_and_integers_are_exact() {
    let (schema, mut kinds) = (schema(), BTreeMap::<String, BTreeSet<String>>::new());
    each_of_all(&schema, |name, one| {
        if one.get("type").is_some_and(|kind| kind == "integer") {
            let most = one.get("maximum").and_then(Value::as_u64).expect("a bound");
            assert!(most <= MOST_EXACT, "{name} goes up to {most}");
        }
        let is_amount = ["_wei", "_nano", "Wei"].iter().any(|unit| name.ends_with(unit));
        if is_amount && !one.contains_key("anyOf") {
            let kind = one.get("$ref").or(one.get("type")).map(ToString::to_string);
            kinds.entry(name.to_owned()).or_default().extend(kind);
        }
    });
    assert!(kinds.len() > 40, "{kinds:?}");
    for (name, kinds) in kinds {
        let amounts = ["\"#/$defs/Decimal\"", "\"null\""];
        assert!(kinds.iter().all(|kind| amounts.contains(&kind.as_str())), "{name}: {kinds:?}");
    }
}
