//! Tests of the status page: its pages and JSON over a fake master, and the page in a real browser
//! over a real Mesos.

#![allow(clippy::unwrap_used)]

mod browser;
mod contrast;
mod pages;
mod probes;
mod request;
mod server;
