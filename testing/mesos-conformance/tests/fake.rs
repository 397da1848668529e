//! The promises, asked of every backend on a fake master.

mod http_protobuf {
    mesos_testing::conformance_tests!(mesos_conformance::http(mesos_testing::Encoding::Protobuf));
}

mod http_json {
    mesos_testing::conformance_tests!(mesos_conformance::http(mesos_testing::Encoding::Json));
}
