//! One payer's channel with one operator, through all its generations, as the contract keeps it.
//!
//! Invariant: `paid = Σ paid of the lanes ≤ deposited`, a lane's `paid ≤ owed` that was signed, and ids only move on.

use std::collections::BTreeMap;

use tatum_primitives::{Address, B256};
use tatum_receipt::DeliveryReceipt;

use crate::{Error, Pair, Refusal, lane_id};

/// The shortest window: an hour.
pub const LEAST_WINDOW_MINUTES: u16 = 60;
/// The longest window: 30 days.
pub const MOST_WINDOW_MINUTES: u16 = 43_200;
/// The most that a channel holds.
pub const MOST_DEPOSIT_WEI: u128 = (1 << 88) - 1;
/// The last generation, in 24 bits; it is never opened.
const LAST_GENERATION: u32 = (1 << 24) - 1;

/// What is known of a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lane {
    /// What was paid for it.
    pub paid_wei: u128,
    /// Who signed the receipt that was redeemed last.
    pub signer: Option<Address>,
}

/// An open channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// All that came in.
    pub deposited_wei: u128,
    /// What was paid of it.
    pub paid_wei: u128,
    /// When receipts stop counting, if the payer is leaving.
    pub exit_ends_s: Option<u64>,
    /// How long the operator has to answer an exit.
    pub window_minutes: u16,
    lanes: BTreeMap<B256, Lane>,
}

/// What is known of a receipt's signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedBy {
    /// Who signed, if the signature is canonical.
    pub signer: Option<Address>,
    /// Whether that is the payer or, in the receipt's epoch, a session key of its.
    pub may_sign: bool,
}

/// How a channel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// What the operator is still paid.
    pub due_wei: u128,
    /// What the payer gets back.
    pub returned_wei: u128,
}

/// The channel of two, open or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    pair: Pair,
    generation: u32,
    state: Option<Open>,
}

impl Channel {
    /// The two have no channel yet.
    pub const fn new(pair: Pair) -> Self {
        Self { pair, generation: 0, state: None }
    }

    /// As the chain has it: the two have closed `generation` channels, and have one open or not.
    pub const fn read(pair: Pair, generation: u32, state: Option<Open>) -> Self {
        Self { pair, generation, state }
    }

    /// Whose it is.
    pub const fn pair(&self) -> Pair {
        self.pair
    }

    /// What receipts have to name, now or once it is open.
    pub fn id(&self) -> B256 {
        self.pair.channel_id(self.generation)
    }

    /// How many were closed before.
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// The channel, if it is open.
    pub const fn state(&self) -> Option<&Open> {
        self.state.as_ref()
    }

    /// What is known of a lane.
    pub fn lane(&self, lane: B256) -> Lane {
        self.state.as_ref().and_then(|open| open.lanes.get(&lane)).copied().unwrap_or_default()
    }

    /// Opens it with a deposit and a window.
    pub fn open(&mut self, deposit_wei: u128, window_minutes: u16) -> Result<(), Error> {
        if !(LEAST_WINDOW_MINUTES..=MOST_WINDOW_MINUTES).contains(&window_minutes) {
            let (least, most) = (LEAST_WINDOW_MINUTES, MOST_WINDOW_MINUTES);
            return Err(Error::WindowOutOfBounds { got: window_minutes, least, most });
        }
        let deposited_wei = grown(0, deposit_wei)?;
        if self.state.is_some() {
            return Err(Error::IsOpen);
        }
        if self.generation >= LAST_GENERATION {
            return Err(Error::GenerationsSpent);
        }
        let lanes = BTreeMap::new();
        self.state =
            Some(Open { deposited_wei, paid_wei: 0, exit_ends_s: None, window_minutes, lanes });
        Ok(())
    }

    /// Adds to the deposit.
    pub fn top_up(&mut self, amount_wei: u128) -> Result<(), Error> {
        if amount_wei == 0 {
            return Err(Error::AmountZero);
        }
        let open = self.state.as_mut().ok_or(Error::NotOpen)?;
        if let Some(ends_s) = open.exit_ends_s {
            return Err(Error::IsExiting { ends_s });
        }
        open.deposited_wei = grown(open.deposited_wei, amount_wei)?;
        Ok(())
    }

