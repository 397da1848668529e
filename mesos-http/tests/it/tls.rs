//! TLS with a peer whose certificates are created for the test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use mesos_core::backend::{Backend, SchedulerApi};
use mesos_core::{Delivery, Error, ErrorKind, error_chain};
use mesos_http::{Credentials, HttpBackend, Master, Scheme, TlsConfig};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::peer::*;

mod driver;
mod ipv6;
mod renewal;

/// A CA, with a directory for its files.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut parameters = CertificateParams::new([]).unwrap();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // Another name than in its certificates: OpenSSL takes equal names for a self-signed certificate.
        parameters.distinguished_name.push(DnType::CommonName, "CA");
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(parameters, key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// Signs a certificate for `name`. Returns the files of the certificate and of its key.
    pub(crate) fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new([name.to_owned()]).unwrap();
        // With the name of its issuer, OpenSSL takes a certificate for a self-signed one.
        let subject = &mut parameters.distinguished_name;
        subject.push(DnType::CommonName, name);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let files = (
            self.path(&format!("{name}.pem")),
            self.path(&format!("{name}.key")),
        );
        std::fs::write(&files.0, certificate.pem()).unwrap();
        std::fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }
}

fn certificates(path: &Path) -> Vec<CertificateDer<'static>> {
    let found = CertificateDer::pem_file_iter(path).unwrap();
    found.map(Result::unwrap).collect()
}

/// A server with these files. With `clients`, it requires a certificate of that CA.
pub(crate) fn acceptor(files: &(PathBuf, PathBuf), clients: Option<&Authority>) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(certificates(&authority.ca()));
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::from_pem_file(&files.1).unwrap();
    let config = builder
        .with_single_cert(certificates(&files.0), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn backend(server: &Server, tls: TlsConfig) -> HttpBackend {
    let address = format!("https://{}", server.address);
    HttpBackend::new(address.parse().unwrap()).tls(tls)
}

/// Subscribes and makes a call, both over TLS.
async fn works(files: &(PathBuf, PathBuf), clients: Option<&Authority>, tls: TlsConfig) {
    let server = Server::start().await;
    let acceptor = acceptor(files, clients);
    let accept = || async {
        let stream = server.accept_raw().await;
        Peer::over(soon("a handshake", acceptor.accept(stream)).await.unwrap())
    };
    let client = subscribe(backend(&server, tls));
    let mut stream = accept().await;
    stream.request().await;
    stream.send(STREAM_HEAD).await;
    let mut subscription = soon("subscribe", client).await.unwrap().unwrap();
    stream.chunk(record(&subscribed(15.0))).await;
    next(&mut subscription).await;
    let answer = subscription.calls.send(kill("t")).await.unwrap();
    let mut calls = accept().await;
    calls.request().await;
    calls.respond("202 Accepted", "", "").await;
    soon("an answer", answer).await.unwrap();
}

/// The error of a client with these settings.
async fn fails(files: &(PathBuf, PathBuf), clients: Option<&Authority>, tls: TlsConfig) -> Error {
    let server = Server::start().await;
    let acceptor = acceptor(files, clients);
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
    assert!(error.is_configuration());
    error
}

#[tokio::test]
async fn a_server_with_a_certificate_of_a_trusted_ca_is_accepted() {
    let authority = Authority::new();
    let files = authority.sign("127.0.0.1");
    works(&files, None, TlsConfig::new().ca_file(authority.ca())).await;
    works(
        &files,
        None,
        TlsConfig::new().ca_dir(authority.directory.path()),
    )
    .await;
}

#[tokio::test]
async fn the_expected_name_can_be_set() {
    let authority = Authority::new();
    let tls = TlsConfig::new()
        .ca_file(authority.ca())
        .server_name("master.example");
    works(&authority.sign("master.example"), None, tls).await;
}

#[tokio::test]
async fn a_client_certificate_is_sent_to_a_peer_that_requires_one() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign("client");
    let tls = TlsConfig::new().ca_file(authority.ca());
    let files = authority.sign("127.0.0.1");
    let with = tls.clone().client_certificate(certificate, key);
    works(&files, Some(&authority), with).await;
}

#[tokio::test]
async fn a_refused_certificate_is_an_error_with_the_reason_and_the_setting() {
    let (authority, other) = (Authority::new(), Authority::new());
    let files = authority.sign("127.0.0.1");
    let error = fails(&files, None, TlsConfig::new()).await;
    let message = error.to_string();
    assert!(
        message.contains("not signed by a CA that this system trusts"),
        "{message}"
    );
    assert!(message.contains("TlsConfig::ca_file"), "{message}");
    assert_eq!(error.delivery(), Delivery::NotSent);

    let error = fails(&files, None, TlsConfig::new().ca_file(other.ca())).await;
    let expected = format!("not signed by a CA in {}", other.ca().display());
    assert!(error.to_string().contains(&expected), "{error}");

    let files = authority.sign("master.example");
    let error = fails(&files, None, TlsConfig::new().ca_file(authority.ca())).await;
    let message = error.to_string();
    assert!(message.contains("is not for \"127.0.0.1\""), "{message}");
    assert!(message.contains("TlsConfig::server_name"), "{message}");
}

