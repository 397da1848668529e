//! The program `mesos-containerizer`, started as an agent starts it.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, geteuid};
use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mesos-containerizer");

/// `launch` with `info`.
fn launch(info: &Value) -> Command {
    let mut command = Command::new(PROGRAM);
    command
        .arg("launch")
        .env("MESOS_CONTAINERIZER_LAUNCH_INFO", info.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// `launch` with a runtime directory, which receives the file `status`.
fn supervised(info: &Value) -> (Command, TempDir) {
    let directory = tempfile::tempdir().expect("a directory");
    let mut command = launch(info);
    command.env("MESOS_CONTAINERIZER_RUNTIME_DIRECTORY", directory.path());
    (command, directory)
}

fn shell(script: &str) -> Value {
    json!({ "command": { "value": script } })
}

/// Runs `command` to its end. Returns its output and the content of the file `status`.
fn run((mut command, directory): (Command, TempDir)) -> (Output, String) {
    let output = command.output().expect("the program runs");
    (output, status(&directory))
}

fn status(directory: &TempDir) -> String {
    fs::read_to_string(directory.path().join("status")).expect("the file `status`")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn stdout(mut command: Command) -> String {
    let output = command.output().expect("the program runs");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The pipe of an agent. `command` gets the descriptors of its ends.
struct AgentPipe(OwnedFd);

impl AgentPipe {
    fn spawn(command: &mut Command) -> (Self, Child) {
        let (read, write) = nix::unistd::pipe().expect("a pipe");
        let child = command
            .env(
                "MESOS_CONTAINERIZER_PIPE_READ",
                read.as_raw_fd().to_string(),
            )
            .env(
                "MESOS_CONTAINERIZER_PIPE_WRITE",
                write.as_raw_fd().to_string(),
            )
            .spawn()
            .expect("the program starts");
        drop(read);
        (Self(write), child)
    }

    fn go(self) {
        let mut pipe = fs::File::from(self.0);
        pipe.write_all(&[0]).expect("the program reads");
    }
}

/// Waits for the end, with a timeout.
fn wait(child: &mut Child) -> ExitStatus {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        assert!(Instant::now() < deadline, "the program does not end");
        // sleep: std has no wait with a deadline; bounded above.
        thread::sleep(Duration::from_millis(5));
    }
}

fn signal(child: &Child, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    kill(pid, signal).expect("the program runs");
}

#[test]
fn nothing_runs_if_the_agent_exits_before_it_starts_the_container() {
    let marker = tempfile::tempdir().expect("a directory");
    let path = marker.path().join("ran");
    let (mut command, directory) = supervised(&shell(&format!("touch {}", path.display())));
    let (pipe, mut child) = AgentPipe::spawn(&mut command);
    drop(pipe);
    assert_eq!(wait(&mut child).code(), Some(1));
    assert_eq!(status(&directory), "256");
    let mut stderr = String::new();
    child
        .stderr
        .take()
        .expect("a pipe")
        .read_to_string(&mut stderr)
        .expect("text");
    assert!(stderr.contains("the agent closed the pipe"), "{stderr}");
    assert!(!path.exists());
}

#[test]
fn the_command_waits_for_the_agent_and_inherits_no_descriptor() {
    let (mut command, directory) = supervised(&shell("echo started; ls /proc/self/fd | wc -l"));
    let (pipe, mut child) = AgentPipe::spawn(&mut command);
    assert_eq!(child.try_wait().expect("a child"), None);
    pipe.go();
    assert_eq!(wait(&mut child).code(), Some(0));
    let mut output = String::new();
    child
        .stdout
        .take()
        .expect("a pipe")
        .read_to_string(&mut output)
        .expect("text");
    // Besides stdin, stdout and stderr, only the directory that ls itself has open.
    assert_eq!(output, "started\n4\n");
    assert_eq!(status(&directory), "0");
}

#[test]
fn a_signal_during_the_wait_for_the_agent_is_the_status() {
    let (mut command, directory) = supervised(&shell("echo never"));
    let (pipe, mut child) = AgentPipe::spawn(&mut command);
    // The program blocks signals before it creates the file. An earlier signal would kill it.
    let begun = || directory.path().join("status").exists();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !begun() || !is_blocked(&child, Signal::SIGTERM) {
        assert!(Instant::now() < deadline, "the program does not start");
        thread::yield_now();
    }
    signal(&child, Signal::SIGWINCH);
    signal(&child, Signal::SIGTERM);
    assert_eq!(wait(&mut child).code(), Some(1));
    assert_eq!(status(&directory), "15");
    drop(pipe);
}

/// Whether `signal` is blocked in the process, from `/proc/PID/status`.
fn is_blocked(child: &Child, signal: Signal) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a process");
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigBlk:"))
        .expect("a mask");
    let mask = u64::from_str_radix(mask.trim(), 16).expect("hexadecimal");
    mask & (1 << (signal as i32 - 1)) != 0
}

#[test]
fn the_status_is_the_wait_status_of_the_command() {
    for (script, expected) in [
        ("exit 0", "0"),
        ("exit 3", "768"),
        ("kill -KILL $$", "9"),
        ("kill -TERM $$", "15"),
        // A real-time signal, for which nix has no name.
        ("kill -40 $$", "40"),
    ] {
        let (output, status) = run(supervised(&shell(script)));
        assert_eq!(status, expected, "{script}");
        assert_eq!(
            output.status.code(),
            Some(0),
            "{script}: {}",
            text(&output.stderr)
        );
    }
}

#[test]
fn a_signal_to_the_supervisor_is_forwarded_to_the_command() {
    let script =
        "trap 'echo caught; sleep 0.2; exit 4' TERM; echo ready; while :; do sleep 0.01; done";
    let (mut command, directory) = supervised(&shell(script));
    let mut child = command.spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert_eq!(lines.next().expect("a line").expect("text"), "ready");
    signal(&child, Signal::SIGTERM);
    assert_eq!(lines.next().expect("a line").expect("text"), "caught");
    assert_eq!(
        status(&directory),
        "",
        "nothing may be written before the command's end"
    );
    assert_eq!(wait(&mut child).code(), Some(0));
    assert_eq!(status(&directory), "1024");
}

#[test]
fn a_command_starts_with_no_signal_blocked_and_sigpipe_at_its_default() {
    let script = "grep -E '^Sig(Blk|Ign):' /proc/self/status | cut -f2";
    let (supervised, _directory) = supervised(&shell(script));
    for command in [supervised, launch(&shell(script))] {
        let output = stdout(command);
        let masks: Vec<_> = output
            .lines()
            .map(|mask| u64::from_str_radix(mask, 16))
            .collect();
        let [Ok(blocked), Ok(ignored)] = masks[..] else {
            panic!("not two masks: {output}");
        };
        assert_eq!(blocked, 0);
        assert_eq!(ignored & (1 << (Signal::SIGPIPE as i32 - 1)), 0);
    }
}

#[test]
fn arguments_are_the_whole_argv_and_value_is_the_executable() {
    let info = |value: &str, arguments: &[&str]| json!({ "command": { "shell": false, "value": value, "arguments": arguments } });
    assert_eq!(stdout(launch(&info("/bin/echo", &["x", "y"]))), "y\n");
    // sh prints its $0, which is argv[0] without -c.
    let output = launch(&info("sh", &["called-so", "-c", "echo $0"]))
        .output()
        .expect("a program");
    assert_eq!(text(&output.stdout), "called-so\n");
    assert_eq!(stdout(launch(&info("/bin/echo", &[]))), "\n");
}

#[test]
fn the_environment_is_replaced_completely_and_has_a_path() {
    let mut info = shell("/usr/bin/env");
    info["environment"] = json!({ "variables": [
        { "name": "A", "value": "1" }, { "name": "A", "value": "2" },
        { "name": "B", "type": "VALUE", "value": "x y" },
    ]});
    let mut command = launch(&info);
    command.env("NOT_FOR_TASKS", "1");
    let environment = stdout(command);
    // sh itself sets PWD and similar variables.
    let made_by_sh = ["PWD=", "SHLVL=", "_=", "OLDPWD="];
    let mut lines: Vec<_> = environment.lines().collect();
    lines.retain(|line| !made_by_sh.iter().any(|prefix| line.starts_with(prefix)));
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "A=2",
            "B=x y",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        ]
    );
}

