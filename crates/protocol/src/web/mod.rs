//! What the web API speaks: accounts, operators, plans, prices, channels, delegations, sponsors, overages, streams, actions that somebody
//! else signs or that the service pays for, transactions, events.
//!
//! Invariant: amounts, bytes and everything else that can pass 2^53 stand as decimal text; what was read from the chain says of
//! which block. The OpenAPI description is made from these types, so it cannot say anything else than what is sent.

mod account;
mod action;
mod as_of;
mod channel;
mod delegation;
mod event;
mod network;
mod operator;
mod operator_proof;
mod overage;
mod plan;
mod price;
mod relay;
mod sponsor;
mod stream;
mod transaction;

pub use account::{Account, SessionKeyState, SessionKeySummary, StakeStatus, Unbonding};
pub use action::{Action, Permit, Prepared, Request, StakeBy, Step};
pub use as_of::AsOf;
pub use channel::{ChannelShown, ChannelState, ChannelStatus, OperatorChannels, PayerChannels};
pub use delegation::{
    Delegation, DelegationRequest, DelegationStatus, Delegator, Holding, Holdings,
};
pub use event::Event;
pub use network::{Contracts, Network, QuotaPrice, QuotaPrices, TokenSummary};
pub use operator::{Earned, Operator, OperatorPage, OperatorStatus};
pub use operator_proof::OperatorProofText;
pub use overage::{BilledOverage, BilledOverages, OwedOverage, OwedOverages};
pub use plan::{PayerPlan, StakePlan};
pub use price::{Ask, Asks, PayerPrice, RealisedPrices};
pub use relay::{PaidAction, Relay, RelayTerms};
pub use sponsor::{
    Sponsor, SponsorHolding, SponsorHoldings, SponsorRequest, Sponsorship, VaultStatus,
    VaultSummary, Vaults,
};
pub use stream::{StreamLink, StreamNode, StreamShown, StreamStatus, Streams};
pub use transaction::{SignedTransaction, TransactionHash, TransactionState, TransactionStatus};
