//! Tests of the journal, in memory and in a file.

use std::path::PathBuf;

use super::*;
use crate::error::ErrorKind;
use mesos_proto::v1::TaskStatus;

fn task(id: &str) -> TaskInfo {
    TaskInfo {
        task_id: id.into(),
        ..Default::default()
    }
}

fn update(id: &str, uuid: &str, state: TaskState) -> Update {
    Update {
        status: TaskStatus {
            uuid: Some(Bytes::copy_from_slice(uuid.as_bytes())),
            ..TaskStatus::new(id, state)
        },
    }
}

fn push(journal: &mut Journal, id: &str, uuid: &str, state: TaskState) {
    let _ = journal.push(update(id, uuid, state)).unwrap();
}

fn acknowledge(journal: &mut Journal, id: &str, uuid: &str) -> bool {
    journal.acknowledged(&id.into(), &Bytes::copy_from_slice(uuid.as_bytes()))
}

fn uuids(updates: &[Update]) -> Vec<&str> {
    let uuids = updates.iter().map(|update| &update.status.uuid);
    uuids
        .map(|uuid| std::str::from_utf8(uuid.as_deref().unwrap()).unwrap())
        .collect()
}

fn ids(tasks: &[TaskInfo]) -> Vec<&str> {
    tasks.iter().map(|task| task.task_id.as_str()).collect()
}

#[test]
fn a_task_is_removed_at_its_first_acknowledgement_and_an_update_at_its_own() {
    let mut journal = Journal::default();
    let _ = journal.launched(task("t"));
    push(&mut journal, "t", "u1", TaskState::TaskStarting);
    push(&mut journal, "t", "u2", TaskState::TaskRunning);
    assert!(acknowledge(&mut journal, "t", "u1"));
    let (tasks, updates) = journal.snapshot();
    assert!(tasks.is_empty());
    assert_eq!(uuids(&updates), ["u2"]);
    assert!(acknowledge(&mut journal, "t", "u2"));
    assert!(
        !acknowledge(&mut journal, "t", "u2"),
        "a second acknowledgement removes nothing"
    );
    assert_eq!(journal.facts().updates, 0);
}

#[test]
fn a_resubscription_repeats_unacknowledged_updates_in_order_with_their_uuids() {
    let mut journal = Journal::default();
    for (id, uuid) in [("a", "u1"), ("b", "u2"), ("a", "u3")] {
        push(&mut journal, id, uuid, TaskState::TaskRunning);
    }
    acknowledge(&mut journal, "b", "u2");
    assert_eq!(uuids(&journal.snapshot().1), ["u1", "u3"]);
    assert_eq!(uuids(&journal.snapshot().1), ["u1", "u3"]);
}

#[test]
fn updates_of_a_subscribe_are_not_sent_again() {
    let mut journal = Journal::default();
    push(&mut journal, "a", "u1", TaskState::TaskRunning);
    journal.snapshot();
    push(&mut journal, "a", "u2", TaskState::TaskRunning);
    assert_eq!(uuids(&[journal.next_unsent().unwrap()]), ["u2"]);
    assert!(journal.next_unsent().is_none());
}

#[test]
fn an_update_that_was_not_sent_is_sent_before_later_updates() {
    let mut journal = Journal::default();
    for uuid in ["u1", "u2", "u3"] {
        push(&mut journal, "a", uuid, TaskState::TaskRunning);
    }
    journal.next_unsent();
    journal.next_unsent();
    journal.unsend(&Bytes::from_static(b"u1"));
    assert_eq!(uuids(&[journal.next_unsent().unwrap()]), ["u1"]);
    assert_eq!(uuids(&[journal.next_unsent().unwrap()]), ["u2"]);
}

#[test]
fn a_task_is_live_until_its_terminal_update() {
    let mut journal = Journal::default();
    let _ = journal.launched(task("t"));
    let _ = journal.launched(task("t"));
    push(&mut journal, "t", "u1", TaskState::TaskRunning);
    assert_eq!(
        journal.facts().tasks,
        1,
        "a task that is launched twice counts once"
    );
    push(&mut journal, "t", "u2", TaskState::TaskKilled);
    push(&mut journal, "t", "u3", TaskState::TaskKilled);
    let facts = journal.facts();
    assert_eq!((facts.tasks, facts.updates), (0, 3));
    assert!(!journal.is_live(&"t".into()));
}

#[test]
fn an_update_after_the_end_is_not_accepted() {
    let mut journal = Journal::default();
    journal.close();
    assert!(
        journal
            .push(update("t", "u1", TaskState::TaskRunning))
            .is_none()
    );
}

fn owner(executor: &str) -> Caller {
    Caller {
        framework_id: "f".into(),
        executor_id: executor.into(),
    }
}

struct Place {
    _directory: tempfile::TempDir,
    path: PathBuf,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    Place {
        _directory: directory,
        path,
    }
}

