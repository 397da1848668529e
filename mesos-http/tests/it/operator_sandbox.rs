//! Downloads and following with an agent that misbehaves, and files that change at a bad moment.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

use mesos_core::{ErrorKind, Result};
use mesos_http::operator::{AgentClient, DownloadEvent, Sandbox};
use mesos_http::{Codec, OperatorClient};
use mesos_proto::v1::agent::{self, Call, call};
use mesos_proto::v1::{FileInfo, TimeInfo};
use prost::Message;

use crate::peer::*;

const FILE: u32 = 0o100_644;

const CODECS: [Codec; 2] = [Codec::Protobuf, Codec::Json];

/// A folder of the scripted agent.
fn sandbox(server: &Server, codec: Codec) -> Sandbox {
    let client = OperatorClient::for_endpoint(server.endpoint("")).codec(codec);
    Sandbox::new(AgentClient::from(client), "/s")
}

/// What the agent lists, and then what it reads at once.
#[derive(Clone, Default)]
struct Step {
    listed: Vec<FileInfo>,
    /// The size, and the bytes from the start of the file.
    read: Option<(u64, Vec<u8>)>,
    /// The offset that has to be requested.
    offset: Option<u64>,
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
        ..Default::default()
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
        let request = peer.request().await;
        let is_json = request.header("accept") == Some(Codec::Json.media_type());
        let call: Call = match is_json {
            true => serde_json::from_slice(&request.body).unwrap(),
            false => Call::decode(request.body).unwrap(),
        };
        let mut answer = agent::Response::default();
        match step.read {
            Some((size, bytes)) => {
                assert_eq!(call.r#type(), call::Type::ReadFile);
                let offset = call.read_file.unwrap().offset;
                assert_eq!(step.offset.unwrap_or(offset), offset);
                let offset = offset as usize;
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
        let answer = match is_json {
            true => serde_json::to_vec(&answer).unwrap(),
            false => answer.encode_to_vec(),
        };
        peer.respond("200 OK", "", answer).await;
    }
    // The connection stays open until the test has ended.
    std::future::pending().await
}

/// Downloads the sandbox; returns the files that are complete.
async fn download(
    codec: Codec,
    path: &str,
    target: &Path,
    steps: impl IntoIterator<Item = Step>,
) -> Result<Vec<String>> {
    let server = Server::start().await;
    let sandbox = sandbox(&server, codec);
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
    for codec in CODECS {
        for name in ["../evil", "..", "a/../../evil", ""] {
            let root = tempfile::tempdir().unwrap();
            let target = root.path().join("target");
            let error = download(codec, "", &target, [listed([(name, 1, 0)])])
                .await
                .unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
            assert_eq!(names(root.path()), ["target"]);
            assert!(names(&target).is_empty());
        }
    }
}

#[tokio::test]
async fn a_link_in_the_target_leads_neither_files_nor_folders_out_of_it() {
    for codec in CODECS {
        let root = tempfile::tempdir().unwrap();
        let (target, outside) = (root.path().join("target"), root.path().join("outside"));
        std::fs::create_dir(&target).unwrap();
        std::fs::create_dir(&outside).unwrap();
        std::fs::write(outside.join("file"), "old").unwrap();
        std::os::unix::fs::symlink("../outside/file", target.join("file")).unwrap();
        std::os::unix::fs::symlink("../outside", target.join("folder")).unwrap();

        let file = listed([("file", 3, 1)]);
        let steps = [file.clone(), content(3, b"new"), file];
        assert_eq!(download(codec, "", &target, steps).await.unwrap(), ["file"]);
        assert_eq!(std::fs::read(target.join("file")).unwrap(), b"new");
        assert_eq!(std::fs::read(outside.join("file")).unwrap(), b"old");

        let mut folder = listed([("folder", 0, 1)]);
        folder.listed[0].mode = Some(0o040_755);
        let inside = listed([("folder/evil", 1, 1)]);
        let error = download(codec, "", &target, [folder, inside])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Store, "{error}");
        assert_eq!(names(&outside), ["file"]);
    }
}

#[tokio::test]
async fn a_file_that_grows_is_downloaded_as_long_as_it_was() {
    for codec in CODECS {
        let target = tempfile::tempdir().unwrap();
        let steps = [
            listed([("log", 3, 1)]),
            content(6, b"abcdef"),
            listed([("log", 6, 2)]),
        ];
        let files = download(codec, "", target.path(), steps).await.unwrap();
        assert_eq!(files, ["log"]);
        assert_eq!(std::fs::read(target.path().join("log")).unwrap(), b"abc");
    }
}

#[tokio::test]
async fn a_file_that_changes_is_downloaded_again_and_after_three_times_it_is_an_error() {
    for codec in CODECS {
        let target = tempfile::tempdir().unwrap();
        let changed = [
            listed([("file", 3, 1)]),
            content(3, b"old"),
            listed([("file", 3, 2)]),
            content(3, b"new"),
            listed([("file", 3, 2)]),
        ];
        let files = download(codec, "", target.path(), changed).await.unwrap();
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
        let error = download(codec, "", target.path(), steps).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error}");
        assert!(error.to_string().starts_with("\"file\" changed"), "{error}");
        assert!(names(target.path()).is_empty(), "a part of a file was left");
    }
}

