//! Everything that speaks to the chain: contract bindings, transactions, the followed view and an epoch's inputs.
//!
//! Invariant: no other crate names the chain library's providers or the contracts' ABIs. The bindings come from
//! `abi/*.json`, which the tests remake from the Solidity sources and compare.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

mod assents;
pub mod bindings;
mod call;
mod calls;
mod carried;
mod channel_status;
mod channel_view;
mod channels;
mod claims;
mod client;
mod delegation;
mod delegation_status;
mod demands;
pub mod deploy;
mod deployment;
mod disproofs;
mod endpoints;
mod error;
mod facts;
mod fees;
mod files;
mod final_roots;
mod follow;
mod forced;
mod handed_over;
mod inputs;
mod journal;
mod logs;
mod mirror;
mod operator_changes;
mod operator_profiles;
mod operators;
mod overage;
mod overview;
mod percent;
mod permit;
mod proposals;
mod reads;
mod realised;
mod revert_reasons;
mod shares;
mod sponsor_status;
mod sponsor_vaults;
mod sponsors;
mod stake_plan;
mod stake_status;
mod stakes;
mod transactions;
mod view;

pub use alloy::primitives::hex;
pub use alloy::signers::local::PrivateKeySigner;
pub use assents::{Assent, Assenter};
pub use call::Call;
pub use calls::{Proven, Tried};
pub use channel_status::Judged;
pub use channels::{Agreement, Redeemed};
pub use claims::{Claim, RangeClaim};
pub use client::Chain;
pub use delegation::MOST_CUT_BPS;
pub use delegation_status::shares_for_down;
pub use demands::{Asked, Demand, Shown, Tree};
pub use deployment::{Deployment, DeploymentError, Windows};
pub use endpoints::Endpoints;
pub use error::{ChainError, Result};
pub use facts::EpochFacts;
pub use files::{read_file, replace_file};
pub use follow::{Follower, follow, follow_with_fees, follow_with_money};
pub use forced::Forced;
pub use handed_over::Became;
pub use inputs::{EpochInputs, OperatorInput, PayerInput};
pub use operator_profiles::OperatorProfile;
pub use overage::OverageClaim;
pub use overview::Terms;
pub use percent::percent;
pub use permit::Allowed;
pub use proposals::{Draft, Fate, Proposal, Record, Standing};
pub use realised::{median, payer_price};
pub use shares::Held;
pub use sponsor_vaults::streams_word;
pub use stake_plan::MOST_PLANNED_EPOCHS;
pub use stake_status::StakeTerms;
pub use stakes::session_key_proof;
pub use transactions::{Carried, Cost, Priced};
pub use view::{ChainView, PaidLast};
