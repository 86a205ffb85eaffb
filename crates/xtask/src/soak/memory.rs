//! What the processes hold in memory over time, and whether any of it grew without bound.
//!
//! Invariant: a process is judged by its own beginning: of three equal parts of what was seen of it, the last may hold half as much again
//! as the first held at most, and [`SLACK_BYTES`] for what is allocated once.

use std::collections::BTreeMap;

use serde::Serialize;

const SLACK_BYTES: u64 = 64 << 20;
/// No process of a network as small as this one holds as much.
const MOST_BYTES: u64 = 1 << 30;

/// Samples of each process, oldest first.
#[derive(Debug, Default)]
pub(super) struct Memory(BTreeMap<String, Vec<u64>>);

/// A process's memory in three parts of the time.
#[derive(Debug, Serialize)]
pub(super) struct Grown {
    pub(super) process: String,
    pub(super) first_bytes: u64,
    pub(super) last_bytes: u64,
    pub(super) most_bytes: u64,
    pub(super) bounded: bool,
}

impl Memory {
    pub(super) fn sample(&mut self, resident: Vec<(String, u64)>) {
        for (name, bytes) in resident {
            self.0.entry(name).or_default().push(bytes);
        }
    }

    pub(super) fn judge(&self) -> Vec<Grown> {
        self.0.iter().map(|(process, samples)| judge(process, samples)).collect()
    }
}

fn judge(process: &str, samples: &[u64]) -> Grown {
    let third = samples.len().div_ceil(3);
    let most = |part: &[u64]| part.iter().max().copied().unwrap_or_default();
    let (first_bytes, most_bytes) = (most(&samples[..third]), most(samples));
    let last_bytes = most(&samples[samples.len() - third..]);
    let bound = first_bytes + first_bytes / 2 + SLACK_BYTES;
    let bounded = last_bytes <= bound && most_bytes <= MOST_BYTES;
    Grown { process: process.to_owned(), first_bytes, last_bytes, most_bytes, bounded }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn bounded(samples: impl IntoIterator<Item = u64>) -> bool {
        let mut memory = Memory::default();
        samples.into_iter().for_each(|bytes| memory.sample(vec![("relay".to_owned(), bytes)]));
        memory.judge()[0].bounded
    }

    #[test]
    fn what_is_level_or_falls_is_bounded_and_what_rises_on_and_on_is_not() {
        assert!(bounded([80 * MIB]));
        assert!(bounded((0..100).map(|n| (80 + n % 40) * MIB)));
        assert!(bounded((0..100).map(|n| (200 - n) * MIB)));
        assert!(!bounded((0..300).map(|n| (40 + n) * MIB)));
        assert!(!bounded([80 * MIB, 2 << 30, 80 * MIB]));
    }
}
