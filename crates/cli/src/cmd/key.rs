//! `tatum key`: encrypted key files.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use ed25519_dalek::SigningKey;
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use tatum_primitives::B256;
use zeroize::Zeroizing;

use crate::keys::{self, KeySource};
use crate::keystore::Secret;
use crate::output::Output;

/// What to do with keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Make a new key and write it encrypted
    #[command(
        after_help = "Examples:\n  TATUM_KEYSTORE_PASSWORD=… tatum key new --file operator.json\n  tatum key new --kind node --file node.json --password-file password.txt"
    )]
    New(Args),
    /// Encrypt an existing key: 64 hex digits, from the terminal or standard input
    #[command(after_help = "Example:\n  tatum key import --file operator.json < operator.hex")]
    Import(Args),
    /// Print the address (or node id) of a key file
    #[command(
        after_help = "Example:\n  tatum key show --kind node --file node.json --password-file password.txt"
    )]
    Show(Args),
}

/// Which key file.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The keystore file (web3 v3)
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// What the key is for
    #[arg(long, value_enum, default_value = "account")]
    kind: Kind,
    /// File with the password; otherwise TATUM_KEYSTORE_PASSWORD
    #[arg(long, value_name = "FILE", env = "TATUM_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
}

/// The two kinds of keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// secp256k1: payers, operators, proposers, session keys
    Account,
    /// ed25519: nodes
    Node,
}

#[derive(Debug, Serialize)]
struct Shown {
    file: PathBuf,
    id: String,
}

pub(crate) fn run(command: &Command, output: &Output) -> anyhow::Result<ExitCode> {
    let (args, secret) = match command {
        Command::New(args) => {
            let secret = fresh(args.kind)?;
            write(&secret, args)?;
            (args, secret)
        }
        Command::Import(args) => {
            let secret = keys::import()?;
            write(&secret, args)?;
            (args, secret)
        }
        Command::Show(args) => {
            let source = KeySource {
                purpose: "key file",
                variable: "",
                keystore: Some(&args.file),
                password_file: args.password_file.as_deref(),
            };
            (args, source.required()?)
        }
    };
    let name = match args.kind {
        Kind::Account => "address",
        Kind::Node => "node",
    };
    let id = id_of(args.kind, &secret)?;
    let shown = Shown { file: args.file.clone(), id };
    output.result(&shown, &[("file", shown.file.display().to_string()), (name, shown.id.clone())]);
    Ok(ExitCode::SUCCESS)
}

/// The address or node id of a key.
pub(crate) fn id_of(kind: Kind, secret: &Secret) -> anyhow::Result<String> {
    Ok(match kind {
        Kind::Account => keys::session_key(secret)?.address().to_string(),
        Kind::Node => node_id(secret).to_string(),
    })
}

fn write(secret: &Secret, args: &Args) -> anyhow::Result<()> {
    let address = match args.kind {
        Kind::Account => Some(keys::session_key(secret)?.address().to_string()),
        Kind::Node => None,
    };
    let password = keys::new_password(args.password_file.as_deref())?;
    keys::encrypt(secret, &args.file, &password, address.as_deref())
}

/// A new secret that is valid for its kind.
pub(crate) fn fresh(kind: Kind) -> anyhow::Result<Secret> {
    loop {
        let mut secret: Secret = Zeroizing::new([0; 32]);
        OsRng.try_fill_bytes(secret.as_mut()).context("drawing a key")?;
        if matches!(kind, Kind::Node) || keys::session_key(&secret).is_ok() {
            return Ok(secret);
        }
    }
}

fn node_id(secret: &Secret) -> B256 {
    B256::from(SigningKey::from_bytes(secret).verifying_key().to_bytes())
}
