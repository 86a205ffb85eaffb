//! A small epoch for tests: two payers (one with a session key), three operators, a handful of receipts.

use alloy_primitives::{Address, B256, U256};
use tatum_primitives::{Bps, Epoch, Nano, NodeId, OperatorId, Role, StreamKey, WEI_PER_DATA};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};

use crate::{Beside, EpochData, Operator, Parameters, Payer, Sources};

pub(crate) fn key(number: u8) -> SessionKey {
    SessionKey::from_bytes(&[number; 32]).unwrap()
}

pub(crate) fn parameters() -> Parameters {
    Parameters {
        chain_id: 31_337,
        stake_pool: Address::repeat_byte(0x51),
        distributor: Address::repeat_byte(0xd1),
        epoch: Epoch(4),
        pool_bps: Bps::new(2_000).unwrap(),
        pool_limit_bps: Bps::new(5_000).unwrap(),
        grace_ms: 4_000,
        pot_nano: Nano(10_000_000_000),
        available_nano: Nano(10_000_000_002),
        previous_total_nano: Nano(30),
        previous_manifest_hash: Some(B256::repeat_byte(0xee)),
        assented: None,
        forced_hash: B256::ZERO,
    }
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(parameters().domain())
}

/// Payer 2 signs with its session key 12, everybody else with its own key.
pub(crate) fn sign(receipt: DeliveryReceipt) -> SignedReceipt {
    let signer = if receipt.payer == key(2).address() { key(12) } else { key(1) };
    SignedReceipt::sign(receipt, &signer, &verifier())
}

pub(crate) fn receipt(payer: u8, operator: u32, stream: u8, sequence: u64) -> DeliveryReceipt {
    DeliveryReceipt {
        payer: key(payer).address(),
        operator_id: OperatorId(operator),
        node: NodeId(B256::left_padding_from(&operator.to_be_bytes())),
        stream_key: StreamKey(B256::repeat_byte(stream)),
        role: Role::Subscriber,
        epoch: Epoch(4),
        sequence,
        messages: 10 * sequence,
        bytes: 1_000 * sequence,
        bytes_on_time: 900 * sequence,
        contents: B256::repeat_byte(stream ^ 0x55),
        ..DeliveryReceipt::default()
    }
}

pub(crate) fn receipts() -> Vec<SignedReceipt> {
    let keys = [(1, 0, 1, 3), (1, 0, 2, 5), (1, 2, 1, 1), (2, 0, 1, 7), (2, 1, 1, 2), (2, 2, 3, 4)];
    keys.map(|(payer, operator, stream, seq)| sign(receipt(payer, operator, stream, seq))).into()
}

pub(crate) fn data() -> EpochData {
    let payer = |number: u8, fee: u64| Payer {
        payer: key(number).address(),
        fee_wei: U256::from(fee) * U256::from(1_000_000_000u64) + U256::from(999),
        quota_bytes: U256::from(50_000),
    };
    let operator = |id: u32| Operator {
        operator_id: OperatorId(id),
        payout: Address::repeat_byte(u8::try_from(id).unwrap() + 0xa0),
        bond_wei: if id == 2 { 0 } else { WEI_PER_DATA },
        capacity_bytes: if id == 2 { 0 } else { 1_000_000 },
    };
    EpochData {
        parameters: parameters(),
        payers: vec![payer(1, 6_000_000_000), payer(2, 4_000_000_000)],
        operators: (0..3).map(operator).collect(),
        previous_nano: vec![Nano(10), Nano(20)],
        receipts: receipts(),
        sources: Sources::default(),
        beside: Beside::default(),
    }
}
