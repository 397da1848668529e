//! When a driver ends because of TLS, and when the driver retries.

use std::time::Duration;

use async_trait::async_trait;
use mesos_core::{
    BackoffPolicy, Disconnected, Framework, HandlerResult, Scheduler, SchedulerDriver, StopReason,
};
use mesos_testing::Recorder;

use super::*;

/// A new framework, and one of an earlier process.
fn frameworks() -> [Framework; 2] {
    let of = || Framework::with_failover_timeout("f", Duration::from_secs(60));
    [of(), of().id("known")]
}

/// Answers every connection with a certificate of `authority`, until the future is dropped.
async fn present(server: &Server, acceptor: &TlsAcceptor) {
    loop {
        let stream = server.accept_raw().await;
        // Fails, as the test requires.
        let _ = acceptor.accept(stream).await;
    }
}

#[tokio::test]
async fn a_driver_that_was_never_subscribed_ends_at_once_if_the_ca_is_wrong() {
    let (authority, other) = (Authority::new(), Authority::new());
    let acceptor = acceptor(&authority.sign("127.0.0.1"), None);
    let (one, two) = (Server::start().await, Server::start().await);
    let tls = TlsConfig::new().ca_file(other.ca());
    for address in [
        format!("https://{}", one.address),
        format!("https://{},https://{}", one.address, two.address),
    ] {
        for framework in frameworks() {
            let backend = HttpBackend::new(address.parse().unwrap()).tls(tls.clone());
            let framework = framework.subscribe_timeout(Duration::MAX);
            let driver = SchedulerDriver::start(Recorder::new(), framework, backend).detach();
            let error = tokio::select! {
                ended = soon("the end of the driver", driver.join()) => ended.unwrap_err(),
                () = present(&one, &acceptor) => unreachable!(),
                () = present(&two, &acceptor) => unreachable!(),
            };
            assert_eq!(error.kind(), ErrorKind::Tls, "{address}: {error:?}");
            let expected = format!("not signed by a CA in {}", other.ca().display());
            assert!(format!("{error:#}").contains(&expected), "{error:#}");
        }
    }
}

#[tokio::test]
async fn a_driver_that_was_never_subscribed_ends_at_once_without_a_common_cipher_suite() {
    for framework in frameworks() {
        let server = Server::start().await;
        let framework = framework.subscribe_timeout(Duration::MAX);
        let backend = backend(&server, TlsConfig::new());
        let driver = SchedulerDriver::start(Recorder::new(), framework, backend).detach();
        let mut peer = server.accept().await;
        peer.some().await;
        // The fatal alert 40, handshake_failure.
        peer.send(b"\x15\x03\x03\x00\x02\x02\x28").await;
        peer.hang_up().await;
        let error = soon("the end of the driver", driver.join())
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
        assert!(error.to_string().contains("no cipher suite in common"));
    }
}

/// Ends its driver at the second TLS error in a row: the documentation's example.
#[derive(Default)]
struct Strict(u32);

#[async_trait]
impl Scheduler for Strict {
    async fn disconnected(
        &mut self,
        driver: &SchedulerDriver,
        lost: Disconnected,
    ) -> HandlerResult {
        match lost.error.kind() {
            ErrorKind::Tls => self.0 += 1,
            _ => self.0 = 0,
        }
        if self.0 == 2 {
            driver.abort();
        }
        Ok(())
    }
}

/// Subscribes at a master that afterwards has the certificate of another CA, and returns the driver.
async fn subscribed_once<S: Scheduler + 'static>(
    server: &Server,
    scheduler: S,
    authority: &Authority,
) -> SchedulerDriver {
    let acceptor = acceptor(&authority.sign("127.0.0.1"), None);
    let backend = backend(server, TlsConfig::new().ca_file(authority.ca()));
    let backoff = BackoffPolicy::new(Duration::from_millis(2), Duration::from_millis(20));
    let framework = Framework::with_failover_timeout("f", Duration::from_secs(60));
    let driver = SchedulerDriver::start(scheduler, framework.backoff(backoff), backend).detach();
    let mut stream = accept(server, &acceptor).await;
    stream.request().await;
    stream.send(STREAM_HEAD).await;
    stream.chunk(record(&subscribed(15.0))).await;
    stream.hang_up().await;
    driver
}

#[tokio::test]
async fn a_driver_that_was_subscribed_retries_tls_errors_until_the_scheduler_aborts() {
    let (authority, other) = (Authority::new(), Authority::new());
    let wrong = acceptor(&other.sign("127.0.0.1"), None);

    let server = Server::start().await;
    let recorder = Recorder::new();
    let driver = subscribed_once(&server, recorder.clone(), &authority).await;
    let repeats = async {
        let mut attempts = 0;
        while attempts < 5 {
            let lost = recorder.disconnected().await;
            attempts += u32::from(lost.error.kind() == ErrorKind::Tls);
        }
    };
    tokio::select! {
        () = soon("five attempts", repeats) => {}
        () = present(&server, &wrong) => unreachable!(),
        end = driver.join() => panic!("{end:?}"),
    }
    driver.abort();
    driver.join().await.unwrap();

    let server = Server::start().await;
    let driver = subscribed_once(&server, Strict::default(), &authority).await;
    let end = tokio::select! {
        end = soon("the end of the driver", driver.join()) => end,
        () = present(&server, &wrong) => unreachable!(),
    };
    assert_eq!(end.unwrap(), StopReason::Aborted);
}
