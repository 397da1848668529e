//! Fuzzes `mesos_archive::fuzzing::archive`, which states the checked properties.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| mesos_archive::fuzzing::archive(data));
