//! Tests of the loader and the local cluster with a real libmesos.
//!
//! A cluster needs a process with a prepared environment. So each test runs itself again as an inner
//! process, and checks the cluster from the outer process.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{env, fs, io, thread};

use mesos_native::local::Local;
use mesos_native::{LIBRARY_VARIABLE, Library, LibraryErrorKind};
use tempfile::TempDir;

/// Set in the inner process.
const INNER: &str = "MESOS_NATIVE_TEST_INNER";
/// The directory for `Library::open_with`, if libmesos needs one.
const DEPENDENCIES: &str = "MESOS_NATIVE_TEST_DEPENDENCIES";
const TIMEOUT: Duration = Duration::from_secs(60);

fn library() -> Library {
    let path = PathBuf::from(env::var_os(LIBRARY_VARIABLE).expect("set by the outer process"));
    match env::var_os(DEPENDENCIES) {
        Some(directory) => Library::open_with(path, directory),
        None => Library::open(path),
    }
    .expect("a libmesos that loads")
}

fn is_inner() -> bool {
    env::var_os(INNER).is_some()
}

/// The inner process of a test.
struct Inner {
    child: Child,
    output: BufReader<ChildStdout>,
    work_dir: TempDir,
}

impl Inner {
    fn run(test: &str, settings: &[(&str, &str)]) -> Option<Inner> {
        let work_dir = tempfile::tempdir().expect("a temporary directory");
        let (libmesos, dependencies) = real_libmesos(work_dir.path())?;
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["--exact", test, "--nocapture"]);
        for (name, _) in env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("MESOS_") || text.starts_with("LIBPROCESS_") {
                command.env_remove(name);
            }
        }
        command.envs([
            (INNER, "1"),
            ("LIBPROCESS_IP", "127.0.0.1"),
            ("LIBPROCESS_PORT", "0"),
            ("MESOS_REGISTRY", "in_memory"),
            ("MESOS_LAUNCHER", "posix"),
            ("MESOS_ISOLATION", "posix/cpu,posix/mem"),
            ("MESOS_REGISTRATION_BACKOFF_FACTOR", "10ms"),
            ("MESOS_RESOURCES", "cpus:1;mem:64;disk:64;ports:[]"),
        ]);
        command.env(LIBRARY_VARIABLE, libmesos);
        command.envs(dependencies.map(|directory| (DEPENDENCIES, directory)));
        command.env("MESOS_WORK_DIR", work_dir.path());
        command.env("MESOS_LAUNCHER_DIR", work_dir.path());
        command.envs(settings.iter().copied());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(work_dir.path().join("stderr")).expect("a file"))
            .spawn()
            .expect("this program runs");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        Some(Inner {
            child,
            output,
            work_dir,
        })
    }

    /// The next line that the inner process reported.
    fn next_report(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let n = self.output.read_line(&mut line).expect("its output");
            assert_ne!(n, 0, "the inner process ended without a report");
            // libtest also writes lines, one of them without a line end.
            if let Some((_, report)) = line.split_once("REPORT ") {
                return report.trim_end().to_owned();
            }
        }
    }

    /// Ends the inner process, and checks that it succeeds.
    fn end(mut self) {
        drop(self.child.stdin.take());
        io::copy(&mut self.output, &mut io::sink()).expect("its output");
        let status = self.child.wait().expect("its end");
        assert!(status.success(), "the inner process ended with {status}");
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            let log = fs::read_to_string(self.work_dir.path().join("stderr"));
            eprintln!("stderr of the inner process:\n{}", log.unwrap_or_default());
        }
    }
}

fn report(line: impl std::fmt::Display) {
    println!("REPORT {line}");
}

fn wait_for_end_of_input() {
    io::stdin()
        .read_to_end(&mut Vec::new())
        .expect("standard input");
}

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(TIMEOUT)).expect("a timeout");
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n").expect("a request");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
    response
}

/// The libmesos in `MESOS_NATIVE_LIBRARY`. If the variable is unset, the libmesos of mesos-local with
/// a directory of stand-ins.
fn real_libmesos(scratch: &Path) -> Option<(PathBuf, Option<PathBuf>)> {
    if let Some(path) = env::var_os(LIBRARY_VARIABLE) {
        return Some((path.into(), env::var_os(DEPENDENCIES).map(PathBuf::from)));
    }
    let libmesos = mesos_local::libmesos_blocking(mesos_local::DEFAULT_VERSION);
    let libmesos = mesos_local::testing::require_real(libmesos)?;
    let dependencies = scratch.join("dependencies");
    fs::create_dir(&dependencies).expect("a directory");
    mesos_local::testing::write_stand_ins(&dependencies).expect("stand-ins");
    Some((libmesos, Some(dependencies)))
}

