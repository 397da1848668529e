//! Downloads from sandboxes on a real Mesos.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, SystemTime};

use mesos_core::{ErrorKind, Result};
use mesos_http::operator::{DownloadEvent, Sandbox, Skipped};
use tokio::time::timeout;

use super::super::{PATIENCE, cluster};
use super::{on_disk, running, status};

/// The files below a folder: content, permissions and time.
fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, u32, SystemTime)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            let metadata = fs::symlink_metadata(&path).unwrap();
            let mode = metadata.permissions().mode() & 0o777;
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
            let content = match metadata.is_dir() {
                true => Vec::new(),
                false => fs::read(&path).unwrap(),
            };
            let time = metadata.modified().unwrap();
            found.insert(name.to_owned(), (content, mode, time));
            if metadata.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// The events of a download, without progress, sorted.
async fn download(sandbox: &Sandbox, path: &str, target: &Path) -> Result<Vec<String>> {
    let mut download = sandbox.download(path, target);
    let mut events = Vec::new();
    while let Some(event) = timeout(PATIENCE, download.next()).await.unwrap() {
        match event? {
            DownloadEvent::Progress {
                path,
                written,
                size,
            } => {
                assert!(written <= size, "{path}: {written} of {size}");
            }
            DownloadEvent::File { path, size } => events.push(format!("{path}: {size}")),
            DownloadEvent::Unchanged { path } => events.push(format!("{path}: unchanged")),
            DownloadEvent::Skipped { path, reason } => events.push(match reason {
                Skipped::Refused(error) => format!("{path}: {}", error.status().unwrap()),
                reason => format!("{path}: {reason:?}"),
            }),
            other => panic!("{other:?}"),
        }
    }
    events.sort();
    Ok(events)
}

#[tokio::test]
async fn a_folder_is_downloaded_with_its_content_permissions_and_times_and_then_only_what_changed()
{
    let Some(cluster) = cluster().await else {
        return;
    };
    let (_framework, sandbox) = running(&cluster).await;
    let source = on_disk(&sandbox).join("out");
    fs::create_dir_all(source.join("deep/er")).unwrap();
    // More than the agent sends at once, and no text.
    let binary: Vec<u8> = (0..300_000_u32).map(|n| (n * 7 % 255) as u8).collect();
    fs::write(source.join("binary"), &binary).unwrap();
    fs::write(source.join("deep/empty"), "").unwrap();
    fs::write(source.join("deep/er/odd name\n.ü"), [0xff, 0, 0xfe]).unwrap();
    let mode = |path: &str, mode| {
        fs::set_permissions(source.join(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("binary", 0o750);
    mode("deep/empty", 0o400);
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    for path in [
        "binary",
        "deep/er",
        "deep/er/odd name\n.ü",
        "deep/empty",
        "deep",
    ] {
        let file = fs::File::open(source.join(path)).unwrap();
        file.set_modified(old).unwrap();
    }
    mode("deep/er", 0o500);

    let target = tempfile::tempdir().unwrap();
    let target = target.path().join("new/target");
    let events = download(&sandbox, "out", &target).await.unwrap();
    assert_eq!(
        events,
        [
            "out/binary: 300000",
            "out/deep/empty: 0",
            "out/deep/er/odd name\n.ü: 3"
        ]
    );
    assert_eq!(files(&target), files(&source));

    fs::write(source.join("deep/new"), "new").unwrap();
    fs::File::open(source.join("deep/new"))
        .unwrap()
        .set_modified(old)
        .unwrap();
    let events = download(&sandbox, "out", &target).await.unwrap();
    assert_eq!(
        events,
        [
            "out/binary: unchanged",
            "out/deep/empty: unchanged",
            "out/deep/er/odd name\n.ü: unchanged",
            "out/deep/new: 3"
        ]
    );
    assert_eq!(files(&target)["deep/new"], files(&source)["deep/new"]);

    let one = tempfile::tempdir().unwrap();
    let events = download(&sandbox, "out/deep/new", one.path())
        .await
        .unwrap();
    assert_eq!(events, ["out/deep/new: 3"]);
    assert_eq!(fs::read(one.path().join("new")).unwrap(), b"new");
    cluster.stop().await.unwrap();
}

#[tokio::test]
async fn links_out_of_the_sandbox_loops_and_pipes_are_skipped_and_the_agent_stays_responsive() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let (_framework, sandbox) = running(&cluster).await;
    let source = on_disk(&sandbox).join("out");
    fs::create_dir_all(source.join("folder")).unwrap();
    fs::write(source.join("file"), "x").unwrap();
    symlink("/etc/passwd", source.join("outside")).unwrap();
    symlink("/etc", source.join("outside folder")).unwrap();
    symlink("file", source.join("inside")).unwrap();
    symlink(".", source.join("loop")).unwrap();
    nix::unistd::mkfifo(&source.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();

    let target = tempfile::tempdir().unwrap();
    let events = download(&sandbox, "out", target.path()).await.unwrap();
    for expected in [
        "out/file: 1",
        "out/inside: 1",
        "out/outside: 400",
        "out/outside folder: 400",
        "out/pipe: Special",
        "out/loop/loop: Loop",
    ] {
        assert!(
            events.iter().any(|event| event == expected),
            "{expected}: {events:?}"
        );
    }
    let error = timeout(PATIENCE, sandbox.open("out/pipe").next())
        .await
        .unwrap();
    assert_eq!(status(error.unwrap()).0, ErrorKind::Rejected);
    let error = timeout(PATIENCE, sandbox.follow("out/pipe").next())
        .await
        .unwrap();
    assert_eq!(status(error.unwrap()).0, ErrorKind::Rejected);
    assert!(sandbox.agent().get_health().await.unwrap());
    cluster.stop().await.unwrap();
}
