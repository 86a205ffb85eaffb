//! The keys that sign for a vault, which the streams' owner names.

use tatum_primitives::Address;

use super::changed;
use super::vault::OfArgs;
use crate::cmd::session::NamedKeyArgs;
use crate::confirm::ConfirmArgs;
use crate::output::Output;

/// Which key is to sign.
#[derive(Debug, clap::Args)]
pub(crate) struct AuthorizeArgs {
    #[command(flatten)]
    named: NamedKeyArgs,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    of: OfArgs,
}

/// Which key is to sign no longer.
#[derive(Debug, clap::Args)]
pub(crate) struct RevokeArgs {
    /// Address of the key
    key: Address,
    #[command(flatten)]
    of: OfArgs,
}

pub(super) async fn authorize(args: &AuthorizeArgs, output: Output) -> anyhow::Result<()> {
    let vault = args.of.vault;
    let named = args.named.find(args.of.account.password_file())?;
    let chain = args.of.account.connect().await?;
    chain.check_stream_owner(vault).await?;
    let (key, proof) = named.for_payer(chain.domain(), vault);
    let what = format!("let {key} sign receipts that the vault {vault} pays for");
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.authorize_sponsored_key(vault, key, proof).await?;
        changed(&chain, vault, transaction, output).await?;
    }
    Ok(())
}

pub(super) async fn revoke(args: &RevokeArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.of.account.connect().await?;
    let transaction = chain.revoke_sponsored_key(args.of.vault, args.key).await?;
    changed(&chain, args.of.vault, transaction, output).await
}
