//! The stake pool: the twin of the books of `contracts/staking/`.
//!
//! Shares against a stored total: `stake = ⌊shares · total / total shares⌋`. Closing an epoch lowers the total by the fee, then those
//! leave who asked to. When an epoch opens with more than 2^32 shares to a wei, 32 bits are cut off all of them (E11).
//!
//! Invariant: `put in = total + pots + left`, to the wei; `Σ fees ≤ pot` and `Σ stakes ≤ total`. Bought shares are floored, sold ones
//! ceiled, so rounding favours who stays.

use std::collections::VecDeque;

use super::fee::remaining;
use super::{mul_div_down, mul_div_up};
use crate::Error;
use crate::rules::FeeRule;

const SCALE_BITS: u32 = 32;

/// What one account has.
#[derive(Clone, Copy, Debug, Default)]
struct Account {
    /// Shares ever bought and ever sold, in the running scale.
    added: u128,
    sold: u128,
    /// Of the sold ones, those that left before the running epoch.
    gone: u128,
    /// What counts in the running epoch.
    start_wei: u128,
    /// The fee of the epoch closed last.
    fee_wei: u128,
}

/// What an epoch's end brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Closed {
    /// The sum of its fees.
    pub pot_wei: u128,
    /// What left the pool after its fee.
    pub left_wei: u128,
}

/// The pool in its running epoch.
#[derive(Clone, Debug)]
pub struct Pool {
    rule: FeeRule,
    epoch: u64,
    total_wei: u128,
    total_shares: u128,
    scale: u32,
    accounts: Vec<Account>,
    /// Shares that leave at the end of the running epoch.
    exiting: u128,
    /// What is still locked of what left: by the epoch in which it is free.
    unbonding: VecDeque<(u64, u128)>,
}

impl Pool {
    /// An empty pool in epoch 0.
    #[must_use]
    pub const fn new(rule: FeeRule) -> Self {
        Self {
            rule,
            epoch: 0,
            total_wei: 0,
            total_shares: 0,
            scale: 0,
            accounts: Vec::new(),
            exiting: 0,
            unbonding: VecDeque::new(),
        }
    }

    /// One more account; its place.
    pub fn open_account(&mut self) -> usize {
        self.accounts.push(Account::default());
        self.accounts.len() - 1
    }

    /// Puts DATA in: it pays the fee of the running epoch and counts from the next.
    ///
    /// # Errors
    ///
    /// [`Error::Stake`].
    pub fn stake(&mut self, account: usize, amount_wei: u128) -> Result<(), Error> {
        let refuse = |why| Err(Error::Stake { got_wei: amount_wei, why });
        if self.stake_of(account) + amount_wei < self.rule.minimum_stake_wei {
            return refuse("below the minimum");
        }
        let shares = if self.total_shares == 0 {
            amount_wei
        } else {
            mul_div_down(amount_wei, self.total_shares, self.total_wei)
        };
        let Some(of) = self.accounts.get_mut(account).filter(|_| shares > 0) else {
            return refuse("buys no share, or nobody has this account");
        };
        of.added += shares;
        self.total_shares += shares;
        self.total_wei += amount_wei;
        Ok(())
    }

    /// Asks to take DATA out: it pays the running epoch's fee and leaves after it. All of a stake, if that is less.
    ///
    /// # Errors
    ///
    /// [`Error::Stake`].
    pub fn request_unstake(&mut self, account: usize, amount_wei: u128) -> Result<(), Error> {
        let refuse = |why| Err(Error::Stake { got_wei: amount_wei, why });
        let held_wei = self.stake_of(account);
        let Some(of) = self.accounts.get_mut(account) else {
            return refuse("nobody has this account");
        };
        let held = of.added.saturating_sub(of.sold);
        if amount_wei == 0 || held_wei == 0 {
            return refuse("nothing to take out");
        }
        let shares = if amount_wei >= held_wei {
            held
        } else if held_wei - amount_wei < self.rule.minimum_stake_wei {
            return refuse("leaves less than the minimum");
        } else {
            // Whoever leaves gives no less than it takes.
            mul_div_up(amount_wei, self.total_shares, self.total_wei).min(held)
        };
        of.sold += shares;
        self.exiting += shares;
        Ok(())
    }

    /// Ends the running epoch: its fee, then who leaves.
    pub fn close(&mut self) -> Closed {
        let left_wei = remaining(self.total_wei, self.rule.rate_ppb, 1, self.rule.dust_floor_wei);
        let (pot_wei, shares) = (self.total_wei - left_wei, self.total_shares);
        for account in &mut self.accounts {
            account.fee_wei =
                mul_div_down(account.added.saturating_sub(account.gone), pot_wei, shares);
            account.start_wei =
                mul_div_down(account.added.saturating_sub(account.sold), left_wei, shares);
            account.gone = account.sold;
        }
        let leaving = std::mem::take(&mut self.exiting);
        let out_wei = mul_div_down(leaving, left_wei, shares);
        self.total_wei = left_wei - out_wei;
        self.total_shares = shares - leaving;
        if out_wei > 0 {
            self.unbonding.push_back((self.epoch + self.rule.unbonding_epochs, out_wei));
        }
        self.epoch += 1;
        while self.unbonding.front().is_some_and(|(free, _)| *free <= self.epoch) {
            self.unbonding.pop_front();
        }
        self.rescale();
        Closed { pot_wei, left_wei: out_wei }
    }

