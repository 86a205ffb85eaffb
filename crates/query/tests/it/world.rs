//! Made-up epochs. Signatures are not looked at here, so there are none.

use std::num::NonZero;

use alloy_primitives::{Address, B256, U256, keccak256};
use tatum_dataset::{
    Beside, CountedReceipt, Dataset, EpochData, Operator, Parameters, Payer, Sources, Writer,
    newest_of_each_key,
};
use tatum_primitives::{Bps, Epoch, Nano, NodeId, OperatorId, Role, StreamKey, WEI_PER_DATA};
use tatum_query::{Answer, Engine, Error};
use tatum_receipt::{DeliveryReceipt, Signature, SignedReceipt};
use tatum_rewards::Pay;
use tempfile::TempDir;

/// A payer's receipt in short.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) payer: u64,
    pub(crate) operator: u32,
    pub(crate) stream: u64,
    pub(crate) bytes: u64,
    pub(crate) on_time: u64,
}

pub(crate) fn parameters() -> Parameters {
    Parameters {
        chain_id: 1,
        stake_pool: Address::repeat_byte(1),
        distributor: Address::repeat_byte(2),
        epoch: Epoch(9),
        pool_bps: Bps::new(1_234).unwrap(),
        pool_limit_bps: Bps::new(5_000).unwrap(),
        grace_ms: 0,
        pot_nano: Nano(900_000_000_000),
        available_nano: Nano(1_000_000_000_000),
        previous_total_nano: Nano::ZERO,
        previous_manifest_hash: None,
        assented: None,
        forced_hash: B256::ZERO,
    }
}

pub(crate) fn address(payer: u64) -> Address {
    Address::from_slice(&keccak256(payer.to_be_bytes())[..20])
}

pub(crate) fn payer(number: u64, fee_wei: u128) -> Payer {
    Payer {
        payer: address(number),
        fee_wei: U256::from(fee_wei),
        quota_bytes: U256::from(u64::MAX),
    }
}

pub(crate) fn operator(id: u32, bond_wei: u128, capacity_bytes: u64) -> Operator {
    let (operator_id, payout) = (OperatorId(id), Address::repeat_byte(7));
    Operator { operator_id, payout, bond_wei, capacity_bytes }
}

pub(crate) fn receipt(work: &Work) -> SignedReceipt {
    let receipt = DeliveryReceipt {
        payer: address(work.payer),
        operator_id: OperatorId(work.operator),
        node: NodeId(keccak256(work.operator.to_be_bytes())),
        stream_key: StreamKey(keccak256(work.stream.to_be_bytes())),
        role: Role::Subscriber,
        epoch: Epoch(9),
        sequence: 1,
        messages: 1,
        bytes: work.bytes,
        bytes_on_time: work.on_time,
        contents: keccak256([work.stream.to_be_bytes(), work.payer.to_be_bytes()].concat()),
        ..DeliveryReceipt::default()
    };
    SignedReceipt { receipt, signature: Signature([27; 65]) }
}

pub(crate) fn epoch(payers: Vec<Payer>, operators: Vec<Operator>, work: &[Work]) -> EpochData {
    let receipts = work.iter().map(receipt).collect();
    let (parameters, previous_nano) = (parameters(), vec![]);
    let (sources, beside) = (Sources::default(), Beside::default());
    EpochData { parameters, payers, operators, previous_nano, receipts, sources, beside }
}

/// A few hundred payers, and more receipts than fit into a row group.
pub(crate) fn large() -> EpochData {
    let payers = (0..600).map(|number| payer(number, u128::from(number) * 1_000_000_007)).collect();
    let backed = |id: u32| (u128::from(id % 7) * WEI_PER_DATA, u64::from(id % 5) << 40);
    let operators = (0..40).map(|id| operator(id, backed(id).0, backed(id).1)).collect();
    let work = (0..90_000u64).map(|number| Work {
        payer: number % 600,
        operator: u32::try_from(number / 600 * 7 % 40).unwrap(),
        stream: number,
        bytes: 1 + number * number % 1_000_003,
        on_time: number % 11 * (1 + number * number % 1_000_003) / 11,
    });
    epoch(payers, operators, &work.collect::<Vec<_>>())
}

/// An engine that takes nothing for granted.
pub(crate) fn engine(threads: usize) -> Engine {
    Engine { threads: NonZero::new(threads).unwrap(), sorted: false, ..Engine::new() }
}

/// Writes the dataset: what the roll-up pays, and the dataset.
pub(crate) fn write(data: EpochData) -> (Vec<Pay>, Dataset, TempDir) {
    let parent = TempDir::new().unwrap();
    let EpochData { parameters, payers, operators, previous_nano, receipts, .. } = data;
    let writer = Writer::create(parent.path(), parameters, payers, operators, previous_nano);
    let mut writer = writer.unwrap();
    let counted = newest_of_each_key(receipts).into_iter().map(CountedReceipt::forced);
    writer.push_all(&counted.collect::<Vec<_>>()).unwrap();
    let written = writer.finish().unwrap();
    let pays = written.distribution.rows.iter().map(|row| {
        let (work_nano, paid_nano, pool_nano) = (row.work_nano, row.paid_nano, row.pool_nano);
        Pay { work_nano, paid_nano, pool_nano }
    });
    (pays.collect(), Dataset::open(&written.folder).unwrap(), parent)
}

/// What the query pays by a dataset's files.
pub(crate) fn queried(engine: &Engine, dataset: &Dataset) -> Result<Answer, Error> {
    engine.pays(dataset.folder(), &dataset.manifest().parameters)
}
