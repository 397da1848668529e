//! The backend against a scripted peer on a loopback socket: every byte that
//! the peer sends, and when it sends it, is written in the test.

#![allow(clippy::unwrap_used)]

mod auth;
mod calls;
mod events;
mod operator;
mod peer;
mod pipeline;
mod redirect;
mod subscribe;
mod tls;
mod tokens;
#[cfg(unix)]
mod unix;
