//! What libmesos does to a process where the modules above do not prevent it: the reason
//! for their checks. Each hazard is run in a process of its own, which dies of it.

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

/// Set in the inner process: the library, and the directory of what it needs.
const LIBRARY: &str = "MESOS_NATIVE_HAZARD_LIBRARY";
const DEPENDENCIES: &str = "MESOS_NATIVE_HAZARD_DEPENDENCIES";
const PATIENCE: Duration = Duration::from_secs(60);

/// Nobody listens there.
const NOBODY: &str = "127.0.0.1:1";

/// Runs the test of this name in another process, as its inner role.
fn outcome(test: &str, settings: &[(&str, &str)]) -> Option<Output> {
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

/// The library of the inner role; `None` in the outer one.
fn loaded() -> Option<Loaded> {
    let path = PathBuf::from(env::var_os(LIBRARY)?);
    let directory = env::var_os(DEPENDENCIES)?;
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .expect("the stand-ins")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    // As often as it takes until all that they need of each other is there.
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

/// The process has died, and not by a panic of ours, which is exit code 101.
#[track_caller]
fn died(output: &Output, why: &str) {
    use std::os::unix::process::ExitStatusExt as _;
    let stderr = String::from_utf8_lossy(&output.stderr);
    let died = output.status.signal().is_some() || output.status.code() == Some(1);
    assert!(died, "{}: {stderr}", output.status);
    assert!(stderr.contains(why), "no {why:?} in: {stderr}");
}

#[test]
fn an_operation_with_an_id_ends_the_process() {
    if let Some(library) = loaded() {
        let (driver, events) = driver(library, "local", false);
        let registered = |event: &Event| event.kind == MESOS_SHIM_REGISTERED;
        while !registered(&events.recv_timeout(PATIENCE).expect("an event")) {}
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
        driver.make(&call).expect("it is in line");
        // The thread that makes the call ends the process.
        events.into_iter().for_each(drop);
        return;
    }
    if let Some(output) = outcome("an_operation_with_an_id_ends_the_process", &[]) {
        died(&output, "'id' field was set");
    }
}

#[test]
fn a_role_that_is_suppressed_twice_ends_the_process() {
    if let Some(library) = loaded() {
        let (driver, _events) = driver(library, NOBODY, false);
        let framework = FrameworkInfo::new("root", "hazard").encode_to_vec();
        let call = Call::UpdateFramework {
            framework: &framework,
            suppressed_roles: &["a".to_owned(), "a".to_owned()],
            offer_constraints: None,
        };
        let _ = driver.make(&call);
        return;
    }
    if let Some(output) = outcome("a_role_that_is_suppressed_twice_ends_the_process", &[]) {
        died(&output, "Invalid suppressed role list");
    }
}

#[test]
fn an_acknowledgement_in_the_implicit_mode_ends_the_process() {
    if let Some(library) = loaded() {
        let (driver, _events) = driver(library, NOBODY, true);
        let status = TaskStatus::new(TaskId::from("t"), TaskState::TaskRunning);
        let _ = driver.make(&Call::AcknowledgeStatusUpdate(&status.encode_to_vec()));
        return;
    }
    let name = "an_acknowledgement_in_the_implicit_mode_ends_the_process";
    if let Some(output) = outcome(name, &[]) {
        died(&output, "Implicit acknowledgements are enabled");
    }
}

#[test]
fn a_setting_that_is_no_port_ends_the_process() {
    if let Some(library) = loaded() {
        driver(library, NOBODY, false);
        return;
    }
    let settings = [("LIBPROCESS_PORT", "banana")];
    if let Some(output) = outcome("a_setting_that_is_no_port_ends_the_process", &settings) {
        died(&output, "port");
    }
}

#[test]
fn a_driver_of_another_process_refuses_every_call_and_is_left_alone() {
    if let Some(library) = loaded() {
        let (driver, _events) = driver(library, NOBODY, false);
        // SAFETY: the child makes system calls and calls that end before libmesos, and
        // leaves by _exit. Memory of the other threads may be in any state, and is not
        // touched but for the allocator, which glibc keeps usable after a fork.
        let child = unsafe { nix::unistd::fork() }.expect("a child");
        if let nix::unistd::ForkResult::Parent { child } = child {
            let status = nix::sys::wait::waitpid(child, None).expect("its end");
            let good = nix::sys::wait::WaitStatus::Exited(child, 0);
            assert_eq!(status, good, "the child");
            driver.stop(false).expect("the parent's driver works");
            return;
        }
        let refused = driver
            .stop(false)
            .is_err_and(|text| text.contains("forked"));
        // Where it would wait for libmesos' threads, this hangs.
        drop(driver);
        // SAFETY: _exit runs no handlers of the parent's.
        unsafe { libc_exit(i32::from(!refused)) };
    }
    let name = "a_driver_of_another_process_refuses_every_call_and_is_left_alone";
    if let Some(output) = outcome(name, &[]) {
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
fn drivers_that_come_and_go_leave_little_behind() {
    let cycles: u64 = env::var("MESOS_NATIVE_CYCLES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(400);
    if let Some(library) = loaded() {
        // What is set up once is there after the first ones.
        let before = (0..cycles / 4).map(|_| drop(driver(library, NOBODY, false)));
        before.for_each(drop);
        let before = resident();
        let rest = cycles - cycles / 4;
        (0..rest).for_each(|_| drop(driver(library, NOBODY, false)));
        let grown = resident().saturating_sub(before);
        println!("GROWN {grown} KiB in {rest} cycles, from {before} KiB");
        assert!(
            grown * 1024 / rest < 16 * 1024,
            "{grown} KiB in {rest} cycles"
        );
        return;
    }
    if let Some(output) = outcome("drivers_that_come_and_go_leave_little_behind", &[]) {
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