#[test]
fn a_started_cluster_has_all_agents_and_no_active_framework() {
    if is_inner() {
        let library = library();
        report(library.version().expect("a version"));
        let cluster = Local::start(&library, TIMEOUT).expect("a cluster");
        assert_eq!(cluster.agents().len(), 2);
        report(cluster.address());
        return wait_for_end_of_input();
    }
    let name = "a_started_cluster_has_all_agents_and_no_active_framework";
    let Some(mut inner) = Inner::run(name, &[("MESOS_NUM_SLAVES", "2")]) else {
        return;
    };
    let version = inner.next_report();
    let address = inner.next_report().parse().expect("an address");
    get(address, "/master/health");
    let state = get(address, "/master/state");
    assert!(
        state.contains(&format!(r#""version":"{version}""#)),
        "{version} is not in {state}"
    );
    assert!(state.contains(r#""activated_slaves":2.0"#), "{state}");
    assert!(state.contains(r#""frameworks":[]"#), "{state}");
    for agent in ["slave(1)", "slave(2)"] {
        get(address, &format!("/{agent}/health"));
    }
    assert!(inner.work_dir.path().join("agents/1/work").is_dir());
    inner.end();
    assert!(
        TcpStream::connect(address).is_err(),
        "a process still listens on {address}"
    );
}

#[test]
fn a_cluster_without_agents_becomes_ready() {
    if is_inner() {
        let cluster = Local::start(&library(), TIMEOUT).expect("a cluster");
        assert!(cluster.agents().is_empty());
        report(cluster.address());
        return wait_for_end_of_input();
    }
    let name = "a_cluster_without_agents_becomes_ready";
    let Some(mut inner) = Inner::run(name, &[("MESOS_NUM_SLAVES", "0")]) else {
        return;
    };
    let state = get(
        inner.next_report().parse().expect("an address"),
        "/master/state",
    );
    assert!(state.contains(r#""activated_slaves":0.0"#), "{state}");
    inner.end();
}

#[test]
fn a_process_can_start_a_second_cluster_only_after_the_first_was_dropped() {
    if is_inner() {
        let library = library();
        let first = Local::start(&library, TIMEOUT).expect("a cluster");
        let error = Local::start(&library, TIMEOUT).expect_err("a second cluster");
        report(error);
        get(first.address(), "/master/health");
        drop(first);
        let again = Local::start(&library, TIMEOUT).expect("a cluster again");
        get(again.address(), "/master/health");
        return;
    }
    let name = "a_process_can_start_a_second_cluster_only_after_the_first_was_dropped";
    let Some(mut inner) = Inner::run(name, &[]) else {
        return;
    };
    assert_eq!(
        inner.next_report(),
        "the local cluster did not start: this process already runs a local cluster; drop that \
         cluster first, or start this one in another process"
    );
    inner.end();
}

#[test]
fn an_error_names_a_port_that_is_in_use() {
    if is_inner() {
        let error = Local::start(&library(), TIMEOUT).expect_err("the port is in use");
        assert_eq!(error.kind(), LibraryErrorKind::Refused);
        return report(error);
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let name = "an_error_names_a_port_that_is_in_use";
    let setting = port.to_string();
    let Some(mut inner) = Inner::run(name, &[("LIBPROCESS_PORT", &setting)]) else {
        return;
    };
    assert_eq!(
        inner.next_report(),
        format!(
            "the local cluster did not start: libmesos cannot listen on 127.0.0.1:{port}: Address \
             already in use (os error 98); choose another LIBPROCESS_IP or LIBPROCESS_PORT (0 \
             means any free port)"
        )
    );
    inner.end();
}

#[test]
fn a_setting_that_the_constructor_refuses_is_an_error() {
    if is_inner() {
        let error = Local::start(&library(), TIMEOUT).expect_err("not a boolean");
        assert_eq!(error.kind(), LibraryErrorKind::Refused);
        return report(error);
    }
    let name = "a_setting_that_the_constructor_refuses_is_an_error";
    let Some(mut inner) = Inner::run(name, &[("MESOS_QUIET", "banana")]) else {
        return;
    };
    assert_eq!(
        inner.next_report(),
        "the local cluster did not start: Failed to load flag 'quiet': Failed to load value \
         'banana': Expecting a boolean (e.g., true or false)"
    );
    inner.end();
}

#[test]
fn a_setting_that_is_refused_at_start_is_an_error() {
    if is_inner() {
        let error = Local::start(&library(), TIMEOUT).expect_err("both are set");
        return report(error);
    }
    let name = "a_setting_that_is_refused_at_start_is_an_error";
    let settings = [
        ("MESOS_MODULES", "{}"),
        ("MESOS_MODULES_DIR", "/nonexistent"),
    ];
    let Some(mut inner) = Inner::run(name, &settings) else {
        return;
    };
    assert_eq!(
        inner.next_report(),
        "the local cluster did not start: Only one of MESOS_MODULES or MESOS_MODULES_DIR should \
         be specified"
    );
    inner.end();
}

#[test]
fn a_cluster_without_offers_times_out_and_reports_its_progress() {
    if is_inner() {
        let error = Local::start(&library(), Duration::from_secs(1)).expect_err("no offers");
        assert_eq!(error.kind(), LibraryErrorKind::TimedOut);
        return report(error);
    }
    let name = "a_cluster_without_offers_times_out_and_reports_its_progress";
    let settings = [("MESOS_RESOURCES", "cpus:0;mem:0;disk:0;ports:[]")];
    let Some(mut inner) = Inner::run(name, &settings) else {
        return;
    };
    assert_eq!(
        inner.next_report(),
        "the local cluster was not ready in time: its master has been elected, 0 of 1 agents \
         have registered; its log on stderr may contain the reason"
    );
    inner.end();
}

#[test]
fn a_process_loads_only_one_libmesos() {
    if is_inner() {
        let first = library();
        let same = Library::open(first.path()).expect("the same library");
        assert_eq!(same.path(), first.path());
        let other = env::current_exe().expect("this program");
        let error = Library::open(other).expect_err("another one");
        assert_eq!(error.kind(), LibraryErrorKind::AlreadyLoaded);
        // Another thread gets the same library.
        let path = first.path().to_owned();
        thread::spawn(move || Library::open(path).expect("the same library"))
            .join()
            .expect("done");
        return;
    }
    let Some(inner) = Inner::run("a_process_loads_only_one_libmesos", &[]) else {
        return;
    };
    inner.end();
}
