//! Runs the committed corpus.

#[path = "../../../testing/fuzz/corpus.rs"]
mod corpus;

corpus::targets![executor_environment, master_address, resources];
