//! Who pays by channel: channels opened by payers, and redeemed by operators from what their relays keep.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tatum_primitives::{Address, Epoch, OperatorId, Role, U256, WEI_PER_DATA};
use tatum_protocol::{Evidence, ServiceFigures};

use super::cast::{Cast, Operator, Payer};
use super::network::Network;
use super::tatum;
use crate::Devnet;

/// What a message costs by channel: a thousandth of the price of 1 000.
pub const MESSAGE_WEI: u128 = WEI_PER_DATA / 1_000;
/// What a payer puts into each of its channels.
const DEPOSIT_DATA: &str = "50";

/// What became of one payer's channels.
#[derive(Debug, Serialize)]
pub struct PaidByChannel {
    /// The payer.
    pub payer: Address,
    /// Messages that it was delivered, as it wrote them down.
    pub messages: usize,
    /// What that costs at the relays' price.
    #[serde(with = "tatum_primitives::decimal")]
    pub cost_wei: U256,
    /// What each operator redeemed.
    pub operators: Vec<Redeemed>,
}

/// What an operator redeemed from its relays' folders.
#[derive(Debug, Serialize)]
pub struct Redeemed {
    /// The operator.
    pub operator: OperatorId,
    /// Messages that it delivered by channel, as the aggregator has evidence.
    #[serde(with = "tatum_primitives::decimal")]
    pub messages: U256,
    /// Their payload bytes, and how many of them were on time.
    #[serde(with = "tatum_primitives::decimal")]
    pub bytes: U256,
    /// The same.
    #[serde(with = "tatum_primitives::decimal")]
    pub bytes_on_time: U256,
    /// Lanes that paid.
    pub lanes: usize,
    /// What they paid.
    #[serde(with = "tatum_primitives::decimal")]
    pub redeemed_wei: U256,
}

impl PaidByChannel {
    /// Messages that the aggregator has evidence of.
    pub fn messages_in_evidence(&self) -> U256 {
        self.operators.iter().map(|operator| operator.messages).sum()
    }

    /// What all operators redeemed.
    pub fn redeemed_wei(&self) -> U256 {
        self.operators.iter().map(|operator| operator.redeemed_wei).sum()
    }
}

#[derive(Debug, Deserialize)]
struct Outcome {
    redeemed: usize,
    #[serde(with = "tatum_primitives::decimal")]
    redeemed_wei: U256,
}

impl Cast {
    /// Has a subscriber open a channel with every operator; relays that are started after that take channels.
    pub async fn open_channels(
        &mut self,
        devnet: &Devnet,
        subscriber: usize,
    ) -> anyhow::Result<()> {
        let payer = &mut self.subscribers[subscriber];
        for operator in &self.operators {
            let id = operator.id.to_string();
            let arguments = ["channel", "open", "--operator", &id, DEPOSIT_DATA, "--yes"];
            let mut command = tatum::command(devnet, &arguments)?;
            command.env("TATUM_PRIVATE_KEY", tatum::hex(&payer.account));
            let _: Value = tatum::json(command).await?;
        }
        payer.by_channel = true;
        Ok(())
    }
}

/// Has every operator redeem what its relays were given by the one subscriber that pays by channel, and looks up what the aggregator
/// knows of that until the epoch `last`.
pub async fn redeem_all(
    devnet: &Devnet,
    cast: &Cast,
    network: &Network,
    (payer, last): (&Payer, Epoch),
) -> anyhow::Result<PaidByChannel> {
    let evidence = network.evidence(last).await?;
    let mut operators = Vec::new();
    for operator in &cast.operators {
        operators.push(redeem(devnet, cast, network, (operator, &evidence)).await?);
    }
    let messages = network.received_by(payer)?.len();
    let cost_wei = U256::from(messages) * U256::from(MESSAGE_WEI);
    Ok(PaidByChannel { payer: payer.account.address(), messages, cost_wei, operators })
}

async fn redeem(
    devnet: &Devnet,
    cast: &Cast,
    network: &Network,
    (operator, evidence): (&Operator, &[Evidence]),
) -> anyhow::Result<Redeemed> {
    let relays = cast.relays.iter().filter(|relay| relay.operator == operator.id);
    let folders: Vec<String> = relays.map(|relay| network.data(&relay.name)).collect();
    let mut arguments = vec!["channel", "redeem"];
    arguments.extend(folders.iter().flat_map(|folder| ["--data", folder]));
    let mut command = tatum::command(devnet, &arguments)?;
    command.env("TATUM_PRIVATE_KEY", tatum::hex(&operator.account));
    let outcome: Outcome = tatum::json(command).await?;
    let Outcome { redeemed: lanes, redeemed_wei } = outcome;
    let delivered = |figures: &&ServiceFigures| {
        figures.operator == operator.id && figures.role == Role::Subscriber
    };
    let served: Vec<&ServiceFigures> =
        evidence.iter().flat_map(|epoch| &epoch.service).filter(delivered).collect();
    Ok(Redeemed {
        operator: operator.id,
        messages: served.iter().map(|figures| figures.messages).sum(),
        bytes: served.iter().map(|figures| figures.bytes).sum(),
        bytes_on_time: served.iter().map(|figures| figures.bytes_on_time).sum(),
        lanes,
        redeemed_wei,
    })
}
