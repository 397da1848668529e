//! Fuzzes `mesos_core::fuzzing::resources`, which states the checked properties.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesos_core::fuzzing::resources(data));
