//! Receipts that channels pay, as evidence of delivery: how many of a channel there is room for.
//!
//! Invariant: room is bought by a deposit, which a stranger who opens channels to fill our disk has to lock up; the writer bounds all
//! of it together.

use tatum_database::Evidence;
use tatum_receipt::checks::ChainFacts;
use tatum_receipt::{CheckedReceipt, Contents};

/// Of how much deposit there is room for one receipt: a hundredth of a DATA.
const DEPOSIT_OF_RECEIPT_WEI: u128 = 10_000_000_000_000_000;
/// The most of one channel in an epoch, whatever it holds.
const MOST_OF_CHANNEL: u128 = 1_024;

/// Evidence with the room that its channel has. A channel that is gone since the check has none.
pub(super) fn evidence(
    checked: CheckedReceipt,
    contents: Contents,
    facts: &impl ChainFacts,
) -> Evidence {
    let receipt = checked.receipt();
    let open = facts.open_channel(receipt.payer, receipt.operator_id);
    let room = open.map_or(0, |open| room(open.deposited_wei));
    Evidence { checked, contents, room }
}

/// Receipts of different keys that are kept of a channel in an epoch.
fn room(deposited_wei: u128) -> u64 {
    let bought = deposited_wei.checked_div(DEPOSIT_OF_RECEIPT_WEI).unwrap_or(0);
    u64::try_from(bought.min(MOST_OF_CHANNEL)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_bought_by_a_deposit_up_to_a_bound() {
        let data = 1_000_000_000_000_000_000;
        assert_eq!([0, 1, data / 100 - 1, data / 100].map(room), [0, 0, 0, 1]);
        assert_eq!([data, 10 * data, 11 * data, u128::MAX].map(room), [100, 1_000, 1_024, 1_024]);
    }
}
