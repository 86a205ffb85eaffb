//! End-to-end tests: real chain, real processes, real sockets. One binary, so that the harness is linked once.
#![allow(missing_docs)]

mod api;
mod chain;
mod channels;
mod channels_network;
mod doctor;
mod metrics;
mod money;
mod network;
mod provider;
mod session;
mod stake_keep;