#[test]
fn without_an_environment_the_programs_own_is_inherited_except_its_variables() {
    let mut command = launch(&shell("env"));
    command.env("MINE", "1");
    let environment = stdout(command);
    assert!(
        environment.lines().any(|line| line == "MINE=1"),
        "{environment}"
    );
    assert!(
        !environment.contains("MESOS_CONTAINERIZER_"),
        "{environment}"
    );
}

#[test]
fn the_working_directory_is_created_and_executables_in_it_are_found() {
    let directory = tempfile::tempdir().expect("a directory");
    let inner = directory.path().join("a/b");
    let mut info = shell("pwd -P");
    info["working_directory"] = json!(inner);
    let found = stdout(launch(&info));
    assert_eq!(
        fs::canonicalize(found.trim_end()).ok(),
        fs::canonicalize(&inner).ok()
    );

    std::os::unix::fs::symlink("/bin/echo", inner.join("say")).expect("a link");
    let info = json!({
        "command": { "shell": false, "value": "say", "arguments": ["say", "found"] },
        "working_directory": inner,
    });
    assert_eq!(stdout(launch(&info)), "found\n");
}

#[test]
fn limits_are_set() {
    let mut info = shell("ulimit -Sn; ulimit -Hn; ulimit -Sc");
    info["rlimits"] = json!({ "rlimits": [
        { "type": "RLMT_NOFILE", "soft": 50, "hard": 60 },
        { "type": "RLMT_CORE", "soft": 0, "hard": 0 },
    ]});
    assert_eq!(stdout(launch(&info)), "50\n60\n0\n");
}

