//! The page on a socket.

use std::net::SocketAddr;

use mesos::status::StatusPage;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::request::runner;

/// The status and the body of an answer.
async fn request(address: SocketAddr, host: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn a_page_on_the_loopback_address_refuses_other_names() {
    let runner = runner("http://127.0.0.1:1").await;
    let page = StatusPage::new(&runner).listen(0).await.unwrap();
    assert!(page.address().ip().is_loopback());
    assert_eq!(page.url(), format!("http://{}/", page.address()));
    let port = page.address().port();
    for host in ["localhost".to_owned(), format!("127.0.0.1:{port}")] {
        let answer = request(page.address(), &host, "/healthz").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    let answer = request(page.address(), "evil.example", "/api/overview").await;
    assert!(answer.starts_with("HTTP/1.1 403 Forbidden\r\n"), "{answer}");
    assert!(answer.contains("use localhost"), "{answer}");

    let taken = StatusPage::new(&runner).listen(port).await.unwrap_err();
    let message = taken.to_string();
    let expected = format!("cannot bind the status page to 127.0.0.1:{port}: ");
    assert!(message.starts_with(&expected), "{message}");

    // The server ends with the value, and its port is free again.
    drop(page);
    let again = loop {
        match StatusPage::new(&runner).listen(port).await {
            Ok(page) => break page,
            Err(_) => tokio::task::yield_now().await,
        }
    };
    drop(again);
    runner.detach().await.unwrap();
}

#[tokio::test]
async fn a_page_on_all_addresses_answers_to_every_name_below_its_path() {
    let runner = runner("http://127.0.0.1:1").await;
    let page = StatusPage::new(&runner).mounted_at("status");
    let page = page.listen_on("0.0.0.0:0".parse().unwrap()).await.unwrap();
    let port = page.address().port();
    assert_eq!(page.url(), format!("http://127.0.0.1:{port}/status/"));
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let answer = request(address, "gateway.example", "/status/healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    runner.detach().await.unwrap();
}
