//! Shows what libmesos does to a process without the checks of the modules above. Each hazard runs
//! in a separate process, which ends because of it.

mod zookeeper;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::mpsc;
use std::time::Duration;
use std::{env, fs};

use mesos_proto::v1::offer::{Operation, operation};
use mesos_proto::v1::{FrameworkInfo, OperationId, TaskId, TaskState, TaskStatus};
use prost::Message as _;

use super::{Call, Event, Loaded, MESOS_SHIM_REGISTERED, Scheduler, Settings, preload};

/// Set in the inner process: the library, and the directory of the libraries that it needs.
const LIBRARY: &str = "MESOS_NATIVE_HAZARD_LIBRARY";
const DEPENDENCIES: &str = "MESOS_NATIVE_HAZARD_DEPENDENCIES";
const TIMEOUT: Duration = Duration::from_secs(60);

/// An address without a listener.
const NO_MASTER: &str = "127.0.0.1:1";

/// Runs the test with this name in an inner process. `None` if a real libmesos is not available.
fn run_inner(test: &str, settings: &[(&str, &str)]) -> Option<Output> {
    let path = mesos_local::libmesos_blocking(mesos_local::DEFAULT_VERSION);
    let path = mesos_local::testing::require_real(path)?;
    let scratch = tempfile::tempdir().expect("a directory");
    let dependencies = scratch.path().join("dependencies");
    fs::create_dir(&dependencies).expect("a directory");
    mesos_local::testing::write_stand_ins(&dependencies).expect("stand-ins");
    let mut command = Command::new(env::current_exe().expect("this program"));
    command
        .args(["--exact", &format!("sys::hazards::{test}"), "--nocapture"])
        .env(LIBRARY, path)
        .env(DEPENDENCIES, &dependencies)
        .env("LIBPROCESS_IP", "127.0.0.1")
        .env("MESOS_WORK_DIR", scratch.path().join("work"))
        .env("MESOS_LAUNCHER_DIR", scratch.path())
        .env("MESOS_REGISTRY", "in_memory")
        .env("MESOS_LAUNCHER", "posix")
        .env("MESOS_ISOLATION", "posix/cpu,posix/mem")
        .envs(settings.iter().copied());
    Some(command.output().expect("this program runs"))
}

/// The library in the inner process. `None` in the outer process.
fn inner_library() -> Option<Loaded> {
    let path = PathBuf::from(env::var_os(LIBRARY)?);
    let directory = env::var_os(DEPENDENCIES)?;
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .expect("the stand-ins")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    // They depend on each other, so failed ones are retried after the others.
    while !files.is_empty() {
        let before = files.len();
        files.retain(|file| {
            let global = file.to_string_lossy().contains("libpython");
            preload(file, global).is_err()
        });
        assert!(files.len() < before, "these cannot be loaded: {files:?}");
    }
    Some(Loaded::open(&path).expect("a libmesos"))
}

fn driver(
    library: Loaded,
    master: &str,
    implicit_acknowledgements: bool,
) -> (Scheduler, mpsc::Receiver<Event>) {
    let (sender, events) = mpsc::channel();
    let settings = Settings {
        framework: &FrameworkInfo::new("root", "hazard").encode_to_vec(),
        master,
        implicit_acknowledgements,
        ..Settings::default()
    };
    let handler = move |event| drop(sender.send(event));
    let driver = Scheduler::new(library, &settings, handler).expect("a driver");
    driver.start().expect("a driver that runs");
    (driver, events)
}

/// Checks that libmesos ended the process with `reason` on stderr. A Rust panic would be exit code
/// 101.
#[track_caller]
fn assert_ended_by_libmesos(output: &Output, reason: &str) {
    use std::os::unix::process::ExitStatusExt as _;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let ended = output.status.signal().is_some() || output.status.code() == Some(1);
    assert!(ended, "{}: {stderr}", output.status);
    assert!(stderr.contains(reason), "no {reason:?} in: {stderr}");
}

#[test]
fn an_operation_with_an_id_ends_the_process() {
    if let Some(library) = inner_library() {
        let (driver, events) = driver(library, "local", false);
        let registered = |event: &Event| event.kind == MESOS_SHIM_REGISTERED;
        while !registered(&events.recv_timeout(TIMEOUT).expect("an event")) {}
        let operation = Operation {
            r#type: Some(operation::Type::Unreserve.into()),
            id: Some(OperationId {
                value: "id".to_owned(),
            }),
            ..Operation::default()
        };
        let call = Call::AcceptOffers {
            offer_ids: &[],
            operations: &[operation.encode_to_vec()],
            filters: &[],
        };
        driver.queue(&call).expect("the call is queued");
        // The libmesos thread that sends the call ends the process.
        events.into_iter().for_each(drop);
        return;
    }
    if let Some(output) = run_inner("an_operation_with_an_id_ends_the_process", &[]) {
        assert_ended_by_libmesos(&output, "'id' field was set");
    }
}

