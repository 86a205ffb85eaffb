//! Errors that pools of delegators and sponsors' vaults share.
//!
//! Invariant: the same error has the same words, whichever contract says it.

use tatum_primitives::{Address, Data, U256};

pub(super) const REQUEST_EMPTY: &str = "that is worth nothing";
pub(super) const SHARES_TOO_COARSE: &str = "a share is worth so much that more than a millionth of the amount would be lost; put in more at once";
pub(super) const NOT_MADE: &str = "it could not be made; there may be one already";

/// Shares as people read them.
pub(super) fn shares(amount: U256) -> String {
    let text = Data(amount.saturating_mul(U256::from(1_000_000_000))).to_string();
    text.trim_end_matches(" DATA").to_owned()
}

/// Shares of a vault, of which a first wei is 1e9, as people read them.
pub(super) fn vault_shares(amount: U256) -> String {
    let text = Data(amount.wrapping_div(U256::from(1_000_000_000))).to_string();
    text.trim_end_matches(" DATA").to_owned()
}

/// Both as people read them.
pub(super) fn shares_below_minimum(got: &str, least: &str) -> String {
    format!("the price has changed: {got} shares instead of {least}; try again")
}

pub(super) fn request_pending(epoch: u64) -> String {
    format!("it is redeemed from epoch {epoch} on")
}

pub(super) fn request_unknown(epoch: u64) -> String {
    format!("nothing was requested in epoch {epoch}, or it was redeemed already")
}

pub(super) fn not_free_yet(needed: U256, here: U256) -> String {
    let (needed, here) = (Data(needed), Data(here));
    format!(
        "{needed} are due and {here} are there: the rest is still bonded or staked; `tatum delegate collect` takes a pool's out, `tatum sponsor collect` a vault's"
    )
}

pub(super) fn not_the_factory(caller: Address) -> String {
    format!("{caller} is not the factory, which alone sets that up")
}

pub(super) fn coin_too_little(balance: U256, needed: U256) -> String {
    format!("making it takes {needed} wei of the chain's coin, and {balance} are there")
}
