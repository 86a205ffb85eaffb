//! What `publish`, `subscribe` and `bridge` share: who pays, which key signs, where the network is.

use std::net::SocketAddr;
use std::path::PathBuf;

use alloy::primitives::U256;
use anyhow::Context;
use tatum_channel::Price;
use tatum_node::GroupKey;
use tatum_node::client::{Config, Keys, Rotation};
use tatum_node::relay::SharedFacts;
use tatum_primitives::Address;

use crate::amounts::parse_data;
use crate::args::{ChainArgs, TrackerArgs};
use crate::data_folder::DataFolder;
use crate::followed::Followed;
use crate::keys::{self, KeySource};

/// The payer and the network.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ClientArgs {
    /// Whose stake pays; otherwise the address of the key itself
    #[arg(long, value_name = "ADDRESS", env = "TATUM_PAYER")]
    payer: Option<Address>,
    /// Keystore file of the key that signs messages and receipts, used if TATUM_SESSION_KEY is not set
    #[arg(long, value_name = "FILE")]
    session_keystore: Option<PathBuf>,
    /// Keystore file of a group key that you hand out yourself, used if TATUM_GROUP_KEY is not set. Without one the
    /// publisher draws keys and gives them to whom the stream's owner permits
    #[arg(long, value_name = "FILE")]
    group_keystore: Option<PathBuf>,
    /// File with the keystores' password; otherwise TATUM_KEYSTORE_PASSWORD
    #[arg(long, value_name = "FILE", env = "TATUM_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
    /// Pay relays by channel where the payer has one with their operator, up to so much DATA per GiB; its stake pays elsewhere
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data)]
    channel_limit_per_gib: Option<U256>,
    /// The same per 1 000 messages; a limit that is not given is nothing
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data)]
    channel_limit_per_1000_messages: Option<U256>,
    #[command(flatten)]
    trackers: TrackerArgs,
    /// UDP address of all links; all addresses of this machine unless given
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:0")]
    bind: SocketAddr,
    /// Address told to peers instead, such as the public one; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    advertise: Vec<SocketAddr>,
    /// Folder for receipts, so that a restart goes on where it stopped; without it they live as long as the process
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// What a client needs for as long as it runs.
#[derive(Debug)]
pub(crate) struct Connected {
    _network: Followed,
    _folder: Option<DataFolder>,
}

impl ClientArgs {
    /// Where links end on this machine.
    pub(crate) const fn bind(&self) -> SocketAddr {
        self.bind
    }

    /// A client of the network, and the chain it follows meanwhile.
    pub(crate) async fn config(&self) -> anyhow::Result<(Config, Connected)> {
        let key = self.key("session key", "TATUM_SESSION_KEY", self.session_keystore.as_ref());
        let key = keys::session_key(&key.required()?)?;
        let group = self.key("group key", "TATUM_GROUP_KEY", self.group_keystore.as_ref());
        let keys = match group.find()? {
            Some(group) => Keys::Static(GroupKey::new(*group)),
            None => Keys::Exchanged(Rotation::default()),
        };
        let folder = self.data.as_deref().map(DataFolder::take).transpose()?;
        let network = Followed::new(&self.chain, 0).await.context("reading the chain")?;
        let payer = self.payer.unwrap_or(key.address());
        let trackers = self.trackers.trackers()?;
        let mut config = Config::new(trackers, payer, key, network.domain, keys, network.clock());
        config.channel_limit = self.channel_limit()?;
        config.facts = Some(SharedFacts::new(network.view.clone()));
        config.data_dir.clone_from(&self.data);
        config.bind = self.bind;
        config.advertise.clone_from(&self.advertise);
        Ok((config, Connected { _network: network, _folder: folder }))
    }

    /// What channels may cost, if they pay at all.
    fn channel_limit(&self) -> anyhow::Result<Option<Price>> {
        let limits = (self.channel_limit_per_gib, self.channel_limit_per_1000_messages);
        if limits == (None, None) {
            return Ok(None);
        }
        let wei = |limit: Option<U256>| {
            u128::try_from(limit.unwrap_or_default()).context("no price is that high")
        };
        let (per_gib_wei, per_1000_messages_wei) = (wei(limits.0)?, wei(limits.1)?);
        Ok(Some(Price { per_gib_wei, per_1000_messages_wei }))
    }

    fn key<'a>(
        &'a self,
        purpose: &'static str,
        variable: &'static str,
        keystore: Option<&'a PathBuf>,
    ) -> KeySource<'a> {
        KeySource {
            purpose,
            variable,
            keystore: keystore.map(PathBuf::as_path),
            password_file: self.password_file.as_deref(),
        }
    }
}
