//! Fuzzes `mesos_http::fuzzing::redirect`, which states the checked properties.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesos_http::fuzzing::redirect(data));
