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

pub mod bindings;
mod challenges;
mod client;
mod contests;
mod deployment;
mod endpoints;
mod error;
mod follow;
mod inputs;
mod journal;
mod logs;
mod operator_changes;
mod operators;
mod proposals;
mod revert_reasons;
mod stake_status;
mod stakes;
mod transactions;
mod view;
mod watch;

pub use alloy::signers::local::PrivateKeySigner;
pub use challenges::{Decrease, Demand};
pub use client::Chain;
pub use contests::Round;
pub use deployment::{Deployment, DeploymentError};
pub use endpoints::Endpoints;
pub use error::{ChainError, Result};
pub use follow::{Follower, follow};
pub use inputs::{EpochInputs, OperatorInput, PayerInput};
pub use operators::{Claim, OperatorStatus};
pub use proposals::{Proposal, ProposalStatus, ProposedEvent};
pub use stake_status::{StakeStatus, Unbonding};
pub use view::ChainView;
pub use watch::{DistributionEvent, StrandedDemand};
