//! Specifications: files, mistakes, and the messages of Mesos that are made from them.

mod bad_input;
mod documented;
mod everything;
mod keys;
mod mistakes;
mod round_trip;

use mesos_framework::{Format, Manifest};

pub(crate) fn yaml(text: &str) -> Manifest {
    Manifest::parse(text, Format::Yaml).unwrap_or_else(|error| panic!("{error}\n{text}"))
}
