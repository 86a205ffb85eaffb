//! The query against the row-by-row reference, against the machine's limits, and against numbers that do not fit.
#![allow(missing_docs)]

mod agreement;
mod limits;
mod other_engine;
mod overflow;
mod world;
