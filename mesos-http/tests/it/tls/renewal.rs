//! Files that are replaced while a backend uses them.

use super::*;

/// A certificate is renewed in two steps, and files are truncated before they are written again.
#[tokio::test]
async fn a_file_that_becomes_unusable_later_does_not_end_connections_that_worked() {
    let authority = Authority::new();
    let files = authority.sign("127.0.0.1");
    let client = authority.sign("client");
    let tls = TlsConfig::new()
        .ca_file(authority.ca())
        .client_certificate(&client.0, &client.1);
    #[cfg(feature = "tls-openssl")]
    let configurations = [tls.clone(), tls.openssl()];
    #[cfg(not(feature = "tls-openssl"))]
    let configurations = [tls];
    let server = Server::start().await;
    let acceptor = acceptor(&files, Some(&authority));
    for tls in configurations {
        let backend = backend(&server, tls);
        let subscribes = async || {
            let client = subscribe(backend.clone());
            let mut stream = accept(&server, &acceptor).await;
            stream.request().await;
            stream.send(STREAM_HEAD).await;
            soon("subscribe", client).await.unwrap().unwrap();
        };
        subscribes().await;
        let other = authority.sign("another");
        for (file, content) in [
            (&client.0, Vec::new()),
            (&client.0, std::fs::read(&client.0).unwrap()[..40].to_vec()),
            // The new certificate, and still the old key.
            (&client.0, std::fs::read(&other.0).unwrap()),
            (&client.1, b"-----BEGIN PRIVATE KEY-----".to_vec()),
            (&authority.ca(), Vec::new()),
        ] {
            let before = std::fs::read(file).unwrap();
            std::fs::write(file, content).unwrap();
            subscribes().await;
            std::fs::write(file, before).unwrap();
            subscribes().await;
        }
        std::fs::rename(&client.1, authority.path("away")).unwrap();
        subscribes().await;
        std::fs::rename(authority.path("away"), &client.1).unwrap();
    }
}
