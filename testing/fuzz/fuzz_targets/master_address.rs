//! Fuzzes `mesos_core::fuzzing::master_address`, which says what has to hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesos_core::fuzzing::master_address(data));