#[test]
fn pre_exec_commands_run_first_and_each_must_succeed() {
    let mut info = shell("echo command");
    info["pre_exec_commands"] = json!([
        { "value": "echo first" },
        { "shell": false, "value": "/bin/echo", "arguments": ["echo", "second"] },
    ]);
    assert_eq!(stdout(launch(&info)), "first\nsecond\ncommand\n");
    info["pre_exec_commands"] = json!([{ "value": "exit 7" }]);
    let (output, status) = run(supervised(&info));
    assert_eq!(text(&output.stdout), "");
    assert_eq!(status, "256");
    let stderr = text(&output.stderr);
    assert!(
        stderr.contains("pre-exec command `exit 7` failed: exit status: 7"),
        "{stderr}"
    );
}

#[test]
fn a_command_runs_as_the_requested_user() {
    let own = stdout({
        let mut command = Command::new("id");
        command.arg("-un");
        command
    });
    let mut info = shell("id -un; id -G");
    info["user"] = json!(own.trim_end());
    assert!(
        stdout(launch(&info)).starts_with(&own),
        "the same user needs no rights"
    );
    if !geteuid().is_root() {
        info["user"] = json!("root");
        let output = launch(&info).output().expect("the program runs");
        let stderr = text(&output.stderr);
        assert!(
            stderr.contains("cannot change to the user `root`"),
            "{stderr}"
        );
        return;
    }
    info["user"] = json!("nobody");
    info["supplementary_groups"] = json!([12345]);
    let output = stdout(launch(&info));
    let (user, groups) = output.split_once('\n').expect("two lines");
    assert_eq!(user, "nobody");
    let groups: Vec<_> = groups.split_whitespace().collect();
    assert!(
        groups.contains(&"12345") && !groups.contains(&"0"),
        "{groups:?}"
    );
}

