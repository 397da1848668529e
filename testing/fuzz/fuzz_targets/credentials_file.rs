//! Fuzzes `mesos_http::fuzzing::credentials_file`, which says what has to hold.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesos_http::fuzzing::credentials_file(data));
