//! Three things that people do first. Run them with `cargo run --release -p tatum-examples --example NAME`.
