//! An auditor's way of an epoch: the dataset's files → every receipt with its signature → the distribution, compared with what is
//! stated. Signatures and all; what an auditor asks of the chain is not part of it.

use anyhow::{Context, ensure};
use tatum_dataset::{CountedReceipt, Operator, Parameters, Payer, Writer};
use tatum_primitives::{
    Address, B256, Bps, Epoch, Nano, NodeId, OperatorId, Role, StreamKey, U256, WEI_PER_DATA,
    keccak256,
};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};

use crate::clock::process_time;

const RECEIPTS: u32 = 100_000;
const OPERATORS: u32 = 1_000;
const RUNS: usize = 3;
const EPOCH: Epoch = Epoch(9);

/// Receipts a second of one core, of a dataset with so many of each payer.
pub(crate) fn receipts_per_s(of_a_payer: u32) -> anyhow::Result<f64> {
    let parent = tempfile::tempdir().context("making a temporary folder")?;
    let mut keys: Vec<SessionKey> = (0..RECEIPTS / of_a_payer)
        .map(|number| SessionKey::from_bytes(&keccak256(number.to_be_bytes()).0))
        .collect::<Result<_, _>>()?;
    keys.sort_by_key(SessionKey::address);
    let parameters = parameters();
    let verifier = Verifier::new(parameters.domain());
    let payer = |key: &SessionKey| Payer {
        payer: key.address(),
        fee_wei: U256::from(WEI_PER_DATA),
        quota_bytes: U256::from(1u64 << 40),
    };
    let operator = |id: u32| Operator {
        operator_id: OperatorId(id),
        payout: Address::left_padding_from(&id.to_be_bytes()),
        bond_wei: WEI_PER_DATA,
        capacity_bytes: 1 << 40,
    };
    let (payers, operators) =
        (keys.iter().map(payer).collect(), (0..OPERATORS).map(operator).collect());
    let mut writer = Writer::create(parent.path(), parameters, payers, operators, vec![])?;
    for key in &keys {
        let all: Vec<_> = (0..of_a_payer)
            .map(|nth| SignedReceipt::sign(receipt(key.address(), nth), key, &verifier))
            .map(CountedReceipt::forced)
            .collect();
        writer.push_all(&all)?;
    }
    let written = writer.finish()?;
    ensure!(written.left_out.is_empty(), "receipts were left out");
    let mut best = 0.0f64;
    for _ in 0..RUNS {
        let before = process_time();
        let verified = tatum_dataset::verify(&written.folder)?;
        let took = process_time().saturating_sub(before);
        ensure!(verified.receipts == u64::from(RECEIPTS), "receipts are missing");
        best = best.max(f64::from(RECEIPTS) / took.as_secs_f64());
    }
    Ok(best)
}

fn parameters() -> Parameters {
    Parameters {
        chain_id: 31_337,
        stake_pool: Address::repeat_byte(1),
        distributor: Address::repeat_byte(2),
        epoch: EPOCH,
        pool_bps: Bps::new(1_000).unwrap_or(Bps::ONE),
        pool_limit_bps: Bps::new(5_000).unwrap_or(Bps::ONE),
        grace_ms: 0,
        pot_nano: Nano(1_000_000_000_000_000),
        available_nano: Nano(1_000_000_000_000_000),
        previous_total_nano: Nano::ZERO,
        previous_manifest_hash: None,
        assented: None,
        forced_hash: B256::ZERO,
    }
}

/// The receipts of a payer in canonical order, each by another operator's node.
fn receipt(payer: Address, nth: u32) -> DeliveryReceipt {
    DeliveryReceipt {
        payer,
        operator_id: OperatorId(nth),
        node: NodeId(keccak256(nth.to_be_bytes())),
        stream_key: StreamKey(keccak256(payer)),
        role: Role::Subscriber,
        epoch: EPOCH,
        sequence: 3,
        messages: 1_000,
        bytes: 1_000_000 + u64::from(nth),
        bytes_on_time: 999_000,
        contents: keccak256(nth.to_le_bytes()),
        ..DeliveryReceipt::default()
    }
}
