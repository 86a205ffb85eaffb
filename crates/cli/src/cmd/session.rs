//! `tatum session`: keys that sign receipts for a payer, so that the payer's own key can stay offline.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use alloy::primitives::{Bytes, TxHash};
use serde::Serialize;
use tatum_chain::session_key_proof;
use tatum_primitives::{Address, Domain};
use tatum_receipt::{SessionKey, Signature};

use super::stake::AccountArgs;
use crate::args::DeploymentArgs;
use crate::keys::{self, KeySource};
use crate::output::Output;

/// What to do with session keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Let a key sign receipts for the account
    #[command(
        after_help = "Examples:\n  TATUM_SESSION_KEY=0x… tatum session authorize --keystore payer.json\n  tatum session authorize --key 0x7099…79C8 --proof 0x6210… --keystore payer.json\n\nWhoever keeps the session key elsewhere makes its proof there with `tatum session prove`."
    )]
    Authorize {
        #[command(flatten)]
        named: NamedKeyArgs,
        #[command(flatten)]
        account: AccountArgs,
    },
    /// Print what a session key's owner hands to the payer, who authorises the key in its wallet: the key's address and its word
    #[command(
        after_help = "Example:\n  TATUM_SESSION_KEY=0x… tatum session prove --payer 0xf39F…2266\n\nPaste both into the page's \"session key\" form. Asks no chain, and needs no key of the payer's. The proof is good for this\npayer and this deployment only."
    )]
    Prove(ProveArgs),
    /// Take the authorisation back after the epochs the key may still sign for
    #[command(after_help = "Example:\n  tatum session revoke 0x7099…79C8 --keystore payer.json")]
    Revoke {
        /// Address of the session key
        key: Address,
        #[command(flatten)]
        account: AccountArgs,
    },
}

/// The key that is to sign: here, or kept elsewhere with its word.
#[derive(Debug, clap::Args)]
pub(crate) struct NamedKeyArgs {
    /// Keystore file of the session key, used if TATUM_SESSION_KEY is not set
    #[arg(long, value_name = "FILE", conflicts_with = "key")]
    session_keystore: Option<PathBuf>,
    /// Address of a session key that is kept elsewhere
    #[arg(long, value_name = "ADDRESS", requires = "proof")]
    key: Option<Address>,
    /// What `tatum session prove` printed for it
    #[arg(long, value_name = "SIGNATURE", requires = "key")]
    proof: Option<Signature>,
}

/// A key that is to sign.
pub(crate) enum NamedKey {
    /// It is here, and gives its word.
    Here(SessionKey),
    /// It gave its word elsewhere.
    Elsewhere(Address, Signature),
}

impl NamedKeyArgs {
    /// The key, read if it is here.
    pub(crate) fn find(&self, password_file: Option<&Path>) -> anyhow::Result<NamedKey> {
        match (self.key, self.proof) {
            (Some(key), Some(proof)) => Ok(NamedKey::Elsewhere(key, proof)),
            _ => session_key(self.session_keystore.as_deref(), password_file).map(NamedKey::Here),
        }
    }
}

impl NamedKey {
    /// Its address, and its word that it signs for `payer`.
    pub(crate) fn for_payer(&self, domain: Domain, payer: Address) -> (Address, Signature) {
        match self {
            Self::Here(key) => (key.address(), session_key_proof(domain, payer, key)),
            Self::Elsewhere(key, proof) => (*key, *proof),
        }
    }
}

/// Which key, and for whom.
#[derive(Debug, clap::Args)]
pub(crate) struct ProveArgs {
    /// The account on whose behalf the key is to sign receipts
    #[arg(long, value_name = "ADDRESS", env = "TATUM_PAYER")]
    payer: Address,
    /// Keystore file of the session key, used if TATUM_SESSION_KEY is not set
    #[arg(long, value_name = "FILE")]
    session_keystore: Option<PathBuf>,
    /// File with the keystore's password; otherwise TATUM_KEYSTORE_PASSWORD
    #[arg(long, value_name = "FILE", env = "TATUM_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    deployment: DeploymentArgs,
}

/// What the payer needs of the key's owner.
#[derive(Debug, Serialize)]
struct Proven {
    payer: Address,
    key: Address,
    proof: Bytes,
}

#[derive(Debug, Serialize)]
struct Done {
    payer: Address,
    session_key: Address,
    transaction: TxHash,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let done = match command {
        Command::Authorize { named, account } => {
            let named = named.find(account.password_file())?;
            let chain = account.connect().await?;
            let (key, proof) = named.for_payer(chain.domain(), chain.account()?);
            let transaction = chain.authorize_proven_session_key(key, proof).await?;
            Done { payer: chain.account()?, session_key: key, transaction }
        }
        Command::Prove(args) => return prove(&args, *output),
        Command::Revoke { key, account } => {
            let chain = account.connect().await?;
            let transaction = chain.revoke_session_key(key).await?;
            Done { payer: chain.account()?, session_key: key, transaction }
        }
    };
    let rows = [
        ("payer", done.payer.to_string()),
        ("session key", done.session_key.to_string()),
        ("transaction", done.transaction.to_string()),
    ];
    output.result(&done, &rows);
    Ok(ExitCode::SUCCESS)
}

fn prove(args: &ProveArgs, output: Output) -> anyhow::Result<ExitCode> {
    let domain = args.deployment.load()?.domain();
    let key = session_key(args.session_keystore.as_deref(), args.password_file.as_deref())?;
    let proof = session_key_proof(domain, args.payer, &key);
    let proof = Bytes::from(proof.0.to_vec());
    let proven = Proven { payer: args.payer, key: key.address(), proof };
    let rows = [
        ("payer", proven.payer.to_string()),
        ("key", proven.key.to_string()),
        ("proof", proven.proof.to_string()),
    ];
    output.result(&proven, &rows);
    Ok(ExitCode::SUCCESS)
}

fn session_key(
    keystore: Option<&Path>,
    password_file: Option<&Path>,
) -> anyhow::Result<SessionKey> {
    let variable = "TATUM_SESSION_KEY";
    let source = KeySource { purpose: "session key", variable, keystore, password_file };
    keys::session_key(&source.required()?)
}
