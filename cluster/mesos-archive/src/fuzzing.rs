//! The function that the fuzz target calls.
