//! Fuzzes `mesos_core::fuzzing::executor_environment`, which states the checked properties.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesos_core::fuzzing::executor_environment(data));
