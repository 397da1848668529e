//! Addresses in files.

use std::fs;
use std::path::Path;

use mesos_core::{ErrorKind, error_chain};
use mesos_http::{HttpBackend, Master};
use tempfile::TempDir;

use crate::peer::*;

fn master(path: &Path) -> Master {
    format!("file://{}", path.display()).parse().unwrap()
}

async fn refused(path: &Path) -> String {
    let client = subscribe(HttpBackend::new(master(path)));
    let error = soon("subscribe", client).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error_chain(&error)
}

#[tokio::test]
async fn a_file_is_read_again_for_each_subscription() {
    let directory = TempDir::new().unwrap();
    let first = directory.path().join("first");
    let second = directory.path().join("second");
    let (one, two) = (Server::start().await, Server::start().await);
    fs::write(&first, format!("\nfile://{}\n", second.display())).unwrap();
    fs::write(&second, format!("  http://{}/a\n", one.address)).unwrap();
    let backend = HttpBackend::new(master(&first));
    let (subscription, _peer) = one.subscribed(backend.clone()).await;
    assert_eq!(subscription.peer, format!("http://{}/a", one.address));

    fs::write(&second, format!("master@{}", two.address)).unwrap();
    let (subscription, _peer) = two.subscribed(backend.clone()).await;
    assert_eq!(subscription.peer, format!("http://{}/master", two.address));

    // The last valid content stays in effect.
    for broken in [None, Some("nonsense://")] {
        fs::remove_file(&second).ok();
        if let Some(broken) = broken {
            fs::write(&second, broken).unwrap();
        }
        let (subscription, _peer) = two.subscribed(backend.clone()).await;
        assert_eq!(subscription.peer, format!("http://{}/master", two.address));
    }
}

#[tokio::test]
async fn an_invalid_file_is_an_error_that_names_it_without_its_content() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("address");
    let named = path.display().to_string();
    let message = refused(&path).await;
    let expected = format!("cannot read the address of the masters from {named}: ");
    assert!(message.starts_with(&expected), "{message}");

    for (content, why) in [
        (
            b"zk://user:secret@h:2181".to_vec(),
            "does not contain a master's address: the address zk://h:2181 has no path",
        ),
        (
            b"http://user:secret@h:1".to_vec(),
            "does not contain a master's address: a master's address cannot contain",
        ),
        (
            Vec::new(),
            "does not contain a master's address: the address is empty",
        ),
        (vec![b'a'; 70_000], "is longer than 65536 bytes"),
        (vec![0xff], "cannot read the address of the masters from"),
        (
            format!("file://{named}").into_bytes(),
            "starts a chain of more than 8 files that each name another file",
        ),
    ] {
        fs::write(&path, content).unwrap();
        let message = refused(&path).await;
        assert!(message.contains(why), "{message}");
        assert!(message.contains(&named), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}
