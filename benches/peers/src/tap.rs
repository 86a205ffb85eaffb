//! The Graph's TAP on one core: what its aggregator does with a batch of receipts, by its own library: signatures distinct,
//! each recovered and by an accepted signer, one allocation, summed up, and the voucher signed. Its service spreads the
//! recoveries over cores; here they stay on one.

use std::collections::HashSet;

use anyhow::ensure;
use tap_core::receipt::WithUniqueId;
use tap_core::signed_message::Eip712SignedMessage;
use tap_core::{TapVersion, tap_eip712_domain};
use tap_graph::{Receipt, ReceiptAggregateVoucher, SignedRav, SignedReceipt};
use thegraph_core::alloy::dyn_abi::Eip712Domain;
use thegraph_core::alloy::primitives::Address;
use thegraph_core::alloy::signers::local::PrivateKeySigner;

use crate::clock::best_per_s;

/// As many as its service takes in one request by default.
const RECEIPTS: usize = 10_000;
const RUNS: usize = 2;

pub(crate) fn receipts_per_s() -> anyhow::Result<f64> {
    let domain = tap_eip712_domain(1, Address::repeat_byte(1), TapVersion::V1);
    let wallet = PrivateKeySigner::random();
    let allocation = Address::repeat_byte(2);
    let sign = |_| {
        let receipt = Receipt::new(allocation, 10)?;
        anyhow::Ok(Eip712SignedMessage::new(&domain, receipt, &wallet)?)
    };
    let receipts: Vec<SignedReceipt> = (0..RECEIPTS).map(sign).collect::<anyhow::Result<_>>()?;
    let accepted = HashSet::from([wallet.address()]);
    best_per_s(RUNS, RECEIPTS, || aggregate(&domain, &receipts, &wallet, &accepted))
}

fn aggregate(
    domain: &Eip712Domain,
    receipts: &[SignedReceipt],
    wallet: &PrivateKeySigner,
    accepted: &HashSet<Address>,
) -> anyhow::Result<SignedRav> {
    let distinct: HashSet<_> = receipts.iter().map(WithUniqueId::unique_id).collect();
    ensure!(distinct.len() == receipts.len(), "a signature came twice");
    for receipt in receipts {
        ensure!(accepted.contains(&receipt.recover_signer(domain)?), "signed by a stranger");
    }
    let allocation = receipts.first().map(|receipt| receipt.message.allocation_id);
    let allocation = allocation.unwrap_or_default();
    let same = receipts.iter().all(|receipt| receipt.message.allocation_id == allocation);
    ensure!(same, "receipts of several allocations");
    let voucher = ReceiptAggregateVoucher::aggregate_receipts(allocation, receipts, None)?;
    Ok(Eip712SignedMessage::new(domain, voucher, wallet)?)
}