/// Bytes without a period.
fn bytes(count: u32) -> Vec<u8> {
    (0..count).map(|n| (n * n % 251) as u8).collect()
}

/// Downloads the file, which has this time and 1000 bytes, and drops the download after 600 bytes.
async fn interrupted(codec: Codec, target: &Path, seconds: i64) {
    let server = Server::start().await;
    let sandbox = sandbox(&server, codec);
    let first = async {
        let mut download = sandbox.download("", target);
        match download.next().await.unwrap().unwrap() {
            DownloadEvent::Progress { written, .. } => assert_eq!(written, 600),
            other => panic!("{other:?}"),
        }
    };
    let steps = [
        listed([("file", 1000, seconds)]),
        content(1000, &bytes(600)),
    ];
    let work = async {
        tokio::select! {
            () = first => {}
            () = play(&server, steps) => unreachable!(),
        }
    };
    soon("a part", work).await;
    let names = names(target);
    assert!(names[0].ends_with(".part"), "{names:?}");
}

#[tokio::test]
async fn a_download_continues_the_part_of_the_same_version_of_a_file() {
    for codec in CODECS {
        let target = tempfile::tempdir().unwrap();
        interrupted(codec, target.path(), 1).await;
        let file = listed([("file", 1000, 1)]);
        let rest = Step {
            // 256 bytes show that it is the same file.
            offset: Some(600 - 256),
            ..content(1000, &bytes(1000))
        };
        let steps = [file.clone(), rest, file];
        let files = download(codec, "", target.path(), steps).await.unwrap();
        assert_eq!(files, ["file"]);
        assert_eq!(names(target.path()), ["file"]);
        let found = std::fs::read(target.path().join("file")).unwrap();
        assert_eq!(found, bytes(1000));
    }
}

