//! End-to-end tests: real chain, real processes, real sockets. One binary, so that the harness is linked once.
#![allow(missing_docs)]

mod api;
mod asks;
mod assents;
mod bridge;
mod chain;
mod channels;
mod channels_network;
mod claims;
mod closed_epoch;
mod delegation;
mod deploy;
mod deployment;
mod devnet;
mod doctor;
mod explained;
mod guides;
mod hosts;
mod measured;
mod metrics;
mod money;
mod network;
mod overage;
mod page;
mod provider;
mod recruiting;
mod service;
mod session;
mod sponsored;
mod sponsors;
mod stake_keep;
mod ways_out;