#[test]
fn a_command_that_cannot_run_is_reported_in_the_status_and_on_stderr() {
    let absent = json!({ "command": { "shell": false, "value": "/no/such/file" } });
    let mut nobody = shell("true");
    nobody["user"] = json!("no-such-user");
    let mut directory = shell("true");
    directory["working_directory"] = json!("/proc/none/here");
    let mut limit = shell("true");
    limit["rlimits"] = json!({ "rlimits": [{ "type": "RLMT_NOFILE", "soft": 1 }] });
    for (info, expected) in [
        (
            absent,
            "cannot execute `/no/such/file`: No such file or directory",
        ),
        (
            nobody,
            "the user `no-such-user` does not exist on this machine",
        ),
        (
            directory,
            "cannot create the working directory /proc/none/here",
        ),
        (limit, "the limit RLMT_NOFILE needs both `soft` and `hard`"),
    ] {
        let (output, status) = run(supervised(&info));
        let stderr = text(&output.stderr);
        assert!(stderr.contains(expected), "{stderr}");
        assert_eq!(status, "256", "{expected}");
    }
}

#[test]
fn output_goes_to_the_sandbox_for_an_agent_in_local_mode() {
    let sandbox = tempfile::tempdir().expect("a directory");
    fs::write(sandbox.path().join("stdout"), "of the fetcher\n").expect("a file");
    let mut info = shell("echo out; echo err >&2");
    info["working_directory"] = json!(sandbox.path());
    let (mut command, directory) = supervised(&info);
    command.env("MESOS_CONTAINERIZER_SANDBOX_OUTPUT", "true");
    let (output, status) = run((command, directory));
    assert_eq!(status, "0");
    assert_eq!(
        (text(&output.stdout), text(&output.stderr)),
        (String::new(), String::new())
    );
    let file = |name| fs::read_to_string(sandbox.path().join(name)).expect("a file");
    assert_eq!(file("stdout"), "of the fetcher\nout\n");
    assert_eq!(file("stderr"), "err\n");
}

#[test]
fn a_container_that_cannot_be_isolated_is_refused_before_anything_runs() {
    let mut of_the_host = shell("echo ran");
    of_the_host["mounts"] = json!([{ "target": "/t", "source": "/s" }]);
    let mut terminal = shell("echo ran");
    terminal["tty_slave_path"] = json!("/dev/pts/0");
    for (info, reason) in [
        (of_the_host, "the mounts would be the host's"),
        (terminal, "the field `tty_slave_path`"),
    ] {
        let (output, status) = run(supervised(&info));
        assert_eq!((output.status.code(), status.as_str()), (Some(1), "256"));
        assert_eq!(text(&output.stdout), "");
        let stderr = text(&output.stderr);
        assert!(stderr.contains(reason), "{stderr}");
    }
    let (mut command, directory) = supervised(&shell("echo ran"));
    command.env("MESOS_CONTAINERIZER_NAMESPACE_MNT_TARGET", "0");
    let (output, status) = run((command, directory));
    assert_eq!(
        (text(&output.stdout).as_str(), status.as_str()),
        ("", "256")
    );
    let stderr = text(&output.stderr);
    assert!(stderr.contains("/proc/0/ns/mnt"), "{stderr}");
}

#[test]
fn a_missing_runtime_directory_is_named() {
    let mut command = launch(&shell("echo ran"));
    command.env("MESOS_CONTAINERIZER_RUNTIME_DIRECTORY", "/no/such");
    let output = command.output().expect("the program runs");
    assert_eq!(
        (output.status.code(), text(&output.stdout).as_str()),
        (Some(1), "")
    );
    assert!(
        text(&output.stderr).contains("cannot create /no/such/status"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn other_subcommands_are_refused() {
    let mut command = Command::new(PROGRAM);
    let output = command
        .args(["mount", "--operation=make-rslave"])
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("the subcommand `mount` is not supported"));
}
