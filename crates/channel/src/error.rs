//! Why a receipt redeems nothing, and why a channel cannot be changed as somebody asks. Each has the code that
//! `tests/vectors/channels.json` calls it by.

use tatum_primitives::{B256, Data, U256};

/// Why a receipt redeems nothing, in the order in which the contract asks.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// The receipt names another channel, or one that is closed.
    #[error("the receipt is for channel {got}, not for {expected}")]
    OtherChannel {
        /// The channel that the receipt names.
        got: B256,
        /// The channel of its payer and operator.
        expected: B256,
    },
    /// The exit's window has passed.
    #[error("the payer's exit was over at {ends_s}; it is {now_s}")]
    ExitOver {
        /// When receipts stopped counting.
        ends_s: u64,
        /// The chain's time.
        now_s: u64,
    },
    /// The lane was paid as much already.
    #[error("{} is owed in the lane, {} was paid for it already", data(owed_wei), data(paid_wei))]
    NothingNew {
        /// What the receipt says is owed.
        owed_wei: u128,
        /// What was paid for the lane.
        paid_wei: u128,
    },
    /// The deposit is paid out, or there is none yet.
    #[error("nothing is left of the deposit")]
    NothingLeft,
    /// Nobody signed who may.
    #[error("signed by nobody who may sign for the payer")]
    WrongSigner,
}

impl Refusal {
    /// The stable name of the reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::OtherChannel { .. } => "other_channel",
            Self::ExitOver { .. } => "exit_over",
            Self::NothingNew { .. } => "nothing_new",
            Self::NothingLeft => "nothing_left",
            Self::WrongSigner => "wrong_signer",
        }
    }
}

/// Why a channel is not opened, grown or ended.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The window is too short for an operator, or too long for a payer.
    #[error("a window of {got} minutes; allowed are {least} to {most}")]
    WindowOutOfBounds {
        /// Minutes asked for.
        got: u16,
        /// The least.
        least: u16,
        /// The most.
        most: u16,
    },
    /// Nothing is deposited.
    #[error("a deposit of nothing")]
    AmountZero,
    /// The channel would hold more than 2^88 − 1 wei.
    #[error("with {} more the channel would hold more than {}", data(amount_wei), data(most_wei))]
    DepositTooLarge {
        /// What was to be added.
        amount_wei: u128,
        /// The most that a channel holds.
        most_wei: u128,
    },
    /// It is open already.
    #[error("the channel is open")]
    IsOpen,
    /// It is not open.
    #[error("the channel is not open")]
    NotOpen,
    /// All channels of the two are used up.
    #[error("the payer and the operator have used up all their channels")]
    GenerationsSpent,
    /// The payer is leaving it.
    #[error("the payer leaves the channel at {ends_s}")]
    IsExiting {
        /// When its exit is over.
        ends_s: u64,
    },
    /// There is no exit, or it is not over.
    #[error("the payer's exit is not over at {now_s}{}", ends(*ends_s))]
    ExitNotOver {
        /// When it will be, if there is one.
        ends_s: Option<u64>,
        /// The chain's time.
        now_s: u64,
    },
    /// An agreed end takes back what was paid, or promises more than there is.
    #[error(
        "the operator cannot get {} in all: {} was paid, {} deposited",
        data(total_wei),
        data(paid_wei),
        data(deposited_wei)
    )]
    CloseOutOfBounds {
        /// What the operator was to get in all.
        total_wei: u128,
        /// What it was paid.
        paid_wei: u128,
        /// What came in.
        deposited_wei: u128,
    },
}

impl Error {
    /// The stable name of the reason.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::WindowOutOfBounds { .. } => "window_out_of_bounds",
            Self::AmountZero => "amount_zero",
            Self::DepositTooLarge { .. } => "deposit_too_large",
            Self::IsOpen => "is_open",
            Self::NotOpen => "not_open",
            Self::GenerationsSpent => "generations_spent",
            Self::IsExiting { .. } => "is_exiting",
            Self::ExitNotOver { .. } => "exit_not_over",
            Self::CloseOutOfBounds { .. } => "close_out_of_bounds",
        }
    }
}

/// As people read it.
pub(crate) fn data(wei: &u128) -> Data {
    Data(U256::from(*wei))
}

fn ends(ends_s: Option<u64>) -> String {
    ends_s
        .map_or_else(|| ": it has not begun".to_owned(), |ends_s| format!("; it ends at {ends_s}"))
}