#[tokio::test]
async fn any_certificate_is_accepted_only_with_the_dangerous_setting() {
    let authority = Authority::new();
    let files = authority.sign("elsewhere");
    works(
        &files,
        None,
        TlsConfig::new().danger_accept_any_certificate(),
    )
    .await;
}

#[tokio::test]
async fn a_peer_that_does_not_complete_the_handshake_is_an_error_with_the_cause() {
    for (answer, part) in [
        // The fatal alert 40, handshake_failure.
        (
            &b"\x15\x03\x03\x00\x02\x02\x28"[..],
            "LIBPROCESS_SSL_CIPHERS=ECDHE-RSA-AES128-GCM-SHA256",
        ),
        // 70, protocol_version.
        (
            b"\x15\x03\x03\x00\x02\x02\x46",
            "neither TLS 1.2 nor TLS 1.3",
        ),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "write http://"),
        (b"", "does the port expect TLS?"),
    ] {
        let server = Server::start().await;
        let client = subscribe(backend(&server, TlsConfig::new()));
        let mut peer = server.accept().await;
        peer.some().await;
        peer.send(answer).await;
        peer.hang_up().await;
        let error = soon("subscribe", client).await.unwrap().unwrap_err();
        let kind = match answer {
            b"" => ErrorKind::Transport,
            _ => ErrorKind::Tls,
        };
        assert_eq!(
            (error.kind(), error.delivery()),
            (kind, Delivery::NotSent),
            "{error:?}"
        );
        assert!(error.is_configuration());
        assert!(error.to_string().contains(part), "{error:?}");
    }
}

#[tokio::test]
async fn plain_http_to_a_port_with_tls_is_an_error_that_says_so() {
    let authority = Authority::new();
    let acceptor = acceptor(&authority.sign("127.0.0.1"), None);
    let server = Server::start().await;
    let client = subscribe(server.backend());
    // The request, and the check whether the port expects TLS.
    for _ in 0..2 {
        let stream = server.accept_raw().await;
        assert!(acceptor.accept(stream).await.is_err());
    }
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Tls, "{error:?}");
    let expected = format!("http://{} expects TLS; write https://", server.address);
    assert_eq!(error.to_string(), expected);
    assert!(error.is_configuration());
}

#[tokio::test]
async fn an_unusable_file_is_a_configuration_error_that_names_the_file() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign("client");
    let (_, other) = authority.sign("other");
    let broken = authority.path("broken");
    std::fs::write(&broken, "-----BEGIN s3cret-----\n").unwrap();
    let empty = authority.path("empty");
    std::fs::write(&empty, "").unwrap();
    let ca = || TlsConfig::new().ca_file(authority.ca());
    for (tls, file) in [
        (TlsConfig::new().ca_file("/no/such/ca"), "/no/such/ca"),
        (TlsConfig::new().ca_dir("/no/such/dir"), "/no/such/dir"),
        (
            TlsConfig::new().ca_file(&empty),
            "/empty does not contain a certificate",
        ),
        (
            ca().client_certificate("/no/such/cert", &key),
            "/no/such/cert",
        ),
        (
            ca().client_certificate(&certificate, "/no/such/key"),
            "/no/such/key",
        ),
        (
            ca().client_certificate(&certificate, &broken),
            "/broken does not contain an unencrypted private key",
        ),
        (
            ca().client_certificate(&certificate, &other),
            "do not belong together",
        ),
        (
            ca().server_name("no name"),
            "\"no name\" is not a valid name",
        ),
    ] {
        let server = Server::start().await;
        let error = Backend::<SchedulerApi>::subscribe(&backend(&server, tls), subscribe_call())
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind(), error.is_retryable()),
            (ErrorKind::Config, false),
            "{error}"
        );
        assert!(error.to_string().contains(file), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_missing_client_certificate_is_an_error_that_says_so() {
    // Mesos uses TLS 1.2, in which the refusal is part of the handshake.
    let authority = Authority::new();
    let files = authority.sign("127.0.0.1");
    let server = Server::start().await;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(certificates(&authority.ca()));
    let provider = Arc::new(ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&tokio_rustls::rustls::version::TLS12])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            certificates(&files.0),
            PrivateKeyDer::from_pem_file(&files.1).unwrap(),
        )
        .unwrap();
    let tls = TlsConfig::new().ca_file(authority.ca());
    let client = subscribe(backend(&server, tls));
    let stream = server.accept_raw().await;
    let served = TlsAcceptor::from(Arc::new(config)).accept(stream);
    assert!(soon("the handshake", served).await.is_err());
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    let message = error.to_string();
    assert!(
        message.contains("requires a client certificate"),
        "{message}"
    );
}

