//! Files that are replaced in several steps.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mesos_core::executor::Token;
use mesos_core::{Error, ErrorKind, Scheme};
use mesos_http::{Credentials, TlsConfig, TokenProvider};
use mesos_testing::{Reaction, wire::When};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::tls::{Authority, acceptor};

/// Accepts TLS, and forwards the content to a fake master or agent.
struct Front {
    address: SocketAddr,
    acceptor: Arc<Mutex<TlsAcceptor>>,
}

impl Front {
    async fn start(target: SocketAddr, acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = Arc::new(Mutex::new(acceptor));
        let current = Arc::clone(&acceptor);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let acceptor = current.lock().unwrap().clone();
                tokio::spawn(async move {
                    let mut client = acceptor.accept(client).await?;
                    let mut target = TcpStream::connect(target).await?;
                    tokio::io::copy_bidirectional(&mut client, &mut target).await
                });
            }
        });
        Self { address, acceptor }
    }
}

/// With OpenSSL only if the tests are built with it.
fn libraries(tls: TlsConfig) -> Vec<TlsConfig> {
    #[cfg(feature = "tls-openssl")]
    return vec![tls.clone(), tls.openssl()];
    #[cfg(not(feature = "tls-openssl"))]
    return vec![tls];
}

#[tokio::test]
async fn a_certificate_that_is_renewed_in_two_steps_does_not_end_a_driver_that_was_subscribed() {
    let (old, new) = (Authority::new(), Authority::new());
    let with = |authority: &Authority| acceptor(&authority.sign("127.0.0.1"), Some(authority));
    let directory = tempfile::tempdir().unwrap();
    let [ca, certificate, key] =
        ["ca", "certificate", "key"].map(|name| directory.path().join(name));
    let install = |from: PathBuf, to: &PathBuf| {
        fs::copy(from, to).unwrap();
    };
    let tls = TlsConfig::new()
        .ca_file(&ca)
        .client_certificate(&certificate, &key);
    for tls in libraries(tls) {
        for fake in Fake::both().await {
            let files = old.sign("client");
            install(old.ca(), &ca);
            install(files.0, &certificate);
            install(files.1, &key);
            let front = Front::start(fake.address(), with(&old)).await;
            let proxy = FaultProxy::start(front.address).await.unwrap();
            let endpoint = fake.at(&proxy.address().to_string());
            let backend = HttpBackend::new(endpoint.with_scheme(Scheme::Https).into());
            let mut driven = fake.drive(backend.tls(tls.clone())).await;

            // The new certificate with the old key: the driver uses what worked last.
            let files = new.sign("client");
            install(files.0, &certificate);
            proxy.cut();
            driven.disconnected().await;
            driven.subscribed().await;

            // From now on, the peer does not accept what worked last.
            *front.acceptor.lock().unwrap() = with(&new);
            fs::write(&ca, "").unwrap();
            proxy.cut();
            driven.disconnected().await;
            driven.fails("TLS").await;

            install(new.ca(), &ca);
            install(files.1, &key);
            driven.subscribed().await;
        }
    }
}

/// A token in a file that another program replaces.
struct TokenFile(PathBuf);

#[async_trait]
impl TokenProvider for TokenFile {
    async fn token(&self) -> mesos_core::Result<Token> {
        let text = fs::read_to_string(&self.0).map_err(|source| {
            Error::new(ErrorKind::Config, "cannot read the token").with_source(source)
        })?;
        Ok(Token::new(text))
    }
}

#[tokio::test]
async fn a_token_file_that_is_replaced_in_steps_does_not_end_a_driver_that_was_subscribed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    for fake in Fake::both().await {
        // The only token that the peer accepts.
        let valid = Arc::new(Mutex::new("first".to_owned()));
        let refuses = |found: Option<&str>, valid: &Mutex<String>| {
            found != Some(format!("Bearer {}", valid.lock().unwrap()).as_str())
        };
        let unauthorized = Reaction::respond(401, "");
        let current = Arc::clone(&valid);
        match &fake {
            Fake::Master(master) => master.react_always(
                When::<SchedulerApi>::request(move |request| {
                    refuses(request.header("authorization"), &current)
                }),
                unauthorized,
            ),
            Fake::Agent(agent) => agent.react_always(
                When::<ExecutorApi>::request(move |request| {
                    refuses(request.header("authorization"), &current)
                }),
                unauthorized,
            ),
        }
        fs::write(&file, "first").unwrap();
        let proxy = fake.proxy().await;
        let endpoint = fake.at(&proxy.address().to_string());
        let credentials = Credentials::provider(TokenFile(file.clone()));
        let backend = HttpBackend::new(endpoint.into()).credentials(credentials);
        let mut driven = fake.drive(backend).await;

        *valid.lock().unwrap() = "second".to_owned();
        proxy.cut();
        driven.disconnected().await;
        // The file still contains the first token.
        driven.fails("401").await;
        fs::remove_file(&file).unwrap();
        settle(&mut driven, "cannot read the token").await;
        fs::write(&file, "").unwrap();
        settle(&mut driven, "unusable token").await;
        fs::write(&file, "sec").unwrap();
        settle(&mut driven, "401").await;
        fs::write(&file, "second").unwrap();
        driven.subscribed().await;
    }
}

/// Waits for failures with this text. An attempt that started before may fail for another reason.
async fn settle(driven: &mut Driven, text: &str) {
    let found =
        async { while !format!("{:#}", driven.disconnected().await.error).contains(text) {} };
    soon(text, found).await;
    driven.fails(text).await;
}
