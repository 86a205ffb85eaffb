//! End-to-end tests: real chain, real processes, real sockets. One binary, so that the harness is linked once.
#![allow(missing_docs)]

mod api;
mod bridge;
mod chain;
mod channels;
mod channels_network;
mod claims;
mod closed_epoch;
mod deploy;
mod doctor;
mod explained;
mod metrics;
mod money;
mod network;
mod page;
mod provider;
mod service;
mod session;
mod stake_keep;
