//! Made-up epochs. Signatures are not looked at here, so there are none.

use std::num::NonZero;
use std::path::{Path, PathBuf};

use alloy_primitives::{Address, B256, U256, keccak256};
use tatum_dataset::{EpochData, Operator, Parameters, Payer, Tables, Writer, newest_of_each_key};
use tatum_primitives::{Bps, Epoch, Nano, NodeId, OperatorId, Role, StreamKey};
use tatum_query::{Answer, Engine, Error};
use tatum_receipt::{DeliveryReceipt, Signature, SignedReceipt};
use tatum_rewards::{PoolWeight, Share};
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
        block_number: 1,
        block_hash: B256::ZERO,
        pool_bps: Bps::new(1_234).unwrap(),
        pool_weight: PoolWeight::Uniform,
        grace_ms: 0,
        available_nano: Nano(1_000_000_000_000),
        previous_total_nano: Nano::ZERO,
        previous_manifest_hash: None,
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

pub(crate) fn operator(id: u32, bond_wei: u128, eligible: bool) -> Operator {
    Operator { operator_id: OperatorId(id), payout: Address::repeat_byte(7), bond_wei, eligible }
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
    EpochData { parameters: parameters(), payers, operators, previous_nano: vec![], receipts }
}

/// A few hundred payers, and more receipts than fit into a row group.
pub(crate) fn large() -> EpochData {
    let payers = (0..600).map(|number| payer(number, u128::from(number) * 1_000_000_007)).collect();
    let operators = (0..40).map(|id| operator(id, 10u128.pow(18), id % 7 != 0)).collect();
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

/// Writes the dataset and rolls it up both ways: the reference's shares, the engine's answer, and the folder.
pub(crate) fn both_ways(
    data: EpochData,
    engine: &Engine,
) -> Result<(Vec<Share>, Answer, PathBuf, TempDir), Error> {
    let parent = TempDir::new().unwrap();
    let mut outcome = None;
    let written = write(parent.path(), data, |tables| {
        let answer = engine.shares(tables.folder(), tables.parameters())?;
        let reference = tables.shares()?;
        outcome = Some((reference.clone(), answer));
        Ok(reference)
    })?;
    let (reference, answer) = outcome.unwrap();
    Ok((reference, answer, written, parent))
}

/// Writes a dataset with the shares of `roll_up`.
pub(crate) fn write(
    parent: &Path,
    data: EpochData,
    roll_up: impl FnOnce(&Tables<'_>) -> Result<Vec<Share>, Error>,
) -> Result<PathBuf, Error> {
    let EpochData { parameters, payers, operators, previous_nano, receipts } = data;
    let mut writer = Writer::create(parent, parameters, payers, operators, previous_nano)?;
    writer.push_all(&newest_of_each_key(receipts))?;
    Ok(writer.finish_by(roll_up)?.folder)
}
