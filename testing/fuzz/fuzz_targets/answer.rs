//! Fuzzes `mesos_http::fuzzing::answer`, which says what has to hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesos_http::fuzzing::answer(data));
