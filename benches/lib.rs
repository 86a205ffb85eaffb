//! Benchmarks of the core crates; see `benches/`.
