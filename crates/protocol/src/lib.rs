//! Every type that crosses from one process to another, each written once.
//!
//! Pure: no socket, no clock, no random numbers. Who speaks brings those.
//!
//! Invariant: the bytes of every form are kept in a snapshot (`tests/`), so a change of what goes over the wire is seen by
//! whoever makes it. An integer that can pass 2^53 stands as decimal text, because JavaScript's numbers stop being exact there.

mod decimal;
mod hex;
mod node_key;
mod stream;
pub mod tracker;

pub use node_key::{NodeKey, verify};
pub use stream::Stream;