/// Opens the file as the next process does. Retries while the writer of the
/// previous journal still has the lock.
fn open(path: &Path) -> Result<Journal> {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        match Journal::open(path, &owner("e")) {
            Err(error)
                if error.to_string().contains("in use") && std::time::Instant::now() < until =>
            {
                std::thread::yield_now();
            }
            opened => return opened.map(|(journal, _)| journal),
        }
    }
}

fn open_error(path: &Path) -> String {
    let error = open(path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Store);
    error.to_string()
}

#[tokio::test]
async fn a_reopened_file_has_the_same_entries() {
    let place = place();
    let mut journal = open(&place.path).unwrap();
    for id in ["a", "b", "c"] {
        journal.launched(task(id)).arrived().await;
    }
    for (id, uuid, state) in [
        ("a", "a1", TaskState::TaskRunning),
        ("b", "b1", TaskState::TaskRunning),
        ("c", "c1", TaskState::TaskFinished),
        ("a", "a2", TaskState::TaskRunning),
    ] {
        journal
            .push(update(id, uuid, state))
            .unwrap()
            .arrived()
            .await;
    }
    acknowledge(&mut journal, "b", "b1");
    acknowledge(&mut journal, "c", "c1");
    acknowledge(&mut journal, "a", "a1");
    let before = journal.snapshot();
    drop(journal);
    let mut journal = open(&place.path).unwrap();
    assert_eq!(journal.snapshot(), before);
    assert_eq!(uuids(&before.1), ["a2"]);
    assert_eq!(ids(&journal.live_tasks()), ["a", "b"]);
    assert_eq!(journal.facts().updates, 1);
}

#[tokio::test]
async fn a_truncated_file_has_all_complete_entries() {
    let place = place();
    let mut journal = open(&place.path).unwrap();
    journal.launched(task("t")).arrived().await;
    let one = std::fs::metadata(&place.path).unwrap().len();
    let last = update("t", "u1", TaskState::TaskRunning);
    journal.push(last).unwrap().arrived().await;
    drop(journal);
    let whole = std::fs::read(&place.path).unwrap();
    let unconfirmed = (whole.len() - record::MARK_LENGTH) as u64;
    for cut in one..unconfirmed {
        let mut torn = whole[..usize::try_from(cut).unwrap()].to_vec();
        // Also with the zeros that a power failure can leave.
        if cut % 2 == 0 {
            torn.resize(whole.len() + 100, 0);
            if torn[usize::try_from(one).unwrap()..]
                .iter()
                .any(|byte| *byte != 0)
            {
                torn.truncate(whole.len());
            }
        }
        std::fs::write(&place.path, &torn).unwrap();
        let mut journal = open(&place.path).unwrap();
        assert_eq!(ids(&journal.snapshot().0), ["t"], "cut at {cut}");
        assert_eq!(journal.facts().updates, 0, "cut at {cut}");
        // The file can be appended to.
        journal
            .push(update("t", "u2", TaskState::TaskRunning))
            .unwrap()
            .arrived()
            .await;
        drop(journal);
        let mut journal = open(&place.path).unwrap();
        assert_eq!(uuids(&journal.snapshot().1), ["u2"], "cut at {cut}");
    }
}

#[tokio::test]
async fn damage_that_a_crash_cannot_cause_is_an_error_with_its_position() {
    let place = place();
    let mut journal = open(&place.path).unwrap();
    let first = std::fs::metadata(&place.path).unwrap().len();
    journal.launched(task("t")).arrived().await;
    journal.launched(task("u")).arrived().await;
    drop(journal);
    let mut content = std::fs::read(&place.path).unwrap();
    content[usize::try_from(first).unwrap() + 9] ^= 1;
    std::fs::write(&place.path, content).unwrap();
    let text = open_error(&place.path);
    assert!(text.contains(&format!("damaged at byte {first}")), "{text}");
    assert!(text.contains(place.path.to_str().unwrap()), "{text}");
}

/// The journal's file with three confirmed entries and their marks.
async fn confirmed(path: &Path) -> Vec<u8> {
    let mut journal = open(path).unwrap();
    for id in ["a", "b"] {
        journal.launched(task(id)).arrived().await;
    }
    let last = update("a", "u1", TaskState::TaskRunning);
    journal.push(last).unwrap().arrived().await;
    drop(journal);
    std::fs::read(path).unwrap()
}

#[tokio::test]
async fn no_changed_byte_loses_a_confirmed_entry_silently() {
    let place = place();
    let whole = confirmed(&place.path).await;
    for at in 0..whole.len() {
        let mut content = whole.clone();
        content[at] ^= 0x41;
        std::fs::write(&place.path, content).unwrap();
        if at < whole.len() - record::MARK_LENGTH {
            open_error(&place.path);
            continue;
        }
        // The last mark, which follows all entries.
        let mut journal = open(&place.path).unwrap();
        let (tasks, updates) = journal.snapshot();
        assert_eq!(
            (ids(&tasks), uuids(&updates)),
            (vec!["a", "b"], vec!["u1"]),
            "{at}"
        );
    }
}

