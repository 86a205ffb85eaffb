//! Maps a long slice on all cores. Where threads cannot be had (a browser, a limit) the caller's own does the work.
//!
//! Invariant: the result is that of mapping item by item in order, whatever the number of cores.

use std::convert::Infallible;
use std::num::NonZero;
use std::thread;

use alloy_primitives::B256;
use tatum_simd::keccak256_all;

/// How many hashes are worth starting a thread for.
pub(crate) const WORTH_A_THREAD: usize = 1 << 11;

/// `items` mapped by `map`, in order; the first error in order if any fails. No thread gets fewer than `at_least` items, so
/// that short work stays where it is.
///
/// # Errors
///
/// What `map` returns.
pub fn map_in_order<T: Sync, R: Send, E: Send>(
    items: &[T],
    at_least: usize,
    map: impl Fn(&T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(cores).max(at_least).max(1);
    let map_all = |part: &[T]| part.iter().map(&map).collect::<Result<Vec<R>, E>>();
    let (own, others) = items.split_at(share.min(items.len()));
    let mut mapped = thread::scope(|scope| {
        let start = |part| thread::Builder::new().spawn_scoped(scope, move || map_all(part));
        let started: Vec<_> = others.chunks(share).map(|part| (part, start(part))).collect();
        let mut mapped = vec![map_all(own)];
        mapped.extend(started.into_iter().map(|(part, thread)| match thread.map(|t| t.join()) {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(_) => map_all(part),
        }));
        mapped.into_iter()
    });
    let mut all = mapped.next().unwrap_or_else(|| Ok(Vec::new()))?;
    for part in mapped {
        all.extend(part?);
    }
    Ok(all)
}

/// The hash of each of `leaves`, in order.
pub fn hash_in_order<L: AsRef<[u8]> + Sync>(leaves: &[L]) -> Vec<B256> {
    let parts: Vec<&[L]> = leaves.chunks(WORTH_A_THREAD).collect();
    let hash = |part: &&[L]| Ok(keccak256_all(part));
    let hashed = map_in_order(&parts, 1, hash);
    hashed.unwrap_or_else(|never: Infallible| match never {}).concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn long_slices_are_mapped_in_order() {
        for len in [0, 1, WORTH_A_THREAD, WORTH_A_THREAD + 1, 5 * WORTH_A_THREAD + 7] {
            let items: Vec<usize> = (0..len).collect();
            let mapped =
                map_in_order(&items, WORTH_A_THREAD, |item| Ok::<_, Error>(item + 1)).unwrap();
            assert_eq!(mapped, (1..=len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn an_error_on_another_core_is_an_error() {
        let mut items = vec![1; 3 * WORTH_A_THREAD];
        items[3 * WORTH_A_THREAD - 1] = 0;
        let check = |item: &i32| if *item == 0 { Err(Error::SumOverflow) } else { Ok(()) };
        assert_eq!(map_in_order(&items, WORTH_A_THREAD, check), Err(Error::SumOverflow));
    }
}