#[tokio::test]
async fn the_part_of_another_version_is_removed_and_the_file_is_downloaded_from_its_start() {
    for codec in CODECS {
        let new = bytes(2000).split_off(1000);
        // Another time, and the same time with other content.
        for (seconds, offset) in [(2, 0), (1, 600 - 256)] {
            let target = tempfile::tempdir().unwrap();
            interrupted(codec, target.path(), 1).await;
            let file = listed([("file", 1000, seconds)]);
            let read = |offset| Step {
                offset: Some(offset),
                ..content(1000, &new)
            };
            let mut steps = vec![file.clone(), read(offset), file.clone()];
            if offset > 0 {
                steps.extend([read(0), file]);
            }
            let files = download(codec, "", target.path(), steps).await.unwrap();
            assert_eq!(files, ["file"]);
            assert_eq!(names(target.path()), ["file"]);
            assert_eq!(std::fs::read(target.path().join("file")).unwrap(), new);
        }
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_while_it_is_read_ends_the_stream_with_an_error() {
    for codec in CODECS {
        let server = Server::start().await;
        let sandbox = sandbox(&server, codec);
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
}

/// Answers calls about the files of `/s`, which the test changes.
async fn serve(server: &Server, files: &Mutex<BTreeMap<String, Vec<u8>>>) {
    let mut peer = server.accept().await;
    loop {
        // The reader ends before the test does.
        let Some(request) = peer.read_request().await else {
            return std::future::pending().await;
        };
        let is_json = request.header("accept") == Some(Codec::Json.media_type());
        let call: Call = match is_json {
            true => serde_json::from_slice(&request.body).unwrap(),
            false => Call::decode(request.body).unwrap(),
        };
        let mut answer = agent::Response::default();
        let mut status = "200 OK";
        match call.read_file {
            Some(read) => match files.lock().unwrap().get(&read.path) {
                Some(bytes) => {
                    let rest = &bytes[(read.offset as usize).min(bytes.len())..];
                    let length = read.length.map_or(rest.len(), |length| length as usize);
                    answer.read_file = Some(agent::response::ReadFile {
                        size: bytes.len() as u64,
                        data: rest[..length.min(rest.len())].to_vec().into(),
                    });
                }
                None => status = "404 Not Found",
            },
            None => {
                let info = |(path, bytes): (&String, &Vec<u8>)| FileInfo {
                    path: path.clone(),
                    size: Some(bytes.len() as u64),
                    mode: Some(FILE),
                    ..Default::default()
                };
                answer.list_files = Some(agent::response::ListFiles {
                    file_infos: files.lock().unwrap().iter().map(info).collect(),
                });
            }
        }
        let answer = match is_json {
            true => serde_json::to_vec(&answer).unwrap(),
            false => answer.encode_to_vec(),
        };
        peer.respond(status, "", answer).await;
    }
}

/// Follows `/s/log` from an offset. `steps` are the contents that the file has, one after another, and
/// what the reader returns for each.
async fn followed(codec: Codec, offset: u64, steps: &[(&[u8], &[u8])]) {
    let server = Server::start().await;
    let files = Mutex::new(BTreeMap::from([("/s/other".to_owned(), b"other".to_vec())]));
    let following = async {
        let mut reader = sandbox(&server, codec).follow_from("log", offset);
        for (content, expected) in steps {
            let path = "/s/log".to_owned();
            files.lock().unwrap().insert(path, content.to_vec());
            let mut found = Vec::new();
            while found.len() < expected.len() {
                found.extend_from_slice(&reader.next().await.unwrap().unwrap());
            }
            assert_eq!(found, *expected);
        }
        // Nothing is left.
        reader.finish();
        assert!(reader.next().await.is_none());
    };
    let work = async {
        tokio::select! {
            () = following => {}
            () = serve(&server, &files) => unreachable!(),
        }
    };
    soon("the end of the file", work).await;
}

#[tokio::test]
async fn following_from_an_offset_returns_exactly_the_bytes_behind_it() {
    let all = bytes(1000);
    for codec in CODECS {
        for offset in [0, 1, 256, 900, 999] {
            let steps = [(&all[..999], &all[offset..999]), (&all[..], &all[999..])];
            followed(codec, offset as u64, &steps).await;
        }
        // The offset is the end of the file, and the file grows.
        followed(codec, 999, &[(&all[..999], b""), (&all, &all[999..])]).await;
    }
}

#[tokio::test]
async fn a_file_that_is_shorter_than_the_offset_or_was_replaced_is_followed_from_its_start() {
    let (old, new) = (bytes(1000), bytes(2000).split_off(1000));
    for codec in CODECS {
        followed(codec, 1001, &[(&old, &old)]).await;
        followed(codec, 900, &[(&old, &old[900..]), (&new, &new)]).await;
    }
}
