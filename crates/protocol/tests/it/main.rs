//! The bytes of every form, as snapshots: what a change of a type does to what goes over the wire is seen here.

mod aggregator;
mod status;
mod tracker;
mod web;
