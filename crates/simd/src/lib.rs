//! What is done for eight at a time in the vectors of a machine that has them: Keccak-256, and square roots modulo p.
//!
//! Invariant: nobody's answer depends on the machine. Hashes are those of [`keccak256`](tatum_primitives::keccak256); roots are
//! candidates, which whoever asks for them squares, and works out by itself where they are wrong or there are none. This is the only
//! core crate with instructions that the compiler cannot check: each is reached behind a look whether this machine has it.
//!
//! # Example
//!
//! ```
//! use tatum_primitives::keccak256;
//! use tatum_simd::keccak256_all;
//!
//! let messages = ["bread", "wine", "salt"];
//! assert_eq!(keccak256_all(&messages), messages.map(keccak256));
//! ```

mod keccak;
mod roots;

pub use keccak::keccak256_all;
pub use roots::{Words, square_roots};
