//! The cases on the fake master, with every backend that speaks HTTP.

#[path = "conform/backends/http.rs"]
mod backend;

mod http_protobuf {
    mesos_conformance::conformance_tests!(crate::backend::http(mesos_testing::Encoding::Protobuf));
}

mod http_json {
    mesos_conformance::conformance_tests!(crate::backend::http(mesos_testing::Encoding::Json));
}
