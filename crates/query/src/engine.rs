//! How a query may use this machine.
//!
//! Invariant: no answer depends on it.

use std::num::NonZero;

/// How a query may use this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Engine {
    /// Threads, and parts that rows are divided into.
    pub threads: NonZero<usize>,
    /// Rows worked on at a time.
    pub batch_rows: NonZero<usize>,
    /// Bytes for what the query keeps; the rest goes to temporary files beside the dataset's.
    pub memory_bytes: usize,
    /// The receipts are known to be in canonical order, so that much is grouped in passing.
    pub sorted: bool,
}

impl Engine {
    /// All of this machine's cores and 512 MiB, for receipts in canonical order.
    pub fn new() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        let batch_rows = NonZero::new(8_192).unwrap_or(NonZero::<usize>::MIN);
        Self { threads, batch_rows, memory_bytes: 512 << 20, sorted: true }
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self::new()
    }
}
