//! The money side of the demo: claims, audits, and the payout rule worked out once more in the plainest way.

use std::collections::BTreeMap;
use std::path::Path;

use crate::Devnet;
use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tatum_chain::EpochInputs;
use tatum_chain::deploy::Parameters;
use tatum_primitives::{Address, B256, Epoch, Nano, OperatorId, Role, U256};
use tatum_receipt::SignedReceipt;

use super::cast::{Cast, Operator};
use super::network::Network;
use super::tatum;

/// Receipts whose proofs are kept.
const KEPT_RECEIPTS: usize = 4;

/// An epoch as it was published, and what the audit says of it.
#[derive(Debug, Serialize)]
pub struct AuditedEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// Its root on chain.
    pub root: B256,
    /// The fees of the epoch.
    pub pot_nano: Nano,
    /// What it added to operators' earnings.
    pub distributed_nano: Nano,
    /// What was available and paid to nobody.
    pub carried_nano: Nano,
    /// Receipts it was paid by.
    pub receipts: usize,
    /// "ok", or what the audit found.
    pub audit: String,
}

/// An operator after its claim.
#[derive(Debug, Serialize)]
pub struct PaidOperator {
    /// Its id.
    pub id: OperatorId,
    /// Its payout address.
    pub address: Address,
    /// Messages in its receipts.
    pub messages_relayed: u64,
    /// Receipts it was paid by.
    pub receipts: usize,
    /// What it has earned.
    pub earned_nano: Nano,
    /// What the web API said that it can claim.
    pub claimable_nano: Nano,
    /// What it has claimed.
    pub claimed_nano: Nano,
    /// What its address holds.
    pub balance_wei: U256,
    /// What the address held before the claim.
    #[serde(skip)]
    balance_before_wei: U256,
}

impl PaidOperator {
    /// Whether it claimed all it earned, and its balance rose by just that.
    pub fn is_paid_in_full(&self) -> bool {
        let due = self.balance_before_wei + self.earned_nano.to_wei();
        self.claimed_nano == self.earned_nano && self.balance_wei == due
    }

    /// The balance in DATA, rounded down to nano.
    pub fn balance(&self) -> String {
        Nano::from_wei_down(self.balance_wei).map_or_else(|_| "?".into(), |nano| nano.to_string())
    }
}

/// The payout rule worked out from the published receipts and the chain, without the project's own roll-up.
#[derive(Debug, Default)]
pub struct Recomputed {
    /// Receipts that the aggregator accepted.
    pub receipts_accepted: u64,
    /// Receipts that the aggregator rejected.
    pub receipts_rejected: u64,
    /// Messages that subscribers signed for.
    pub messages_to_subscribers: u64,
    /// What proposers of final epochs got.
    pub proposers_nano: u64,
    operators: BTreeMap<OperatorId, Share>,
}

/// One operator's part in it.
#[derive(Debug, Default)]
struct Share {
    messages: u64,
    receipts: usize,
    earned_nano: u64,
}

impl Recomputed {
    /// Pays the proposer and the operators of one epoch out of what is left; says how much operators get in all.
    fn pay(
        &mut self,
        inputs: &EpochInputs,
        receipts: &[SignedReceipt],
        left: u64,
        proposers_part: u64,
    ) -> anyhow::Result<u64> {
        let works = works(inputs, receipts)?;
        let work = works.values().sum::<u64>();
        let proposer = proposers_part.min(left - work);
        self.proposers_nano += proposer;
        let common = left - proposer - work;
        let (bonds, capacities) = (inputs.total_bond_wei, inputs.total_capacity_bytes);
        let pot = Nano::from_wei_down(inputs.pot_wei)?.0;
        let mut paid_out = 0;
        for operator in &inputs.operators {
            let work = works.get(&operator.id).copied().unwrap_or_default();
            let cap = part(pot, U256::from(operator.capacity_bytes), capacities);
            let full = work.min(cap);
            let paid = full + (work - full).min(2 * cap) / 2;
            let by_bond = part(common, U256::from(operator.bond_wei), bonds);
            let pool = match inputs.pool_limit_bps.bps() {
                0 => by_bond,
                limit => by_bond.min(part(paid, U256::from(limit), U256::from(10_000))),
            };
            self.operators.entry(operator.id).or_default().earned_nano += paid + pool;
            paid_out += paid + pool;
        }
        Ok(paid_out)
    }