    /// Cuts 32 bits off all shares until there are at most 2^32 to a wei.
    fn rescale(&mut self) {
        while self.total_shares > self.total_wei << SCALE_BITS {
            self.total_shares >>= SCALE_BITS;
            self.scale += 1;
            for account in &mut self.accounts {
                account.added >>= SCALE_BITS;
                account.sold = account.sold.div_ceil(1 << SCALE_BITS);
                account.gone = account.gone.div_ceil(1 << SCALE_BITS);
            }
        }
    }

    /// What the account holds now.
    #[must_use]
    pub fn stake_of(&self, account: usize) -> u128 {
        let held = self.accounts.get(account).map_or(0, |of| of.added.saturating_sub(of.sold));
        mul_div_down(held, self.total_wei, self.total_shares)
    }

    /// What of it counts in the running epoch: what was there when it began.
    #[must_use]
    pub fn start_of(&self, account: usize) -> u128 {
        self.accounts.get(account).map_or(0, |of| of.start_wei)
    }

    /// The fee that the account paid for the epoch closed last.
    #[must_use]
    pub fn fee_of(&self, account: usize) -> u128 {
        self.accounts.get(account).map_or(0, |of| of.fee_wei)
    }

    /// All stakes.
    #[must_use]
    pub const fn total_wei(&self) -> u128 {
        self.total_wei
    }

    /// All shares, and how often they were cut.
    #[must_use]
    pub const fn shares(&self) -> (u128, u32) {
        (self.total_shares, self.scale)
    }

    /// What left, and is not free yet.
    #[must_use]
    pub fn unbonding_wei(&self) -> u128 {
        self.unbonding.iter().map(|(_, wei)| wei).sum()
    }

    /// The running epoch.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;

    const DATA: u128 = 1_000_000_000_000_000_000;

    #[test]
    fn a_stake_counts_from_the_next_epoch_and_pays_from_this_one() {
        let mut pool = Pool::new(Rules::default().fee);
        let payer = pool.open_account();
        pool.stake(payer, 100 * DATA).unwrap();
        assert_eq!(pool.start_of(payer), 0);
        assert_eq!(pool.close(), Closed { pot_wei: DATA, left_wei: 0 });
        assert_eq!((pool.fee_of(payer), pool.start_of(payer)), (DATA, 99 * DATA));
    }

    #[test]
    fn who_asks_to_leave_in_the_epoch_of_its_stake_pays_and_gets_nothing() {
        let mut pool = Pool::new(Rules::default().fee);
        let (stays, goes) = (pool.open_account(), pool.open_account());
        pool.stake(stays, 100 * DATA).unwrap();
        pool.stake(goes, 100 * DATA).unwrap();
        pool.request_unstake(goes, u128::MAX).unwrap();
        let closed = pool.close();
        assert_eq!((pool.fee_of(goes), pool.start_of(goes)), (DATA, 0));
        assert_eq!(closed.left_wei, 99 * DATA);
        assert_eq!(pool.unbonding_wei(), 99 * DATA);
        for _ in 0..6 {
            pool.close();
        }
        assert_eq!((pool.fee_of(goes), pool.unbonding_wei()), (0, 0));
    }

    #[test]
    fn stakes_below_the_minimum_are_refused() {
        let mut pool = Pool::new(Rules::default().fee);
        let payer = pool.open_account();
        assert!(pool.stake(payer, 3 * DATA - 1).is_err());
        pool.stake(payer, 5 * DATA).unwrap();
        assert!(pool.request_unstake(payer, 3 * DATA).is_err());
        assert!(pool.request_unstake(payer, 0).is_err());
        assert!(pool.stake(payer + 1, 5 * DATA).is_err());
    }

    #[test]
    fn a_century_conserves_to_the_wei_and_shares_never_end() {
        let mut pool = Pool::new(Rules::default().fee);
        let payer = pool.open_account();
        let (mut put_in, mut pots) = (0, 0);
        for epoch in 0..36_525 {
            if epoch % 30 == 0 {
                pool.stake(payer, 1_000_000 * DATA).unwrap();
                put_in += 1_000_000 * DATA;
            }
            pots += pool.close().pot_wei;
            assert!(pool.shares().0 < 1 << 123);
        }
        assert_eq!(put_in, pots + pool.total_wei());
        assert!(pool.shares().1 >= 1, "the shares were cut");
        assert!(pool.stake_of(payer) <= pool.total_wei());
    }
}