#[tokio::test]
async fn a_page_that_a_power_failure_lost_costs_only_unconfirmed_entries() {
    let place = place();
    let whole = confirmed(&place.path).await;
    let entry = |uuid: &str| {
        let mut status = update("b", uuid, TaskState::TaskRunning);
        status.status.data = Some(Bytes::from(vec![9; 5000]));
        Record::Update(Box::new(status)).frame()
    };
    let batch = [entry("u2"), entry("u3"), entry("u4")].concat();
    for page in (0..batch.len()).step_by(4096) {
        let mut content = whole.clone();
        content.extend(&batch);
        let lost = whole.len() + page;
        content[lost..(lost + 4096).min(whole.len() + batch.len())].fill(0);
        std::fs::write(&place.path, &content).unwrap();
        let mut journal = open(&place.path).unwrap();
        assert_eq!(uuids(&journal.snapshot().1)[0], "u1", "page at {page}");
        // New entries follow the last valid one.
        push(&mut journal, "b", "u5", TaskState::TaskRunning);
        journal.launched(task("c")).arrived().await;
        drop(journal);
        let mut journal = open(&place.path).unwrap();
        let updates = journal.snapshot().1;
        assert_eq!(uuids(&updates).last(), Some(&"u5"), "page at {page}");
    }
}

#[tokio::test]
async fn a_file_without_marks_is_read_and_its_inner_damage_is_an_error() {
    let place = place();
    let frames = [
        Record::Owner(owner("e")).frame(),
        Record::Launched(Box::new(task("a"))).frame(),
        Record::Launched(Box::new(task("b"))).frame(),
    ];
    std::fs::write(&place.path, frames.concat()).unwrap();
    let mut journal = open(&place.path).unwrap();
    assert_eq!(ids(&journal.snapshot().0), ["a", "b"]);
    drop(journal);
    let mut content = frames.concat();
    content[frames[0].len() + 9] ^= 1;
    std::fs::write(&place.path, content).unwrap();
    let text = open_error(&place.path);
    assert!(text.contains("damaged at byte"), "{text}");
}

#[tokio::test]
async fn a_journal_that_was_replaced_before_it_was_locked_is_opened_again() {
    let place = place();
    drop(open(&place.path).unwrap());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(1);
    let path = place.path.clone();
    let compacting = std::thread::spawn(move || {
        let mut replaced = 0;
        while std::time::Instant::now() < until {
            let mut journal = open(&path).unwrap();
            let log = journal.log.as_mut().unwrap();
            log.rewrite(Record::Owner(owner("e")).frame());
            let _ = journal.launched(task("t"));
            drop(journal);
            replaced += 1;
        }
        replaced
    });
    while !compacting.is_finished() {
        let mut journal = open(&place.path).unwrap();
        // The file that the journal has locked is the file at the path.
        journal.launched(task("own")).arrived().await;
        let content = std::fs::read(&place.path).unwrap();
        let (records, _) = record::parse(&content);
        let is_own = |record: &Record| matches!(record, Record::Launched(task) if task.task_id.value == "own");
        assert!(records.iter().any(is_own), "written into another file");
    }
    assert!(compacting.join().unwrap() > 0);
}

#[tokio::test]
async fn a_file_of_another_executor_a_directory_and_a_file_in_use_are_errors() {
    let place = place();
    let (journal, _) = Journal::open(&place.path, &owner("other")).unwrap();
    let again = Journal::open(&place.path, &owner("other")).unwrap_err();
    assert!(
        again.to_string().contains("in use by another process"),
        "{again}"
    );
    drop(journal);
    let text = open_error(&place.path);
    assert!(
        text.contains("belongs to executor other of framework f"),
        "{text}"
    );
    open_error(place.path.parent().unwrap());
}

#[tokio::test]
async fn the_size_of_a_file_stays_near_the_size_of_its_live_entries() {
    let place = place();
    let mut journal = open(&place.path).unwrap();
    let mut long = task("long");
    long.data = Some(Bytes::from(vec![1; 10_000]));
    let _ = journal.launched(long.clone());
    for number in 0..5_000 {
        let (id, uuid) = (format!("t{number}"), format!("u{number}"));
        let _ = journal.launched(task(&id));
        push(&mut journal, &id, &uuid, TaskState::TaskFinished);
        acknowledge(&mut journal, &id, &uuid);
    }
    push(&mut journal, "long", "u", TaskState::TaskRunning);
    journal.launched(task("last")).arrived().await;
    let size = std::fs::metadata(&place.path).unwrap().len();
    assert!(size < COMPACT_AT + 200, "{size}");
    drop(journal);
    let mut journal = open(&place.path).unwrap();
    let (tasks, updates) = journal.snapshot();
    assert_eq!(tasks, [long, task("last")]);
    assert_eq!(uuids(&updates), ["u"]);
}
