//! Fuzzes `mesos_http::fuzzing::event_protobuf`, which states the checked properties.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesos_http::fuzzing::event_protobuf(data));
