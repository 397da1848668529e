//! The examples that show a cluster and a framework to people.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::program::{cluster, interrupt, outcome, start, within};

#[tokio::test]
async fn cluster_watch_prints_each_change_of_a_cluster() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let (child, mut lines) = start("cluster_watch", &[&cluster.master_url()]);
    let first = within("the first line", lines.next_line()).await.unwrap();
    assert_eq!(first.as_deref(), Some("1 agents, 0 tasks"));
    let end = outcome("hello_scheduler", &[&cluster.master_url()]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let second = within("the second line", lines.next_line()).await.unwrap();
    assert_eq!(second.as_deref(), Some("1 agents, 1 tasks"));
    interrupt(child).await;
}

#[tokio::test]
async fn status_page_serves_its_jobs() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let args = [&cluster.master_url(), "2", "echo $ITEM", "0"];
    let (child, mut lines) = start("status_page", &args);
    let line = within("the address", lines.next_line()).await.unwrap();
    let line = line.unwrap();
    let address = line.strip_prefix("open http://").unwrap();
    let address = address.trim_end_matches('/');
    let finished = async {
        loop {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let request =
                "GET /api/overview HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
            if answer.contains("\"finished\":2") {
                return;
            }
        }
    };
    within("the end of both jobs", finished).await;
    interrupt(child).await;
}
