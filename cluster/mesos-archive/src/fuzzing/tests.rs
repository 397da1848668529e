//! Runs the committed corpus.

#[path = "../../../../testing/fuzz/corpus.rs"]
mod corpus;

corpus::targets![archive];