/// A peer after the handshake.
async fn accept(server: &Server, acceptor: &TlsAcceptor) -> Peer {
    let stream = server.accept_raw().await;
    Peer::over(soon("a handshake", acceptor.accept(stream)).await.unwrap())
}

#[tokio::test]
async fn a_redirect_without_a_scheme_keeps_tls_body_and_credentials() {
    let authority = Authority::new();
    let acceptor = acceptor(&authority.sign("127.0.0.1"), None);
    let (follower, leader) = (Server::start().await, Server::start().await);
    let tls = TlsConfig::new().ca_file(authority.ca());
    let credentials = Credentials::basic("me", "secret").unwrap();
    let client = subscribe(backend(&follower, tls).credentials(credentials));
    let mut peer = accept(&follower, &acceptor).await;
    let first = peer.request().await;
    let location = format!("Location: //{}/master/api/v1/scheduler\r\n", leader.address);
    // A stream id in a redirect would belong to the follower.
    let headers = format!("{location}Mesos-Stream-Id: stale\r\n");
    peer.respond("307 Temporary Redirect", &headers, "").await;

    let mut peer = accept(&leader, &acceptor).await;
    let second = peer.request().await;
    assert_eq!(second.line, "POST /master/api/v1/scheduler HTTP/1.1");
    assert_eq!(second.body, first.body);
    assert_eq!(second.header("mesos-stream-id"), None);
    assert_eq!(
        second.header("authorization"),
        Some("Basic bWU6c2VjcmV0"),
        "me:secret"
    );
    assert_eq!(
        first.header("authorization"),
        second.header("authorization")
    );
    peer.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();
    assert_eq!(
        subscription.peer,
        format!("https://{}/master", leader.address)
    );

    // And the calls.
    let answer = subscription.calls.send(kill("t")).await.unwrap();
    let mut calls = accept(&leader, &acceptor).await;
    let call = calls.request().await;
    assert_eq!(call.header("mesos-stream-id"), Some(STREAM_ID));
    assert_eq!(call.header("authorization"), first.header("authorization"));
    calls.respond("202 Accepted", "", "").await;
    soon("an answer", answer).await.unwrap();
    assert!(follower.is_quiet().await);
}

#[tokio::test]
async fn the_tls_settings_determine_the_scheme_of_masters_without_one() {
    let authority = Authority::new();
    let acceptor = acceptor(&authority.sign("127.0.0.1"), None);
    let tls = || TlsConfig::new().ca_file(authority.ca());
    let server = Server::start().await;
    let file = authority.path("master");
    std::fs::write(&file, &server.address).unwrap();
    let file = format!("file://{}", file.display());
    for address in [
        server.address.clone(),
        format!("master@{}", server.address),
        file,
    ] {
        let master: Master = address.parse().unwrap();
        let client = subscribe(HttpBackend::new(master.clone()).tls(tls()));
        let mut peer = accept(&server, &acceptor).await;
        peer.request().await;
        peer.send(STREAM_HEAD).await;
        let subscription = soon("subscribe", client).await.unwrap().unwrap();
        assert!(
            subscription.peer.starts_with("https://"),
            "{}",
            subscription.peer
        );

        let explicit = master.with_scheme(Scheme::Http);
        for plain in [
            HttpBackend::new(address.parse().unwrap()),
            HttpBackend::new(explicit).tls(tls()),
        ] {
            let (subscription, _peer) = server.subscribed(plain).await;
            let found = &subscription.peer;
            assert!(found.starts_with("http://"), "{address}: {found}");
        }
    }
    let written = format!("http://{}", server.address).parse().unwrap();
    let backend = HttpBackend::new(written).tls(tls());
    let (subscription, _peer) = server.subscribed(backend).await;
    assert!(subscription.peer.starts_with("http://"));
}

#[tokio::test]
async fn pipelined_and_large_calls_work_over_tls() {
    let authority = Authority::new();
    let acceptor = acceptor(&authority.sign("127.0.0.1"), None);
    let server = Server::start().await;
    let client = subscribe(backend(&server, TlsConfig::new().ca_file(authority.ca())));
    let mut stream = accept(&server, &acceptor).await;
    stream.request().await;
    stream.send(STREAM_HEAD).await;
    let subscription = soon("subscribe", client).await.unwrap().unwrap();
    let first = subscription.calls.send(kill("first")).await.unwrap();
    let mut calls = accept(&server, &acceptor).await;
    calls.request().await;
    calls.respond("202 Accepted", "", "").await;
    soon("an answer", first).await.unwrap();

    // Longer than a TLS record, and than the socket buffers.
    let long = "x".repeat(1 << 20);
    let tasks = ["a", long.as_str(), "b", "c"];
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(subscription.calls.send(kill(task)).await.unwrap());
    }
    for task in tasks {
        assert!(killed(&calls.request().await) == task, "{:.9}", task);
    }
    for answer in answers {
        calls.respond("202 Accepted", "", "").await;
        soon("an answer", answer).await.unwrap();
    }
}
