//! The loader and the local cluster on a real libmesos.
//!
//! A cluster needs a process whose environment was made for it, so each test runs
//! itself once more in such a process and asks it from outside.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;
use std::{env, fs, io, thread};

use mesos_native::local::Local;
use mesos_native::{ErrorKind, LIBRARY_VARIABLE, Library};
use tempfile::TempDir;

/// Set in the inner process; says that the test plays its inner role.
const INNER: &str = "MESOS_NATIVE_TEST_INNER";
/// The directory for `Library::open_with`, if there is one.
const DEPENDENCIES: &str = "MESOS_NATIVE_TEST_DEPENDENCIES";
const TIMEOUT: Duration = Duration::from_secs(60);

fn library() -> Library {
    let path = PathBuf::from(env::var_os(LIBRARY_VARIABLE).expect("set by the outer role"));
    match env::var_os(DEPENDENCIES) {
        Some(directory) => Library::open_with(path, directory),
        None => Library::open(path),
    }
    .expect("a libmesos that loads")
}

fn is_inner() -> bool {
    env::var_os(INNER).is_some()
}

/// The process in which a test plays its inner role.
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

    /// The next word that the inner role said.
    fn said(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let n = self.output.read_line(&mut line).expect("its output");
            assert_ne!(n, 0, "the inner process ended without a word");
            // libtest writes lines of its own, one of them without an end.
            if let Some((_, word)) = line.split_once("SAID ") {
                return word.trim_end().to_owned();
            }
        }
    }

    /// Lets the inner role end, which it has to do well.
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
            eprintln!(
                "What the inner process wrote to stderr:\n{}",
                log.unwrap_or_default()
            );
        }
    }
}

fn say(word: impl std::fmt::Display) {
    println!("SAID {word}");
}

fn until_told_to_end() {
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

/// The libmesos that `MESOS_NATIVE_LIBRARY` names; where it names none, the one of
/// mesos-local, with a directory of what that one needs and the machine may lack.
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
fn a_cluster_has_its_agents_and_no_framework_when_start_returns() {
    if is_inner() {
        let library = library();
        say(library.version().expect("a version"));
        let cluster = Local::start(&library, TIMEOUT).expect("a cluster");
        assert_eq!(cluster.agents().len(), 2);
        say(cluster.address());
        return until_told_to_end();
    }
    let name = "a_cluster_has_its_agents_and_no_framework_when_start_returns";
    let Some(mut inner) = Inner::run(name, &[("MESOS_NUM_SLAVES", "2")]) else {
        return;
    };
    let version = inner.said();
    let address = inner.said().parse().expect("an address");
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
        "somebody still listens on {address}"
    );
}