#[test]
fn a_duplicate_suppressed_role_ends_the_process() {
    if let Some(library) = inner_library() {
        let (driver, _events) = driver(library, NO_MASTER, false);
        let framework = FrameworkInfo::new("root", "hazard").encode_to_vec();
        let call = Call::UpdateFramework {
            framework: &framework,
            suppressed_roles: &["a".to_owned(), "a".to_owned()],
            offer_constraints: None,
        };
        let _ = driver.queue(&call);
        return;
    }
    if let Some(output) = run_inner("a_duplicate_suppressed_role_ends_the_process", &[]) {
        assert_ended_by_libmesos(&output, "Invalid suppressed role list");
    }
}

#[test]
fn an_acknowledgement_in_implicit_mode_ends_the_process() {
    if let Some(library) = inner_library() {
        let (driver, _events) = driver(library, NO_MASTER, true);
        let status = TaskStatus::new(TaskId::from("t"), TaskState::TaskRunning);
        let _ = driver.queue(&Call::AcknowledgeStatusUpdate(&status.encode_to_vec()));
        return;
    }
    let name = "an_acknowledgement_in_implicit_mode_ends_the_process";
    if let Some(output) = run_inner(name, &[]) {
        assert_ended_by_libmesos(&output, "Implicit acknowledgements are enabled");
    }
}

#[test]
fn an_invalid_port_setting_ends_the_process() {
    if let Some(library) = inner_library() {
        driver(library, NO_MASTER, false);
        return;
    }
    let settings = [("LIBPROCESS_PORT", "banana")];
    if let Some(output) = run_inner("an_invalid_port_setting_ends_the_process", &settings) {
        assert_ended_by_libmesos(&output, "port");
    }
}

#[test]
fn a_driver_in_a_forked_process_refuses_every_call_and_is_not_destroyed() {
    if let Some(library) = inner_library() {
        let (driver, _events) = driver(library, NO_MASTER, false);
        // SAFETY: the child makes system calls and calls that return before libmesos, and ends by
        // _exit. Memory of the other threads may be in any state. The child uses none of it but the
        // allocator, which glibc keeps usable after a fork.
        let child = unsafe { nix::unistd::fork() }.expect("a child");
        if let nix::unistd::ForkResult::Parent { child } = child {
            let status = nix::sys::wait::waitpid(child, None).expect("its end");
            let success = nix::sys::wait::WaitStatus::Exited(child, 0);
            assert_eq!(status, success, "the child");
            driver.stop(false).expect("the parent's driver works");
            return;
        }
        let refused = driver
            .stop(false)
            .is_err_and(|text| text.contains("forked"));
        // A drop that waited for libmesos's threads would hang here.
        drop(driver);
        // SAFETY: _exit runs no handlers of the parent process.
        unsafe { libc_exit(i32::from(!refused)) };
    }
    let name = "a_driver_in_a_forked_process_refuses_every_call_and_is_not_destroyed";
    if let Some(output) = run_inner(name, &[]) {
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {stderr}", output.status);
    }
}

/// The resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let size = line.and_then(|line| line.split_whitespace().nth(1));
    size.and_then(|size| size.parse().ok()).expect("a size")
}

#[test]
fn drivers_that_are_created_and_dropped_use_little_memory() {
    // Also under valgrind, which does not check the child process: with fewer cycles, what libmesos
    // sets up once is a large part of the sum.
    let cycles: u64 = 400;
    if let Some(library) = inner_library() {
        // The first drivers allocate what libmesos sets up once.
        let before = (0..cycles / 4).map(|_| drop(driver(library, NO_MASTER, false)));
        before.for_each(drop);
        let before = resident();
        let rest = cycles - cycles / 4;
        (0..rest).for_each(|_| drop(driver(library, NO_MASTER, false)));
        let grown = resident().saturating_sub(before);
        println!("GROWN {grown} KiB in {rest} cycles, from {before} KiB");
        assert!(
            grown * 1024 / rest < 16 * 1024,
            "{grown} KiB in {rest} cycles"
        );
        return;
    }
    if let Some(output) = run_inner(
        "drivers_that_are_created_and_dropped_use_little_memory",
        &[],
    ) {
        let stdout = String::from_utf8_lossy(&output.stdout);
        let grown = stdout.lines().find(|line| line.contains("GROWN"));
        println!("{}", grown.unwrap_or_default());
        assert!(output.status.success(), "{stdout}");
    }
}

unsafe extern "C" {
    #[link_name = "_exit"]
    fn libc_exit(status: i32) -> !;
}
