//! Rounds over offers that the tests make.

#![allow(clippy::unwrap_used)]

mod bad_input;
mod basics;
mod constraints;
mod demand;
mod executors;
mod held;
mod lint;
mod make;
mod optimum;
mod parts;
mod properties;
mod reports;
mod strategies;
