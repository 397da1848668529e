//! The promises, asked of the HTTP backend in both encodings.

use mesos_core::SchedulerDriver;
use mesos_http::{Codec, Credentials, HttpBackend};
use mesos_testing::Encoding;
use mesos_testing::conformance::Harness;

fn http(encoding: Encoding) -> Harness {
    Harness::new(encoding, |url, tuning, framework, recorder| {
        let codec = match tuning.encoding {
            Encoding::Json => Codec::Json,
            Encoding::Protobuf => Codec::Protobuf,
        };
        let mut backend = HttpBackend::new(url.parse().expect("the URL of a fake master"))
            .codec(codec)
            .response_timeout(tuning.response_timeout)
            .record_limit(tuning.record_limit);
        if let Some((principal, secret)) = &tuning.credential {
            let credentials = Credentials::basic(principal, secret);
            backend = backend.credentials(credentials.expect("a principal without colon"));
        }
        SchedulerDriver::start(recorder, framework, backend)
    })
}

mod http_protobuf {
    mesos_testing::conformance_tests!(super::super::http(mesos_testing::Encoding::Protobuf));
}

mod http_json {
    mesos_testing::conformance_tests!(super::super::http(mesos_testing::Encoding::Json));
}
