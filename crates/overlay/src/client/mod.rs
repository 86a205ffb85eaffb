//! What a client's owner writes and reads: sealed under group keys, opened with them, within bounds.
//!
//! Invariant: a payload is sealed only under a key whose holders the stream's owner permits, and what
//! waits (for a relay's word, for a key) is bounded in number and bytes.

mod keyring;
mod opener;
mod publish_window;

pub use keyring::{Asked, Held, Keyring, Keys, Rotation};
pub use opener::{Ask, Opened, Opener};
pub use publish_window::PublishWindow;
