//! Certificates for IPv6 addresses.

use mesos_core::{Framework, SchedulerDriver};
use mesos_http::OperatorClient;
use mesos_testing::Recorder;

use super::*;
use crate::ipv6::server;
use crate::operator::{get_version, version};

/// The settings to test: rustls, and OpenSSL if it is part of this program.
fn libraries(tls: TlsConfig) -> Vec<TlsConfig> {
    #[cfg(feature = "tls-openssl")]
    return vec![tls.clone(), tls.openssl()];
    #[cfg(not(feature = "tls-openssl"))]
    vec![tls]
}

#[tokio::test]
async fn a_driver_and_the_operator_client_accept_a_certificate_for_an_ipv6_address() {
    let Some(server) = server() else { return };
    let authority = Authority::new();
    let acceptor = acceptor(&authority.sign("::1"), None);
    for tls in libraries(TlsConfig::new().ca_file(authority.ca())) {
        let recorder = Recorder::new();
        let framework = Framework::ephemeral("f");
        let backend = backend(&server, tls.clone());
        let driver = SchedulerDriver::start(recorder.clone(), framework, backend).detach();
        let mut stream = accept(&server, &acceptor).await;
        let request = stream.request().await;
        assert_eq!(request.header("host"), Some(server.address.as_str()));
        stream.send(STREAM_HEAD).await;
        stream.chunk(record(&subscribed(15.0))).await;
        recorder.subscribed().await;
        let script = async {
            let mut calls = accept(&server, &acceptor).await;
            assert_eq!(killed(&calls.request().await), "t");
            calls.respond("202 Accepted", "", "").await;
        };
        let (answer, ()) = tokio::join!(driver.kill("t"), script);
        answer.unwrap();
        driver.abort();
        driver.join().await.unwrap();

        // Without a scheme, as the settings say.
        let client = OperatorClient::new(server.address.parse().unwrap()).tls(tls);
        let script = async {
            let mut peer = accept(&server, &acceptor).await;
            peer.request().await;
            peer.respond("200 OK", "", version("1.11.0")).await;
        };
        let call = get_version();
        let (answer, ()) = tokio::join!(client.call_master(&call), script);
        let answer = answer.unwrap().get_version.unwrap();
        assert_eq!(answer.version_info.version, "1.11.0");
    }
}

#[tokio::test]
async fn a_certificate_for_another_address_is_refused_at_an_ipv6_address() {
    let Some(server) = server() else { return };
    let authority = Authority::new();
    let acceptor = acceptor(&authority.sign("127.0.0.1"), None);
    for tls in libraries(TlsConfig::new().ca_file(authority.ca())) {
        let client = subscribe(backend(&server, tls));
        let stream = server.accept_raw().await;
        let served = async {
            // Either side may detect the failure first.
            if let Ok(stream) = acceptor.accept(stream).await {
                Peer::over(stream).closed().await;
            }
        };
        let (_, error) = tokio::join!(soon("the end of the server", served), client);
        let error = error.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{}", error_chain(&error));
        assert!(error.to_string().contains("is not for \"::1\""), "{error}");
    }
}
