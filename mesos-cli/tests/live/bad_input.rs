//! Errors for wrong input of `mesos run`. These tests do not need Mesos.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::program::User;

async fn fails(args: &[&str], code: i32, parts: &[&str]) {
    let end = User::new().outcome(&[&["run"], args].concat()).await;
    assert_eq!(end.code, Some(code), "{end:?}");
    for part in parts {
        assert!(
            end.stderr.contains(part),
            "`{part}` is not in: {}",
            end.stderr
        );
    }
    assert!(!end.stderr.contains("panicked"), "{}", end.stderr);
}

#[tokio::test]
async fn an_unreachable_master_is_named_with_the_reason() {
    // A port that was free before, and is closed now.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let url = format!("http://{address}");
    fails(&["--master", &url, "true"], 125, &[&address, "refused"]).await;
}

#[tokio::test]
async fn an_invalid_url_is_refused_with_a_correct_example() {
    for url in ["ftp://host:1", "http://", "http://host:port", "::"] {
        fails(&["--master", url, "true"], 2, &[url, "--master"]).await;
    }
}

#[tokio::test]
async fn no_command_is_a_usage_error() {
    fails(&[], 2, &["<COMMAND>", "Usage"]).await;
}

/// A server that answers every request with `response`.
async fn server(response: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut request = [0; 16 * 1024];
                while socket.read(&mut request).await.is_ok_and(|read| read > 0) {
                    let _ = socket.write_all(response.as_bytes()).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn a_server_that_is_not_a_mesos_master_is_an_error() {
    let web = server(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
    )
    .await;
    let url = web.as_str();
    fails(&["--master", url, "true"], 125, &[url, "Mesos"]).await;
}

#[tokio::test]
async fn a_wrong_path_gives_the_status_and_the_path() {
    let web = server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n").await;
    let url = format!("{web}/wrong");
    let said = format!("{url} does not serve /api/v1/scheduler (404 Not Found)");
    fails(&["--master", &url, "true"], 125, &[&said]).await;
}