    /// Redeems a receipt at `now_s`: what the operator is paid for it. Within an exit's window this is the answer.
    pub fn redeem(
        &mut self,
        receipt: &DeliveryReceipt,
        signed_by: SignedBy,
        now_s: u64,
    ) -> Result<u128, Refusal> {
        let expected = self.id();
        if receipt.channel != expected {
            return Err(Refusal::OtherChannel { got: receipt.channel, expected });
        }
        let ends_s = self.state.as_ref().and_then(|open| open.exit_ends_s);
        if let Some(ends_s) = ends_s.filter(|&ends_s| now_s >= ends_s) {
            return Err(Refusal::ExitOver { ends_s, now_s });
        }
        let id = lane_id(receipt);
        let lane = self.lane(id);
        let (owed_wei, paid_wei) = (receipt.owed, lane.paid_wei);
        let new_wei = owed_wei.checked_sub(paid_wei).filter(|&new_wei| new_wei > 0);
        let new_wei = new_wei.ok_or(Refusal::NothingNew { owed_wei, paid_wei })?;
        let open = self.state.as_mut().filter(|open| open.left_wei() > 0);
        let open = open.ok_or(Refusal::NothingLeft)?;
        let signer = signed_by.signer.ok_or(Refusal::WrongSigner)?;
        if lane.signer != Some(signer) && !signed_by.may_sign {
            return Err(Refusal::WrongSigner);
        }
        let amount_wei = new_wei.min(open.left_wei());
        open.pay(id, signer, amount_wei);
        Ok(amount_wei)
    }

    /// The payer begins to leave; returns when its exit is over.
    pub fn exit(&mut self, now_s: u64) -> Result<u64, Error> {
        let open = self.state.as_mut().ok_or(Error::NotOpen)?;
        if let Some(ends_s) = open.exit_ends_s {
            return Err(Error::IsExiting { ends_s });
        }
        let ends_s = now_s.saturating_add(u64::from(open.window_minutes).saturating_mul(60));
        open.exit_ends_s = Some(ends_s);
        Ok(ends_s)
    }

    /// Ends a channel whose exit is over: the operator has what it redeemed.
    pub fn settle(&mut self, now_s: u64) -> Result<Ended, Error> {
        let open = self.state.as_ref().ok_or(Error::NotOpen)?;
        let ends_s = open.exit_ends_s;
        if ends_s.is_none_or(|ends_s| now_s < ends_s) {
            return Err(Error::ExitNotOver { ends_s, now_s });
        }
        let total_wei = open.paid_wei;
        self.close(total_wei)
    }

    /// Ends it by an agreement of both: the operator gets `total_wei` in all.
    pub fn close(&mut self, total_wei: u128) -> Result<Ended, Error> {
        let open = self.state.as_ref().ok_or(Error::NotOpen)?;
        let (paid_wei, deposited_wei) = (open.paid_wei, open.deposited_wei);
        let wrong = Error::CloseOutOfBounds { total_wei, paid_wei, deposited_wei };
        let due_wei = total_wei.checked_sub(paid_wei).ok_or(wrong)?;
        let returned_wei = deposited_wei.checked_sub(total_wei).ok_or(wrong)?;
        self.state = None;
        // `open` stops before the last one.
        self.generation = self.generation.saturating_add(1);
        Ok(Ended { due_wei, returned_wei })
    }
}

impl Open {
    /// As the chain has it, with the lanes that matter to whoever asks.
    pub fn read(
        (deposited_wei, paid_wei): (u128, u128),
        exit_ends_s: Option<u64>,
        window_minutes: u16,
        lanes: impl IntoIterator<Item = (B256, Lane)>,
    ) -> Self {
        let lanes = lanes.into_iter().collect();
        Self { deposited_wei, paid_wei, exit_ends_s, window_minutes, lanes }
    }

    /// What is left of the deposit.
    pub const fn left_wei(&self) -> u128 {
        self.deposited_wei.saturating_sub(self.paid_wei)
    }

    /// Lanes that something was paid for, by id.
    pub fn lanes(&self) -> impl Iterator<Item = (B256, Lane)> + '_ {
        self.lanes.iter().map(|(&id, &lane)| (id, lane))
    }

    /// At most what is left, so neither sum passes the deposit.
    fn pay(&mut self, lane: B256, signer: Address, amount_wei: u128) {
        self.paid_wei = self.paid_wei.saturating_add(amount_wei);
        let lane = self.lanes.entry(lane).or_default();
        lane.paid_wei = lane.paid_wei.saturating_add(amount_wei);
        lane.signer = Some(signer);
    }
}

/// A deposit with something added to it.
fn grown(deposited_wei: u128, amount_wei: u128) -> Result<u128, Error> {
    if amount_wei == 0 {
        return Err(Error::AmountZero);
    }
    let sum_wei = deposited_wei.checked_add(amount_wei).filter(|&sum| sum <= MOST_DEPOSIT_WEI);
    sum_wei.ok_or(Error::DepositTooLarge { amount_wei, most_wei: MOST_DEPOSIT_WEI })
}
