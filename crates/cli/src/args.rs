//! Argument groups that several commands share.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::Context;
use tatum_chain::{Chain, Deployment, DeploymentError, Endpoints, PrivateKeySigner};
use tatum_node::client::Stream;
use tatum_node::{NodeKey, TrackerAddress, Trackers};
use tatum_primitives::{Address, StreamId, StreamKey, U256};
use tatum_protocol::client::AggregatorClient;

use crate::amounts::parse_data;
use crate::keys::{self, KeySource, KeystoreArgs};

/// Which deployment.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DeploymentArgs {
    /// Deployment file with the contracts' addresses
    #[arg(
        id = "deployment",
        long,
        value_name = "FILE",
        env = "TATUM_DEPLOYMENT",
        default_value = "deployments/31337.json"
    )]
    pub(crate) file: PathBuf,
}

impl DeploymentArgs {
    /// Its contracts.
    pub(crate) fn load(&self) -> Result<Deployment, DeploymentError> {
        Deployment::load(&self.file)
    }
}

/// Which chain.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct EndpointArgs {
    /// JSON-RPC endpoint of the chain. May be repeated: the next one is asked while one does not answer
    #[arg(
        long,
        value_name = "URL",
        env = "TATUM_RPC",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:8545"
    )]
    pub(crate) rpc: Vec<String>,
}

impl EndpointArgs {
    /// Where the chain is asked.
    pub(crate) fn endpoints(&self) -> anyhow::Result<Endpoints> {
        Ok(Endpoints::new(self.rpc.iter().map(String::as_str))?)
    }
}

/// Which chain and which deployment.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ChainArgs {
    #[command(flatten)]
    pub(crate) endpoints: EndpointArgs,
    #[command(flatten)]
    pub(crate) deployment: DeploymentArgs,
}

impl ChainArgs {
    /// Connects for reading.
    pub(crate) async fn read_only(&self) -> anyhow::Result<Chain> {
        let deployment = self.deployment.load()?;
        Ok(Chain::connect(&self.endpoints.endpoints()?, deployment).await?)
    }

    /// Connects with the account's key.
    pub(crate) async fn with_account(&self, keystore: &KeystoreArgs) -> anyhow::Result<Chain> {
        self.account(keystore)?.connect().await
    }

    /// Who can connect with the account's key, again and again: while a connection lasts, no other command sends for the account.
    pub(crate) fn account(&self, keystore: &KeystoreArgs) -> anyhow::Result<Account<'_>> {
        let signer = keys::signer(&keystore.account().required()?)?;
        Ok(Account { chain: self, signer })
    }
}

/// An account's key, unlocked, and the chain that it is for.
pub(crate) struct Account<'a> {
    chain: &'a ChainArgs,
    signer: PrivateKeySigner,
}

impl Account<'_> {
    pub(crate) fn address(&self) -> Address {
        self.signer.address()
    }

    /// Connects with the key.
    pub(crate) async fn connect(&self) -> anyhow::Result<Chain> {
        let chain = self.chain.read_only().await?;
        Ok(chain.signing(self.signer.clone(), Some(&state_folder()?)).await?)
    }
}

/// Where commands keep what they must remember: `TATUM_STATE`, else the user's folder for such things (XDG).
pub(crate) fn state_folder() -> anyhow::Result<PathBuf> {
    let named =
        |variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("TATUM_STATE")
        .or_else(|| named("XDG_STATE_HOME").map(|state| state.join("tatum")))
        .or_else(|| named("HOME").map(|home| home.join(".local/state/tatum")))
        .context("no folder to keep transactions in: set TATUM_STATE, or HOME")
}

/// How much of what an account has.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct PartArgs {
    /// Amount in DATA, at the price of the moment
    #[arg(value_parser = parse_data, required_unless_present = "all")]
    pub(crate) amount: Option<U256>,
    /// Everything
    #[arg(long, conflicts_with = "amount")]
    all: bool,
}

/// Which trackers.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TrackerArgs {
    /// A tracker, as URL or URL#KEY; only that key is accepted then. May be repeated: each stream has its place on one
    /// of them, so everybody needs the same list, in any order and with every key
    #[arg(
        long,
        value_name = "URL",
        env = "TATUM_TRACKER",
        value_delimiter = ',',
        default_value = "http://127.0.0.1:7080"
    )]
    tracker: Vec<TrackerAddress>,
}

