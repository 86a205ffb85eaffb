//! Many reads of one kind.
//!
//! Invariant: at most [`AT_ONCE`] are under way, and answers come in the order of the questions.

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::Result;

/// Reads under way at once.
pub(crate) const AT_ONCE: usize = 32;

/// What `read` gives for each of `questions`, whatever it gives for the others.
pub(crate) async fn each_alone<Q, A, F: Future<Output = A>>(
    questions: impl IntoIterator<Item = Q>,
    read: impl FnMut(Q) -> F,
) -> Vec<A> {
    stream::iter(questions).map(read).buffered(AT_ONCE).collect().await
}

/// What `read` gives for each of `questions`; one that fails fails the whole, so that what is worked out from all answers is not worked
/// out from some.
pub(crate) async fn each<Q, A, F: Future<Output = Result<A>>>(
    questions: impl IntoIterator<Item = Q>,
    read: impl FnMut(Q) -> F,
) -> Result<Vec<A>> {
    stream::iter(questions).map(read).buffered(AT_ONCE).try_collect().await
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tatum_primitives::Epoch;

    use super::*;
    use crate::ChainError;

    #[tokio::test]
    async fn many_are_under_way_at_once_and_never_more_and_answers_keep_their_order() {
        let (under_way, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (running, peak) = (&under_way, &most);
        let read = |number: usize| async move {
            let now = running.fetch_add(1, Ordering::Relaxed) + 1;
            peak.fetch_max(now, Ordering::Relaxed);
            // The later ones answer sooner.
            for _ in 0..100 - number {
                tokio::task::yield_now().await;
            }
            running.fetch_sub(1, Ordering::Relaxed);
            Ok(number)
        };
        let answers = each(0..100, read).await.unwrap();
        assert_eq!(answers, (0..100).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::Relaxed), AT_ONCE);
    }

    #[tokio::test]
    async fn one_failure_fails_them_all() {
        let read = |number: u64| async move {
            match number {
                70 => Err(ChainError::NotClosed { epoch: Epoch(number) }),
                _ => Ok(number),
            }
        };
        let failed = each(0..100, read).await.unwrap_err();
        assert!(matches!(failed, ChainError::NotClosed { epoch: Epoch(70) }), "{failed}");
    }
}
