//! Answers that hold until the chain has another newest block.
//!
//! Invariant: an answer is worked out once a block, however many ask at once; nothing of an older block, or of one that was
//! undone, is told again; no more than [`MOST`] answers are held.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tatum_primitives::B256;
use tokio::sync::OnceCell;

use crate::error::ApiError;

/// Answers held for one block.
const MOST: usize = 4_096;

/// Answers of one kind.
#[derive(Debug)]
pub(crate) struct BlockCache<K, V> {
    held: Mutex<Held<K, V>>,
}

#[derive(Debug)]
struct Held<K, V> {
    block: B256,
    answers: HashMap<K, Arc<OnceCell<V>>>,
}

impl<K, V> Default for BlockCache<K, V> {
    fn default() -> Self {
        Self { held: Mutex::new(Held { block: B256::ZERO, answers: HashMap::new() }) }
    }
}

impl<K: Eq + Hash, V: Clone> BlockCache<K, V> {
    /// The answer for `key` at `block`, worked out if nobody has yet. A failure is not kept.
    pub(crate) async fn get(
        &self,
        block: B256,
        key: K,
        work: impl Future<Output = Result<V, ApiError>>,
    ) -> Result<V, ApiError> {
        let cell = self.cell(block, key);
        cell.get_or_try_init(|| work).await.cloned()
    }

    fn cell(&self, block: B256, key: K) -> Arc<OnceCell<V>> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.block != block {
            held.block = block;
            held.answers.clear();
        }
        if held.answers.len() >= MOST && !held.answers.contains_key(&key) {
            return Arc::default();
        }
        Arc::clone(held.answers.entry(key).or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn an_answer_is_worked_out_once_a_block_and_a_failure_again() {
        let (cache, asked) = (BlockCache::<u8, u32>::default(), AtomicU32::new(0));
        let work = async || Ok(asked.fetch_add(1, Ordering::Relaxed));
        let one = B256::repeat_byte(1);
        let failed = cache.get(one, 7, async { Err(ApiError::busy("no")) }).await;
        assert!(failed.is_err());
        for (block, key, expected) in [(1, 7, 0), (1, 7, 0), (1, 8, 1), (2, 7, 2), (1, 7, 3)] {
            let got = cache.get(B256::repeat_byte(block), key, work()).await;
            assert_eq!(got.ok(), Some(expected), "block {block}, key {key}");
        }
    }

    #[tokio::test]
    async fn no_more_answers_are_held_than_said() {
        let cache = BlockCache::<usize, usize>::default();
        for key in 0..MOST + 10 {
            assert!(cache.get(B256::ZERO, key, async { Ok(key) }).await.is_ok());
        }
        assert_eq!(cache.held.lock().unwrap().answers.len(), MOST);
    }
}
