//! Closing an epoch of a million receipts (100 000 payers times 10 of 1 000 operators): writing the dataset, and rolling it
//! up again from its files. Signatures are taken as verified.
//!
//! Target: 10 million receipts from files to root within 30 s on 2 cores and 2 GiB, so 3 s here.
#![allow(missing_docs)]

use std::path::Path;

use alloy_primitives::{Address, B256, U256, keccak256};
use criterion::{Criterion, criterion_group, criterion_main};
use tatum_dataset::{CountedReceipt, Dataset, Operator, Parameters, Payer, Writer, Written};
use tatum_primitives::{Bps, Epoch, Nano, NodeId, OperatorId, Role, StreamKey, WEI_PER_DATA, WEI_PER_NANO};
use tatum_receipt::{DeliveryReceipt, Signature, SignedReceipt};

const PAYERS: u64 = 100_000;
const OPERATORS: u32 = 1_000;
const RECEIPTS_PER_PAYER: u32 = 10;

fn parameters() -> Parameters {
    Parameters {
        chain_id: 1,
        stake_pool: Address::ZERO,
        distributor: Address::ZERO,
        epoch: Epoch(1),
        block_number: 1,
        block_hash: B256::ZERO,
        pool_bps: Bps::new(1_000).unwrap(),
        pool_limit_bps: Bps::new(5_000).unwrap(),
        grace_ms: 0,
        pot_nano: Nano(PAYERS * WEI_PER_NANO),
        available_nano: Nano(PAYERS * WEI_PER_NANO),
        previous_total_nano: Nano::ZERO,
        previous_manifest_hash: None,
        assented: None,
        forced_hash: B256::ZERO,
    }
}

fn payer(number: u64) -> Payer {
    let mut address = [0; 20];
    address[..8].copy_from_slice(&(number << 20).to_be_bytes());
    Payer {
        payer: Address::from(address),
        fee_wei: U256::from(WEI_PER_DATA),
        quota_bytes: U256::from(1u64 << 40),
    }
}

fn receipt(payer: &Payer, number: u64, index: u32) -> SignedReceipt {
    let first = u32::try_from(number).unwrap() % (OPERATORS / RECEIPTS_PER_PAYER);
    let operator = first + index * (OPERATORS / RECEIPTS_PER_PAYER);
    let contents = keccak256((number << 4 | u64::from(index)).to_be_bytes());
    let mut signature = [27; 65];
    signature[..32].copy_from_slice(contents.as_slice());
    signature[32..64].copy_from_slice(keccak256(contents).as_slice());
    let receipt = DeliveryReceipt {
        payer: payer.payer,
        operator_id: OperatorId(operator),
        node: NodeId(keccak256(operator.to_be_bytes())),
        stream_key: StreamKey(keccak256((number % 100).to_be_bytes())),
        role: Role::Subscriber,
        epoch: Epoch(1),
        sequence: 100,
        messages: 1_000 + number % 977,
        bytes: 1_000_000 + number,
        bytes_on_time: 990_000,
        contents,
        ..DeliveryReceipt::default()
    };
    SignedReceipt { receipt, signature: Signature(signature) }
}

fn close(parent: &Path) -> Written {
    let payers: Vec<Payer> = (0..PAYERS).map(payer).collect();
    let operator = |id: u32| Operator {
        operator_id: OperatorId(id),
        payout: Address::left_padding_from(&id.to_be_bytes()),
        bond_wei: 1,
        capacity_bytes: 1 << 40,
    };
    let operators = (0..OPERATORS).map(operator).collect();
    let mut writer =
        Writer::create(parent, parameters(), payers.clone(), operators, vec![]).unwrap();
    for (number, payer) in (0..).zip(&payers) {
        for index in 0..RECEIPTS_PER_PAYER {
            writer.push(&CountedReceipt::forced(receipt(payer, number, index))).unwrap();
        }
    }
    writer.finish().unwrap()
}

fn rollup(c: &mut Criterion) {
    let mut group = c.benchmark_group("rollup_1m_receipts");
    group.sample_size(10);
    let parent = tempfile::TempDir::new().unwrap();
    let written = close(parent.path());
    group.bench_function("write", |b| {
        b.iter(|| close(tempfile::TempDir::new().unwrap().path()).manifest_hash);
    });
    let dataset = Dataset::open(&written.folder).unwrap();
    group.bench_function("files_to_root", |b| b.iter(|| dataset.roll_up().unwrap().results.root));
    group.finish();
}

criterion_group!(benches, rollup);
criterion_main!(benches);
