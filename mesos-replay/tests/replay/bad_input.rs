//! Files that are not a complete recording.

use std::path::Path;

use mesos::{Error, ErrorKind};
use mesos_replay::ReplayBackend;

use crate::record;
use crate::scheduler::Batch;

fn open(folder: &Path, text: &str) -> Result<ReplayBackend, Error> {
    let path = folder.join("changed.recording");
    std::fs::write(&path, text).unwrap();
    ReplayBackend::open(path)
}

fn refused(folder: &Path, text: &str) -> String {
    let error = open(folder, text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn the_line_of_a_killed_process_is_ignored_and_a_broken_line_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = record(1, Batch::new(2), folder.path()).await;
    let text = std::fs::read_to_string(path).unwrap();
    let lines = text.lines().count();

    let cut = open(folder.path(), &text[..text.len() - 5]).unwrap();
    assert_eq!(cut.truncated(), Some(lines));

    let mut broken: Vec<&str> = text.lines().collect();
    broken[4] = &broken[4][..10];
    let error = refused(folder.path(), &(broken.join("\n") + "\n"));
    assert!(error.contains("changed.recording, line 5: "), "{error}");

    let mut missing: Vec<&str> = text.lines().collect();
    missing.remove(1);
    let error = refused(folder.path(), &(missing.join("\n") + "\n"));
    assert!(
        error.contains("line 2: subscription 1 was not recorded"),
        "{error}"
    );
}

#[test]
fn another_version_or_another_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = refused(folder.path(), "{\"mesos-recording\":2,\"new\":true}\n");
    assert!(
        error.contains("line 1: the recording has version 2"),
        "{error}"
    );
    assert!(error.contains("reads version 1"), "{error}");
    for other in ["", "\n", "hello\n", "{}\n", "[1]\n"] {
        let error = refused(folder.path(), other);
        assert!(
            error.contains("line 1: the file is not a recording"),
            "{error}"
        );
    }
    let error = ReplayBackend::open(folder.path().join("none")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
}
