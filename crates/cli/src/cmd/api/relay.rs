//! `tatum api run --relay-key`: the account that pays for the gas of others, and how much.
//!
//! Invariant: without a key nothing is paid, and with one nothing without both bounds.

use std::path::PathBuf;

use alloy::primitives::U256;
use anyhow::Context;
use tatum_api::RelaySettings;
use tatum_chain::Chain;

use crate::amounts::{parse_coin, parse_data};
use crate::args::state_folder;
use crate::data_folder::DataFolder;
use crate::keys::{self, KeySource};

/// What is paid for others.
#[derive(Debug, clap::Args)]
pub(super) struct RelayArgs {
    /// Pay the gas of stakes by permit and of claims for who has none: encrypted keystore file of the account that pays, used if
    /// TATUM_RELAY_PRIVATE_KEY is not set. Of no other use, and never with more than may be lost
    #[arg(long, value_name = "FILE")]
    relay_key: Option<PathBuf>,
    /// File with that keystore's password; otherwise TATUM_KEYSTORE_PASSWORD
    #[arg(long, value_name = "FILE")]
    relay_password_file: Option<PathBuf>,
    /// What is paid in any hour, in the chain's coin, at the most that transactions can cost; has to be given with a key
    #[arg(long, value_name = "COIN", value_parser = parse_coin)]
    relay_coin_per_hour: Option<u128>,
    /// Of that, for one payer or operator, and at the request of one client, by IPv4 address or IPv6 network; has to be given with a key
    #[arg(long, value_name = "COIN", value_parser = parse_coin)]
    relay_coin_per_address_hour: Option<u128>,
    /// The least DATA that a stake or a claim has to be of
    #[arg(long, value_name = "DATA", default_value = "1", value_parser = parse_data)]
    relay_at_least: U256,
}

/// The relay's settings, and its folder, which is its alone as long as this lives.
pub(super) struct Relaying {
    pub(super) settings: RelaySettings,
    _alone: DataFolder,
}

impl RelayArgs {
    /// The relay, if there is to be one, on the chain that `reading` reads.
    pub(super) async fn relaying(&self, reading: &Chain) -> anyhow::Result<Option<Relaying>> {
        let key = KeySource {
            purpose: "relay key",
            variable: "TATUM_RELAY_PRIVATE_KEY",
            keystore: self.relay_key.as_deref(),
            password_file: self.relay_password_file.as_deref(),
        };
        let Some(secret) = key.find()? else { return Ok(None) };
        let bound = |given: Option<u128>, flag: &str| {
            given.with_context(|| format!("a relay has to be told what it may spend: name {flag}"))
        };
        let wei_per_hour = bound(self.relay_coin_per_hour, "--relay-coin-per-hour")?;
        let wei_per_address_hour =
            bound(self.relay_coin_per_address_hour, "--relay-coin-per-address-hour")?;
        let (signer, state) = (keys::signer(&secret)?, state_folder()?);
        let (of, account) = (reading.deployment(), signer.address());
        let folder = state.join(format!("relay-{}-{}-{account}", of.chain_id, of.stake_pool));
        let alone = DataFolder::take_at(&folder, "TATUM_STATE")?;
        let chain = reading.clone().signing(signer, Some(&state)).await?;
        let settings = RelaySettings {
            chain,
            wei_per_hour,
            wei_per_address_hour,
            least_wei: self.relay_at_least,
            folder,
        };
        Ok(Some(Relaying { settings, _alone: alone }))
    }
}