impl TrackerArgs {
    /// All of them, if they go together.
    pub(crate) fn trackers(&self) -> anyhow::Result<Trackers> {
        Ok(Trackers::new(self.tracker.clone())?)
    }
}

/// Which aggregator.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AggregatorArgs {
    /// The aggregator: receipts are handed in there, and it publishes the distributions
    #[arg(
        long,
        value_name = "URL",
        env = "TATUM_AGGREGATOR",
        default_value = "http://127.0.0.1:7070"
    )]
    aggregator: String,
}

impl AggregatorArgs {
    /// Where it is.
    pub(crate) fn url(&self) -> &str {
        &self.aggregator
    }

    /// How it is asked.
    pub(crate) fn client(&self) -> anyhow::Result<AggregatorClient> {
        Ok(AggregatorClient::new(&self.aggregator)?)
    }
}

/// Where a node's key comes from.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct NodeKeyArgs {
    /// Encrypted keystore file of the node's key, used if TATUM_NODE_KEY is not set
    #[arg(long, value_name = "FILE")]
    node_keystore: Option<PathBuf>,
    /// File with the keystore's password; otherwise TATUM_KEYSTORE_PASSWORD
    #[arg(long, value_name = "FILE", env = "TATUM_PASSWORD_FILE")]
    password_file: Option<PathBuf>,
}

impl NodeKeyArgs {
    fn source(&self) -> KeySource<'_> {
        KeySource::of_node(self.node_keystore.as_deref(), self.password_file.as_deref())
    }

    /// The key, if one is given.
    pub(crate) fn find(&self) -> anyhow::Result<Option<NodeKey>> {
        Ok(self.source().find()?.map(|secret| NodeKey::from_bytes(&secret)))
    }

    /// The key, or an error that says where it may come from.
    pub(crate) fn required(&self) -> anyhow::Result<NodeKey> {
        Ok(NodeKey::from_bytes(&*self.source().required()?))
    }
}

/// A stream partition as people write it: `ID` or `ID#PARTITION`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StreamArg {
    /// The stream.
    pub(crate) id: StreamId,
    /// The partition, 0 unless given.
    pub(crate) partition: u16,
}

impl StreamArg {
    /// The partition by its name.
    pub(crate) fn named(self) -> Stream {
        Stream::new(self.id, self.partition)
    }

    /// The partition's key.
    pub(crate) fn key(&self) -> StreamKey {
        self.id.key(self.partition)
    }
}

impl FromStr for StreamArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (id, partition) = text.split_once('#').unwrap_or((text, "0"));
        if let Some(digits) = owners_digits(id).filter(|digits| *digits != 40) {
            return Err(format!(
                "a name that begins with 0x is its owner's, and an address has 40 hex digits; here are {digits}"
            ));
        }
        Ok(Self {
            id: id.parse().map_err(|error: tatum_primitives::StreamIdError| error.to_string())?,
            partition: partition.parse().map_err(|_| {
                format!("{partition:?} is no partition; it is a number up to 65535")
            })?,
        })
    }
}

/// How many hex digits stand after the `0x` that a name begins with. Any other first part is nobody's address.
fn owners_digits(id: &str) -> Option<usize> {
    let digits = id.split('/').next()?.strip_prefix("0x")?;
    digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then_some(digits.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_written_with_or_without_a_partition() {
        let parse = |text: &str| text.parse::<StreamArg>();
        assert_eq!(parse("acme/weather").unwrap().partition, 0);
        assert_eq!(parse("acme/weather#12").unwrap().partition, 12);
        assert!(parse("acme/weather#70000").is_err());
        assert!(parse("#1").is_err());
    }

    #[test]
    fn an_owner_that_lost_a_digit_is_noticed() {
        let parse = |text: &str| text.parse::<StreamArg>();
        let owner = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
        assert!(parse(&format!("{owner}/weather")).is_ok());
        assert!(parse("0xylophone/weather").is_ok());
        let error = parse(&format!("{}/weather", &owner[..41])).unwrap_err();
        assert!(error.contains("40 hex digits; here are 39"), "{error}");
    }
}
