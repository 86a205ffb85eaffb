//! `tatum session`: keys that sign receipts for a payer, so that the payer's own key can stay offline.

use std::path::PathBuf;
use std::process::ExitCode;

use alloy::primitives::TxHash;
use serde::Serialize;
use tatum_primitives::Address;

use super::stake::AccountArgs;
use crate::keys::{self, KeySource};
use crate::output::Output;

/// What to do with session keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Let a key sign receipts for the account
    #[command(
        after_help = "Example:\n  TATUM_SESSION_KEY=0x… tatum session authorize --keystore payer.json"
    )]
    Authorize {
        /// Keystore file of the session key, used if TATUM_SESSION_KEY is not set
        #[arg(long, value_name = "FILE")]
        session_keystore: Option<PathBuf>,
        #[command(flatten)]
        account: AccountArgs,
    },
    /// Take the authorisation back after the epochs the key may still sign for
    #[command(after_help = "Example:\n  tatum session revoke 0x7099…79C8 --keystore payer.json")]
    Revoke {
        /// Address of the session key
        key: Address,
        #[command(flatten)]
        account: AccountArgs,
    },
}

#[derive(Debug, Serialize)]
struct Done {
    payer: Address,
    session_key: Address,
    transaction: TxHash,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let done = match command {
        Command::Authorize { session_keystore, account } => {
            let source = KeySource {
                purpose: "session key",
                variable: "TATUM_SESSION_KEY",
                keystore: session_keystore.as_deref(),
                password_file: account.password_file(),
            };
            let key = keys::session_key(&source.required()?)?;
            let chain = account.connect().await?;
            let transaction = chain.authorize_session_key(&key).await?;
            Done { payer: chain.account()?, session_key: key.address(), transaction }
        }
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
