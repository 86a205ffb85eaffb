//! The honest operator: what it delivers on a channel, which receipts it takes, and what it is owed for them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tatum_chain::ChainView;
use tatum_channel::{Channel, LaneAccount, Shortfall, Standing, lane_id};
use tatum_database::NodeStore;
use tatum_primitives::{B256, U256};
use tatum_receipt::checks::{ChainFacts, OpenChannel};
use tatum_receipt::{Contents, SignedReceipt, Verifier};

use super::payer::{Lane, PRICE};
use super::world::HONEST;

/// Delivered without a receipt, at most: twenty messages.
pub(crate) const UNSIGNED_WEI: u128 = 2 * tatum_primitives::WEI_PER_DATA;

pub(crate) struct Operator {
    store: NodeStore,
    /// Blocks that it waits before a deposit counts.
    view: ChainView,
    lanes: BTreeMap<Lane, LaneAccount>,
    /// By channel and lane: the most that is owed in a receipt that is kept.
    accepted: BTreeMap<B256, BTreeMap<B256, u128>>,
    /// Channels that it signed an end of: whatever comes, it delivers no more on them.
    agreed: BTreeSet<B256>,
}

impl Operator {
    pub(crate) async fn new(folder: &Path, view: ChainView) -> anyhow::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let store = NodeStore::open_file(&folder.join("node.db")).await?;
        let (lanes, accepted, agreed) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        Ok(Self { store, view, lanes, accepted, agreed })
    }

    /// What it is owed in a channel by receipts that it took.
    pub(crate) fn owed_wei(&self, channel: B256) -> u128 {
        self.accepted.get(&channel).map_or(0, |lanes| lanes.values().sum())
    }

    pub(crate) fn owed_in_all_wei(&self) -> U256 {
        self.accepted.keys().map(|channel| U256::from(self.owed_wei(*channel))).sum()
    }

    pub(crate) fn agree(&mut self, channel: B256) {
        self.agreed.insert(channel);
    }

    /// What is known of a channel below the depth that it waits for, if its newest state is no worse.
    pub(crate) fn confirmed(&self, newest: &Channel) -> Option<OpenChannel> {
        let known = self.view.open_channel(newest.pair().payer, HONEST)?;
        let open = newest.state()?;
        let stands = known.id == newest.id() && open.exit_ends_s.is_none();
        (stands && !self.agreed.contains(&known.id)).then_some(known)
    }

    /// Whether another `cost_wei` may be delivered.
    pub(crate) fn serves(&self, known: &OpenChannel, cost_wei: u128) -> Result<(), Shortfall> {
        let of_channel = self.lanes.values().filter(|lane| lane.channel() == known.id);
        let unsigned = of_channel.map(|lane| lane.due_wei().saturating_sub(lane.stated_wei()));
        let unsigned_wei: u128 = unsigned.sum();
        let outstanding_wei =
            (self.owed_wei(known.id) + unsigned_wei).saturating_sub(known.paid_wei);
        let standing = Standing {
            confirmed_left_wei: known.deposited_wei - known.paid_wei,
            is_exiting: known.is_exiting,
            outstanding_wei,
            unsigned_limit_wei: UNSIGNED_WEI,
            unsigned_wei,
        };
        standing.serves(cost_wei)
    }

    pub(crate) fn lane(&mut self, lane: Lane) -> &mut LaneAccount {
        self.lanes.entry(lane).or_insert_with(|| LaneAccount::new(lane.0, PRICE))
    }

    /// Takes a receipt if it pays for what was delivered and its payer's key signed it; it is on disk then.
    pub(crate) async fn take(
        &mut self,
        lane: Lane,
        signed: &SignedReceipt,
        verifier: &Verifier,
    ) -> anyhow::Result<bool> {
        let receipt = &signed.receipt;
        let may_sign = verifier
            .signer(signed)
            .is_ok_and(|signer| self.view.is_authorized(receipt.payer, signer, receipt.epoch));
        if !may_sign || receipt.channel != lane.0 || self.lane(lane).check(receipt).is_err() {
            return Ok(false);
        }
        self.store.keep_own(signed, &Contents::default()).await?;
        self.lane(lane).take(receipt);
        let accepted = self.accepted.entry(receipt.channel).or_default();
        let owed = accepted.entry(lane_id(receipt)).or_default();
        *owed = receipt.owed.max(*owed);
        Ok(true)
    }

    pub(crate) async fn close(&self) {
        self.store.close().await;
    }
}
