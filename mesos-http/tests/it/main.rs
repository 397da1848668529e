//! The backend with a scripted peer on a loopback socket: the test determines every byte of the peer
//! and when it is sent.

#![allow(clippy::unwrap_used)]

mod auth;
mod calls;
mod chunks;
mod events;
mod ipv6;
mod loopback;
mod one_task;
mod operator;
mod operator_agent;
mod operator_calls;
mod operator_exec;
mod operator_find;
mod operator_master;
mod operator_retry;
#[cfg(unix)]
mod operator_sandbox;
mod operator_state;
mod operator_watch;
mod outages;
#[cfg(unix)]
mod paused;
mod peer;
mod pipeline;
mod ready;
mod redirect;
mod routes;
mod subscribe;
mod tls;
mod tokens;
#[cfg(unix)]
mod unix;