    /// What the operator has earned in all epochs.
    pub fn earned_nano(&self, operator: OperatorId) -> Option<Nano> {
        self.operators.get(&operator).map(|share| Nano(share.earned_nano))
    }
}

#[derive(Debug, Deserialize)]
struct Status {
    #[serde(with = "tatum_primitives::decimal::optional_nano")]
    earned_nano: Option<Nano>,
    #[serde(with = "tatum_primitives::decimal::nano")]
    claimed_nano: Nano,
    payout: Address,
}

#[derive(Debug, Deserialize)]
struct Audit {
    ok: bool,
}

/// Claims for every operator with the CLI and reads back what it has.
pub async fn claim_all(
    devnet: &Devnet,
    cast: &Cast,
    network: &Network,
    recomputed: &Recomputed,
) -> anyhow::Result<Vec<PaidOperator>> {
    let mut paid = Vec::new();
    for operator in &cast.operators {
        let share = recomputed.operators.get(&operator.id);
        paid.push(claim(devnet, operator, network, share).await?);
    }
    Ok(paid)
}

async fn claim(
    devnet: &Devnet,
    operator: &Operator,
    network: &Network,
    share: Option<&Share>,
) -> anyhow::Result<PaidOperator> {
    let chain = devnet.connect(&operator.account).await?;
    let id = operator.id.to_string();
    let aggregator = network.aggregator_url();
    let balance_before_wei = chain.balance_wei(operator.account.address()).await?;
    let claimable_nano = network.claimable(operator.id).await?;
    let arguments = ["operator", "claim", "--operator", &id, "--aggregator", aggregator];
    let mut command = tatum::command(devnet, &arguments)?;
    command.env("TATUM_PRIVATE_KEY", tatum::hex(&operator.account));
    let _: Value = tatum::json(command).await?;
    let arguments = ["operator", "status", "--operator", &id, "--aggregator", aggregator];
    let status: Status = tatum::json(tatum::command(devnet, &arguments)?).await?;
    Ok(PaidOperator {
        id: operator.id,
        address: status.payout,
        messages_relayed: share.map_or(0, |share| share.messages),
        receipts: share.map_or(0, |share| share.receipts),
        earned_nano: status.earned_nano.context("the aggregator does not tell the earnings")?,
        claimed_nano: status.claimed_nano,
        balance_wei: chain.balance_wei(status.payout).await?,
        balance_before_wei,
        claimable_nano,
    })
}

/// Audits every epoch with the CLI.
pub async fn audit_all(
    devnet: &Devnet,
    network: &Network,
    last: Epoch,
) -> anyhow::Result<Vec<AuditedEpoch>> {
    let mut audited = Vec::new();
    for epoch in (0..=last.0).map(Epoch) {
        let number = epoch.to_string();
        let arguments = ["audit", "epoch", &number, "--dataset", network.aggregator_url()];
        let audit = match tatum::json::<Audit>(tatum::command(devnet, &arguments)?).await {
            Ok(audit) if audit.ok => "ok".to_owned(),
            Ok(_) => "differs".to_owned(),
            Err(error) => format!("{error:#}"),
        };
        let manifest = network.get(&format!("/v1/epochs/{epoch}/manifest")).await?;
        let chain = devnet.connect(&Devnet::account("auditor")).await?;
        let pot_wei = chain.epoch_inputs(epoch).await?.pot_wei;
        audited.push(AuditedEpoch {
            epoch,
            root: field(&manifest, "/results/root")?,
            pot_nano: Nano::from_wei_down(pot_wei)?,
            distributed_nano: amount(&manifest, "/results/distributed_nano")?,
            carried_nano: amount(&manifest, "/results/carried_nano")?,
            receipts: network.receipts(epoch).await?.len(),
            audit,
        });
    }
    Ok(audited)
}

