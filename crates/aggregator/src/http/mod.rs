//! What every route shares: errors, how they are answered, and how paths and queries are read.

pub(crate) mod error;
mod extract;

pub use error::ApiError;
pub(crate) use error::with_fallbacks;
pub(crate) use extract::{Path, Query};
