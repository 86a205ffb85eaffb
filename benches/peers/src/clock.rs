//! Processor time: of the calling thread, and of all threads.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Runs `work` some times and gives how many items a second of processor time the best run did. The best, because whatever
/// else runs on the machine only ever takes time away.
pub(crate) fn best_per_s<T>(
    runs: usize,
    items: usize,
    mut work: impl FnMut() -> anyhow::Result<T>,
) -> anyhow::Result<f64> {
    let mut best = 0.0f64;
    for _ in 0..runs {
        let before = thread_time();
        std::hint::black_box(work()?);
        let took = thread_time().saturating_sub(before);
        best = best.max(items as f64 / took.as_secs_f64());
    }
    Ok(best)
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Processor time that all threads took.
pub(crate) fn process_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}
