//! What tests of Mesos frameworks need.
//!
//! See [`FakeMaster`].

#![forbid(unsafe_code)]

pub mod events;
mod journal;
mod master;

pub use master::{
    Agent, Behaviour, Builder, Encoding, FakeMaster, Held, Reaction, Received, Standing, Stream,
    When,
};
pub use mesos_proto::v1;
