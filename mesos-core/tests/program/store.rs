//! A store in a process whose system refuses threads.

use mesos_core::error_chain;
use mesos_core::store::{FileStore, Store as _};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// The stack of each thread of the process. Far more than the process allocates during the outage.
const STACK: u64 = 256 << 20;

pub(crate) fn tests() {
    a_refused_thread_is_an_error_of_the_file_store_and_not_a_panic();
}

fn a_refused_thread_is_an_error_of_the_file_store_and_not_a_panic() {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .env("PROGRAM", "store")
        .env("RUST_MIN_STACK", STACK.to_string())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<_> = printed.lines().collect();
    for line in &lines[..3] {
        assert!(line.starts_with("cannot access /"), "{line}");
        let cause = "/framework-id: cannot start a thread for blocking work: ";
        assert!(line.contains(cause), "{line}");
    }
    assert_eq!(lines[3..], ["Some(\"f-0001\")"]);
}

/// Uses a store without and with threads, and prints the results.
pub(crate) fn program() {
    let directory = tempfile::tempdir().unwrap();
    let store = FileStore::new(directory.path().join("framework-id"));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let lift = refuse_threads();
        let failed = [
            store.load().await.map(drop),
            store.save(&"f-0001".into()).await,
            store.clear().await,
        ];
        lift();
        for failure in failed {
            println!("{}", error_chain(&*failure.unwrap_err()));
        }
        store.save(&"f-0001".into()).await.unwrap();
        let stored = store.load().await.unwrap();
        println!("{:?}", stored.map(|id| id.value));
    });
}

/// Leaves no room for a stack in the address space, because other limits do not apply to root.
/// Returns what removes the limit.
fn refuse_threads() -> impl FnOnce() {
    // glibc keeps the stack of a detached thread for the next thread, and removes a stack of this
    // size when a thread is joined.
    std::thread::spawn(|| {}).join().unwrap();
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = pages.split(' ').next().unwrap().parse().unwrap();
    let (soft, hard) = getrlimit(Resource::RLIMIT_AS).unwrap();
    setrlimit(Resource::RLIMIT_AS, pages * 4096 + STACK / 2, hard).unwrap();
    move || setrlimit(Resource::RLIMIT_AS, soft, hard).unwrap()
}
