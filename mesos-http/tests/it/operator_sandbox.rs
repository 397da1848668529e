//! Downloads and following with an agent that misbehaves, and files that change at a bad moment.

use std::path::Path;

use mesos_core::{ErrorKind, Result};
use mesos_http::operator::{AgentClient, DownloadEvent, Sandbox};
use mesos_proto::v1::agent::{self, Call, call};
use mesos_proto::v1::{FileInfo, TimeInfo};
use prost::Message;

use crate::peer::*;

const FILE: u32 = 0o100_644;

/// What the agent lists, and then what it reads at once.
#[derive(Clone, Default)]
struct Step {
    listed: Vec<FileInfo>,
    /// The size, and the bytes from the start of the file.
    read: Option<(u64, Vec<u8>)>,
}

fn listed(files: impl IntoIterator<Item = (&'static str, u64, i64)>) -> Step {
    let info = |(path, size, seconds): (&str, u64, i64)| FileInfo {
        path: format!("/s/{path}"),
        size: Some(size),
        mode: Some(FILE),
        mtime: Some(TimeInfo {
            nanoseconds: seconds * 1_000_000_000,
        }),
        ..Default::default()
    };
    Step {
        listed: files.into_iter().map(info).collect(),
        read: None,
    }
}

fn content(size: u64, bytes: &[u8]) -> Step {
    Step {
        read: Some((size, bytes.to_vec())),
        ..Default::default()
    }
}

/// Answers one call with each step, and checks its type.
async fn play(server: &Server, steps: impl IntoIterator<Item = Step>) {
    let mut peer = server.accept().await;
    for step in steps {
        let call = Call::decode(peer.request().await.body).unwrap();
        let mut answer = agent::Response::default();
        match step.read {
            Some((size, bytes)) => {
                assert_eq!(call.r#type(), call::Type::ReadFile);
                let offset = call.read_file.unwrap().offset as usize;
                answer.r#type = Some(agent::response::Type::ReadFile.into());
                answer.read_file = Some(agent::response::ReadFile {
                    size,
                    data: bytes[offset.min(bytes.len())..].to_vec().into(),
                });
            }
            None => {
                assert_eq!(call.r#type(), call::Type::ListFiles);
                answer.r#type = Some(agent::response::Type::ListFiles.into());
                answer.list_files = Some(agent::response::ListFiles {
                    file_infos: step.listed,
                });
            }
        }
        peer.respond("200 OK", "", answer.encode_to_vec()).await;
    }
    // The connection stays open until the test has ended.
    std::future::pending().await
}

/// Downloads the sandbox; returns the files that are complete.
async fn download(
    path: &str,
    target: &Path,
    steps: impl IntoIterator<Item = Step>,
) -> Result<Vec<String>> {
    let server = Server::start().await;
    let sandbox = Sandbox::new(AgentClient::new(server.endpoint("")), "/s");
    let downloading = async {
        let mut download = sandbox.download(path, target);
        let mut files = Vec::new();
        while let Some(event) = download.next().await {
            if let DownloadEvent::File { path, .. } = event? {
                files.push(path);
            }
        }
        Ok(files)
    };
    let work = async {
        tokio::select! {
            files = downloading => files,
            () = play(&server, steps) => unreachable!(),
        }
    };
    soon("the download", work).await
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> = entries
        .map(|entry| name(entry).into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_name_that_leads_out_of_the_target_ends_the_download_before_anything_is_written() {
    for name in ["../evil", "..", "a/../../evil", ""] {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("target");
        let error = download("", &target, [listed([(name, 1, 0)])])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert_eq!(names(root.path()), ["target"]);
        assert!(names(&target).is_empty());
    }
}

#[tokio::test]
async fn a_link_in_the_target_leads_neither_files_nor_folders_out_of_it() {
    let root = tempfile::tempdir().unwrap();
    let (target, outside) = (root.path().join("target"), root.path().join("outside"));
    std::fs::create_dir(&target).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("file"), "old").unwrap();
    std::os::unix::fs::symlink("../outside/file", target.join("file")).unwrap();
    std::os::unix::fs::symlink("../outside", target.join("folder")).unwrap();

    let file = listed([("file", 3, 1)]);
    let steps = [file.clone(), content(3, b"new"), file];
    assert_eq!(download("", &target, steps).await.unwrap(), ["file"]);
    assert_eq!(std::fs::read(target.join("file")).unwrap(), b"new");
    assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"old");

    let mut folder = listed([("folder", 0, 1)]);
    folder.listed[0].mode = Some(0o040_755);
    let inside = listed([("folder/evil", 1, 1)]);
    let error = download("", &target, [folder, inside]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store, "{error}");
    assert_eq!(names(&outside), ["file"]);
}

#[tokio::test]
async fn a_file_that_grows_is_downloaded_as_long_as_it_was() {
    let target = tempfile::tempdir().unwrap();
    let steps = [
        listed([("log", 3, 1)]),
        content(6, b"abcdef"),
        listed([("log", 6, 2)]),
    ];
    let files = download("", target.path(), steps).await.unwrap();
    assert_eq!(files, ["log"]);
    assert_eq!(std::fs::read(target.path().join("log")).unwrap(), b"abc");
}

#[tokio::test]
async fn a_file_that_changes_is_downloaded_again_and_after_three_times_it_is_an_error() {
    let target = tempfile::tempdir().unwrap();
    let changed = [
        listed([("file", 3, 1)]),
        content(3, b"old"),
        listed([("file", 3, 2)]),
        content(3, b"new"),
        listed([("file", 3, 2)]),
    ];
    let files = download("", target.path(), changed).await.unwrap();
    assert_eq!(files, ["file"]);
    assert_eq!(std::fs::read(target.path().join("file")).unwrap(), b"new");

    // Truncated while it is read.
    let target = tempfile::tempdir().unwrap();
    let mut steps = vec![listed([("file", 6, 0)])];
    for round in 1..=3 {
        steps.push(content(6, b"abc"));
        steps.push(content(2, b"xy"));
        steps.push(listed([("file", 6, round)]));
    }
    let error = download("", target.path(), steps).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
    assert!(error.to_string().starts_with("\"file\" changed"), "{error}");
    assert!(names(target.path()).is_empty(), "a part of a file was left");
}

#[tokio::test]
async fn a_file_that_is_replaced_while_it_is_read_ends_the_stream_with_an_error() {
    let server = Server::start().await;
    let sandbox = Sandbox::new(AgentClient::new(server.endpoint("")), "/s");
    let reading = async {
        let mut reader = sandbox.open("file");
        let first = reader.next().await.unwrap().unwrap();
        assert_eq!(first, "abc");
        let error = reader.next().await.unwrap().unwrap_err();
        assert!(reader.next().await.is_none());
        error
    };
    let steps = [
        listed([("file", 6, 0)]),
        content(6, b"abc"),
        content(6, b"other!"),
    ];
    let work = async {
        tokio::select! {
            error = reading => error,
            () = play(&server, steps) => unreachable!(),
        }
    };
    let error = soon("the end of the stream", work).await;
    assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
}
