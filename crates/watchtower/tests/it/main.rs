//! The watchtower on a real chain: its bars, and a model that acts at random against it.
#![allow(missing_docs)]

mod bars;
mod model;
