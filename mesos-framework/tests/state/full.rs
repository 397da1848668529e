//! A full disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use mesos_framework::store::{Change, RedbState, RedbStateError, StateStore};

/// A file system of 8 MiB, which is removed at the end. `None` if the test must not mount one.
struct Small(tempfile::TempDir);

impl Small {
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(folder)),
            other => {
                println!("skipped: cannot mount a tmpfs, which only root can: {other:?}");
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazy, because the file may still be open after a failed assertion.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_the_state_continues_when_there_is_room() {
    let Some(disk) = Small::mount() else { return };
    let state = RedbState::open(disk.path().join("state.redb")).unwrap();
    let first = vec![Change::put("count", "0"), Change::put("other", "kept")];
    state.commit(first).await.unwrap();
    // Another program takes almost all of the disk.
    fs::write(disk.path().join("other"), vec![0; 3 << 20]).unwrap();
    let mut stored = 0_u32;
    let error = loop {
        let entry = Change::put(format!("big/{stored}"), vec![1; 100 << 10]);
        let count = Change::put("count", (stored + 1).to_string());
        match state.commit(vec![entry, count]).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
        assert!(stored < 100, "the disk has 8 MiB");
    };
    let error = error.downcast_ref::<RedbStateError>().unwrap();
    assert!(matches!(error, RedbStateError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("free some space"), "{error}");

    // Every failed commit is stored completely or not at all, and reads continue.
    for attempt in 0..3 {
        let count = state.get("count").await.unwrap().unwrap();
        let count: u64 = str::from_utf8(&count).unwrap().parse().unwrap();
        assert_eq!(
            state.count("big/").await.unwrap(),
            count,
            "attempt {attempt}"
        );
        assert!(count >= u64::from(stored), "{count} {stored}");
        assert_eq!(state.get("other").await.unwrap(), Some("kept".into()));
        let large = Change::put("never", vec![1; 6 << 20]);
        state.commit(vec![large]).await.unwrap_err();
    }

    fs::remove_file(disk.path().join("other")).unwrap();
    state
        .commit(vec![Change::put("after", "room")])
        .await
        .unwrap();
    assert_eq!(state.get("after").await.unwrap(), Some("room".into()));
    let path = state.path().to_owned();
    state.close().await.unwrap();
    let state = RedbState::open(path).unwrap();
    assert_eq!(state.get("after").await.unwrap(), Some("room".into()));
    assert_eq!(state.get("never").await.unwrap(), None);
}
