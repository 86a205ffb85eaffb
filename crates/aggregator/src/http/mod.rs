//! What every route shares: errors and how they are answered.

pub(crate) mod error;

pub use error::ApiError;
