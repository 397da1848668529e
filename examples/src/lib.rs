//! The examples are beside this folder; run one with `cargo run --example NAME`.
