//! Rounds over offers that the tests make.

#![allow(clippy::unwrap_used)]

mod basics;
mod make;
