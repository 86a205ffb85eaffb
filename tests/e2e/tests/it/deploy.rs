//! What stands in `deploy/` of the real binary: its flags and its variables.

use std::collections::BTreeSet;
use std::process::Command;

use tatum_test_utils::{repository, tatum_binary};

const ROLES: [&str; 6] = ["aggregator", "tracker", "node", "auditor", "watchtower", "api"];

fn deployed(file: &str) -> anyhow::Result<String> {
    Ok(std::fs::read_to_string(repository().join("deploy").join(file))?)
}

/// A `tatum` that is told nothing but what the test tells it.
fn tatum(arguments: &[String]) -> anyhow::Result<(bool, String)> {
    let output = Command::new(tatum_binary()?).args(arguments).env_clear().output()?;
    let text = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(text)?))
}

#[test]
fn the_binary_takes_the_flags_of_the_containers() -> anyhow::Result<()> {
    let compose = deployed("compose.yml")?;
    let lines = compose.lines().map(str::trim);
    let commands: Vec<_> = lines.filter_map(|line| line.strip_prefix("command: ")).collect();
    assert_eq!(commands.len(), compose.matches("<<: *service").count(), "each has a command");
    for command in commands {
        let mut arguments: Vec<String> = serde_json::from_str(command)?;
        let flags = arguments.iter().filter(|word| word.starts_with("--")).count();
        arguments.push("--print-config".to_owned());
        let (is_taken, text) = tatum(&arguments)?;
        assert!(is_taken, "{command}: {text}");
        assert_eq!(text.matches(" # flag\n").count(), flags, "{command}: {text}");
    }
    Ok(())
}

#[test]
fn every_variable_that_is_set_is_one_that_a_service_reads() -> anyhow::Result<()> {
    let mut known = String::from("[env: TATUM_STATE=]");
    for role in ROLES {
        let (_, help) = tatum(&[role, "run", "--help"].map(str::to_owned))?;
        known.push_str(&help);
    }
    let mut set = BTreeSet::new();
    for file in ["tatum.env.example", "systemd/keys.conf", "systemd/tatum@.service", "Dockerfile"] {
        for line in deployed(file)?.lines().filter(|line| !line.starts_with('#')) {
            let line = line.trim_start_matches("Environment=").trim_start_matches("ENV ");
            set.extend(line.split_once('=').map(|(name, _)| name.to_owned()));
        }
    }
    let set: Vec<_> = set.into_iter().filter(|name| name.starts_with("TATUM_")).collect();
    assert!(set.len() > 8, "{set:?}");
    for name in set {
        assert!(known.contains(&format!("[env: {name}=")), "no service reads {name}");
    }
    Ok(())
}

#[test]
fn no_key_or_password_is_in_a_variable_of_a_container() -> anyhow::Result<()> {
    let compose = deployed("compose.yml")?;
    for (variable, file) in [
        ("TATUM_PRIVATE_KEY", "secrets/proposer.json"),
        ("TATUM_NODE_KEY", "secrets/node.json"),
        ("TATUM_KEYSTORE_PASSWORD", "secrets/node.password"),
        ("POSTGRES_PASSWORD:", "secrets/postgres.password"),
        ("PGPASSWORD", "secrets/pgpass"),
    ] {
        assert!(!compose.contains(variable), "{variable} is in the environment");
        assert!(compose.contains(&format!("{{ file: {file} }}")), "{file} is not mounted");
    }
    Ok(())
}
