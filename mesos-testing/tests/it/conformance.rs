//! The promises, asked of the HTTP backend in both encodings.

use mesos_core::SchedulerDriver;
use mesos_http::{Codec, HttpBackend};
use mesos_testing::Encoding;
use mesos_testing::conformance::Harness;

fn http(encoding: Encoding) -> Harness {
    Harness::new(encoding, |url, tuning, framework, recorder| {
        let codec = match tuning.encoding {
            Encoding::Json => Codec::Json,
            Encoding::Protobuf => Codec::Protobuf,
        };
        let backend = HttpBackend::new(url.parse().expect("the URL of a fake master"))
            .codec(codec)
            .response_timeout(tuning.response_timeout)
            .record_limit(tuning.record_limit);
        SchedulerDriver::start(recorder, framework, backend)
    })
}

mod http_protobuf {
    mesos_testing::conformance_tests!(super::super::http(mesos_testing::Encoding::Protobuf));
}

mod http_json {
    mesos_testing::conformance_tests!(super::super::http(mesos_testing::Encoding::Json));
}
