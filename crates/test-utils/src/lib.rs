//! What tests need of the outside world, real and throw-away.

pub mod postgres;