#[test]
fn a_cluster_without_agents_is_ready_too() {
    if is_inner() {
        let cluster = Local::start(&library(), TIMEOUT).expect("a cluster");
        assert!(cluster.agents().is_empty());
        say(cluster.address());
        return until_told_to_end();
    }
    let name = "a_cluster_without_agents_is_ready_too";
    let Some(mut inner) = Inner::run(name, &[("MESOS_NUM_SLAVES", "0")]) else {
        return;
    };
    let state = get(inner.said().parse().expect("an address"), "/master/state");
    assert!(state.contains(r#""activated_slaves":0.0"#), "{state}");
    inner.end();
}

#[test]
fn a_cluster_can_be_started_again_after_it_was_dropped_but_not_beside_another() {
    if is_inner() {
        let library = library();
        let first = Local::start(&library, TIMEOUT).expect("a cluster");
        let error = Local::start(&library, TIMEOUT).expect_err("one is there already");
        say(error);
        get(first.address(), "/master/health");
        drop(first);
        let again = Local::start(&library, TIMEOUT).expect("a cluster again");
        get(again.address(), "/master/health");
        return;
    }
    let name = "a_cluster_can_be_started_again_after_it_was_dropped_but_not_beside_another";
    let Some(mut inner) = Inner::run(name, &[]) else {
        return;
    };
    assert_eq!(
        inner.said(),
        "the local cluster did not start: one runs in this process already; drop it first, or \
         start this one in another process"
    );
    inner.end();
}

#[test]
fn a_port_in_use_is_an_error_that_names_it() {
    if is_inner() {
        let error = Local::start(&library(), TIMEOUT).expect_err("the port is in use");
        assert_eq!(error.kind(), ErrorKind::Refused);
        return say(error);
    }
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let name = "a_port_in_use_is_an_error_that_names_it";
    let setting = port.to_string();
    let Some(mut inner) = Inner::run(name, &[("LIBPROCESS_PORT", &setting)]) else {
        return;
    };
    assert_eq!(
        inner.said(),
        format!(
            "the local cluster did not start: it cannot listen on 127.0.0.1:{port}: Address \
             already in use (os error 98); choose another LIBPROCESS_IP or LIBPROCESS_PORT, 0 \
             for a free port"
        )
    );
    inner.end();
}

#[test]
fn a_setting_that_is_refused_inside_the_constructor_is_an_error() {
    if is_inner() {
        let error = Local::start(&library(), TIMEOUT).expect_err("quiet is no number");
        assert_eq!(error.kind(), ErrorKind::Refused);
        return say(error);
    }
    let name = "a_setting_that_is_refused_inside_the_constructor_is_an_error";
    let Some(mut inner) = Inner::run(name, &[("MESOS_QUIET", "banana")]) else {
        return;
    };
    assert_eq!(
        inner.said(),
        "the local cluster did not start: Failed to load flag 'quiet': Failed to load value \
         'banana': Expecting a boolean (e.g., true or false)"
    );
    inner.end();
}

#[test]
fn a_setting_that_is_refused_when_the_driver_starts_is_an_error() {
    if is_inner() {
        let error = Local::start(&library(), TIMEOUT).expect_err("both are set");
        return say(error);
    }
    let name = "a_setting_that_is_refused_when_the_driver_starts_is_an_error";
    let settings = [
        ("MESOS_MODULES", "{}"),
        ("MESOS_MODULES_DIR", "/nonexistent"),
    ];
    let Some(mut inner) = Inner::run(name, &settings) else {
        return;
    };
    assert_eq!(
        inner.said(),
        "the local cluster did not start: Only one of MESOS_MODULES or MESOS_MODULES_DIR should \
         be specified"
    );
    inner.end();
}

#[test]
fn a_cluster_whose_agents_have_nothing_to_offer_times_out_and_says_how_far_it_got() {
    if is_inner() {
        let error = Local::start(&library(), Duration::from_secs(1)).expect_err("no offers");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        return say(error);
    }
    let name = "a_cluster_whose_agents_have_nothing_to_offer_times_out_and_says_how_far_it_got";
    let settings = [("MESOS_RESOURCES", "cpus:0;mem:0;disk:0;ports:[]")];
    let Some(mut inner) = Inner::run(name, &settings) else {
        return;
    };
    assert_eq!(
        inner.said(),
        "the local cluster was not ready in time: its master has been elected, 0 of 1 agents \
         have registered; its log on stderr may tell why"
    );
    inner.end();
}

#[test]
fn there_is_one_libmesos_in_a_process() {
    if is_inner() {
        let first = library();
        let same = Library::open(first.path()).expect("the same library");
        assert_eq!(same.path(), first.path());
        let other = env::current_exe().expect("this program");
        let error = Library::open(other).expect_err("another one");
        assert_eq!(error.kind(), ErrorKind::AlreadyLoaded);
        // From another thread as well.
        let path = first.path().to_owned();
        thread::spawn(move || Library::open(path).expect("the same library"))
            .join()
            .expect("done");
        return;
    }
    let Some(inner) = Inner::run("there_is_one_libmesos_in_a_process", &[]) else {
        return;
    };
    inner.end();
}