/// Keeps a few receipts with their proofs, for `tatum audit receipt`.
pub async fn keep_receipts(network: &Network, last: Epoch, out: &Path) -> anyhow::Result<()> {
    let folder = out.join("receipts");
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    let mut kept = 0;
    for epoch in (0..=last.0).map(Epoch) {
        for signed in network.receipts(epoch).await?.iter().take(KEPT_RECEIPTS / 2) {
            // Kept byte for byte: a proof file has one spelling.
            let path = format!("/v1/epochs/{epoch}/receipts/{}", signed.leaf());
            let proof = network.text(&path).await?;
            let file = folder.join(format!("receipt-{kept}.json"));
            std::fs::write(&file, proof).with_context(|| format!("writing {}", file.display()))?;
            kept += 1;
        }
    }
    ensure!(kept > 0, "no epoch has a receipt");
    Ok(())
}

/// Works out what every operator has earned, epoch by epoch.
pub async fn recompute(
    devnet: &Devnet,
    network: &Network,
    last: Epoch,
) -> anyhow::Result<Recomputed> {
    let chain = devnet.connect(&Devnet::account("auditor")).await?;
    let mut recomputed = Recomputed::default();
    // As every devnet of the tests has it.
    let proposer_bps = u64::from(Parameters::well_known("local")?.proposer_bps);
    let (mut promised_nano, mut funded_before) = (0, 0);
    for epoch in (0..=last.0).map(Epoch) {
        let inputs = chain.epoch_inputs(epoch).await?;
        let receipts = network.receipts(epoch).await?;
        recomputed.count(&receipts);
        let funded = Nano::from_wei_down(inputs.funded_through_wei)?.0;
        let left = funded - promised_nano - recomputed.proposers_nano;
        let part = (funded - funded_before) * proposer_bps / 10_000;
        promised_nano += recomputed.pay(&inputs, &receipts, left, part)?;
        funded_before = funded;
    }
    let counts = network.receipt_counts().await?;
    (recomputed.receipts_accepted, recomputed.receipts_rejected) = counts;
    Ok(recomputed)
}

impl Recomputed {
    fn count(&mut self, receipts: &[SignedReceipt]) {
        for SignedReceipt { receipt, .. } in receipts {
            let share = self.operators.entry(receipt.operator_id).or_default();
            share.receipts += 1;
            share.messages += receipt.messages;
            if receipt.role == Role::Subscriber {
                self.messages_to_subscribers += receipt.messages;
            }
        }
    }
}

/// What receipts steer to each operator.
fn works(
    inputs: &EpochInputs,
    receipts: &[SignedReceipt],
) -> anyhow::Result<BTreeMap<OperatorId, u64>> {
    let mut works: BTreeMap<OperatorId, u64> = BTreeMap::new();
    for payer in &inputs.payers {
        let fee = Nano::from_wei_down(payer.fee_wei)?.0;
        let share = U256::from(inputs.pool_bps.bps());
        let steered = fee - part(fee, share, U256::from(10_000));
        let mut units: BTreeMap<OperatorId, u128> = BTreeMap::new();
        for signed in receipts.iter().filter(|signed| signed.receipt.payer == payer.payer) {
            let own = units.entry(signed.receipt.operator_id).or_default();
            *own += u128::from(signed.receipt.bytes_on_time);
        }
        let all = U256::from(units.values().sum::<u128>());
        for (operator, units) in units {
            *works.entry(operator).or_default() += part(steered, U256::from(units), all);
        }
    }
    Ok(works)
}

/// `⌊amount · share / whole⌋`, and nothing of a whole that is nothing.
fn part(amount: u64, share: U256, whole: U256) -> u64 {
    (U256::from(amount) * share).checked_div(whole).unwrap_or_default().saturating_to()
}

/// A field of a JSON document, by its pointer.
fn field<T: serde::de::DeserializeOwned>(document: &Value, pointer: &str) -> anyhow::Result<T> {
    let value = document.pointer(pointer).with_context(|| format!("no {pointer} in {document}"))?;
    serde_json::from_value(value.clone()).with_context(|| format!("reading {pointer}"))
}

/// An amount that is written as decimal text.
fn amount(document: &Value, pointer: &str) -> anyhow::Result<Nano> {
    Ok(Nano(field::<String>(document, pointer)?.parse()?))
}
