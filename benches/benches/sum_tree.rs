//! The sum tree of a million operators: build, all proofs, and the next epoch's tree when one operator in a hundred earned.
//!
//! Targets: build and all proofs together within 1.0 s; the next tree within a tenth of a full build.
#![allow(missing_docs)]

use std::hint::black_box;

use alloy_primitives::Address;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tatum_merkle::{Entry, SumTree};
use tatum_primitives::{Nano, OperatorId};

const OPERATORS: u32 = 1_000_000;

fn entries() -> Vec<Entry> {
    let entry = |id: u32| Entry {
        operator_id: OperatorId(id),
        payout: Address::left_padding_from(&id.to_be_bytes()),
        cumulative_nano: Nano(u64::from(id) * 1_000),
    };
    (0..OPERATORS).map(entry).collect()
}

fn sum_tree(c: &mut Criterion) {
    let mut group = c.benchmark_group("sum_tree_1m");
    group.sample_size(10);
    let entries = entries();
    group.bench_function("build", |b| {
        b.iter_batched(|| entries.clone(), |e| SumTree::build(e).unwrap(), BatchSize::PerIteration);
    });
    let tree = SumTree::build(entries.clone()).unwrap();
    group.bench_function("all_proofs", |b| {
        b.iter(|| {
            tree.try_for_each_proof(|entry, siblings| {
                black_box((entry, siblings));
                Ok::<(), ()>(())
            })
        });
    });
    let mut next = entries;
    // Spread as real earnings are: every hundredth place, moved by a hash-like step.
    for i in 0..OPERATORS / 100 {
        let at = (i.wrapping_mul(2_654_435_761) % OPERATORS) as usize;
        next[at].cumulative_nano.0 += 1;
    }
    group.bench_function("next_tree_1_percent_changed", |b| {
        b.iter_batched(
            || tree.clone(),
            |mut tree| {
                tree.advance(&next).unwrap();
                tree
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, sum_tree);
criterion_main!(benches);
