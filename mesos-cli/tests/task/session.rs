//! `mesos task exec|attach` in a pseudo terminal. A local cluster refuses sessions, so master and agent
//! are scripted.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use nix::pty::{OpenptyResult, Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{LocalFlags, tcgetattr};
use nix::unistd::Pid;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::agent::{Shell, serve, serve_shell};
use super::{PATIENCE, mesos, run};

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

/// Whether keys go to the program at once and without an echo.
fn is_raw(terminal: &OwnedFd) -> bool {
    let flags = tcgetattr(terminal).unwrap().local_flags;
    !flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
}

/// The program on a terminal of 24 lines and 80 columns.
struct Session {
    terminal: OpenptyResult,
    child: Child,
    text: String,
}

impl Session {
    fn start(master: &str, args: &[&str]) -> Self {
        Self::with_input(master, args, None)
    }

    /// Without an `input`, the terminal is the input.
    fn with_input(master: &str, args: &[&str], input: impl Into<Option<Stdio>>) -> Self {
        let terminal = openpty(&size(24, 80), None).unwrap();
        let end = || Stdio::from(terminal.slave.try_clone().unwrap());
        let mut command = mesos(master);
        command.args(args);
        let input = input.into().unwrap_or_else(end);
        command.stdin(input).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        Self {
            terminal,
            child,
            text: String::new(),
        }
    }

    fn file(&self) -> File {
        File::from(self.terminal.master.try_clone().unwrap())
    }

    fn shows(&mut self, wanted: &str) {
        let mut screen = self.file();
        let mut buffer = [0; 1024];
        while !self.text.contains(wanted) {
            let length = screen.read(&mut buffer).unwrap();
            let text = std::str::from_utf8(&buffer[..length]).unwrap();
            self.text.push_str(text);
        }
    }

    fn press(&self, keys: &[u8]) {
        self.file().write_all(keys).unwrap();
    }

    /// The exit code. The terminal must be as it was.
    fn ends(&mut self) -> Option<i32> {
        let code = self.child.wait().unwrap().code();
        assert!(
            !is_raw(&self.terminal.slave),
            "the terminal was not restored"
        );
        code
    }
}

/// Runs a test that blocks.
async fn blocking(test: impl FnOnce() + Send + 'static) {
    let work = tokio::task::spawn_blocking(test);
    timeout(PATIENCE, work).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_gives_a_working_terminal_with_its_size_and_the_exit_code() {
    let master = serve(Shell::default()).await;
    blocking(move || {
        let args = ["task", "exec", "-it", "t", "sh", "-l"];
        let mut session = Session::start(&master, &args);
        session.shows("[\"sh\", \"-l\"] on Some(\"24x80\")");
        assert!(is_raw(&session.terminal.slave));
        session.press(b"ls\r");
        session.shows("typed \"ls\\r\"");
        // Ctrl-C does not end the program.
        session.press(b"\x03");
        session.shows("^C");
        rustix::termios::tcsetwinsize(
            session.terminal.master.as_fd(),
            rustix::termios::Winsize {
                ws_row: 50,
                ws_col: 132,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )
        .unwrap();
        // The terminal is not the controlling one of the program, so the kernel sends nothing.
        kill(Pid::from_raw(session.child.id() as i32), Signal::SIGWINCH).unwrap();
        session.shows("resized to 50x132");
        // The command would end with the session, so no keys detach.
        session.press(b"\x10\x11");
        session.shows("typed \"\\u{10}\\u{11}\"");
        session.press(b"exit\r");
        assert_eq!(session.ends(), Some(7));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn attach_shows_the_container_and_its_detach_keys_leave_the_container_running() {
    let shell = Arc::new(Shell::default());
    let master = serve_shell(Arc::clone(&shell)).await;
    blocking(move || {
        let mut session = Session::start(&master, &["task", "attach", "-i", "t"]);
        session.shows("attached to c");
        assert!(is_raw(&session.terminal.slave));
        session.press(b"ls\r");
        session.shows("typed \"ls\\r\"");
        // The first of the two keys alone reaches the container with the next key.
        session.press(b"\x10x");
        session.shows("typed \"\\u{10}x\"");
        session.press(b"\x10\x11");
        assert_eq!(session.ends(), Some(0));
        session.shows("detached; the container continues");
        assert!(!shell.saw_end.load(Ordering::SeqCst), "the input was ended");

        let keys = ["task", "attach", "-i", "--detach-keys", "ctrl-x", "t"];
        let mut session = Session::start(&master, &keys);
        session.shows("attached to c");
        session.press(b"\x10\x11");
        session.shows("typed \"\\u{10}\\u{11}\"");
        session.press(b"\x18");
        assert_eq!(session.ends(), Some(0));

        // The exit code of the container is that of the program.
        let mut session = Session::start(&master, &["task", "attach", "-i", "t"]);
        session.shows("attached to c");
        session.press(b"exit\r");
        assert_eq!(session.ends(), Some(7));
    })
    .await;
}

#[tokio::test]
async fn keys_that_do_not_exist_are_an_error() {
    let args = ["task", "attach", "--detach-keys", "ctrl-1", "t"];
    let error = run("127.0.0.1:1", &args).await.failed(2);
    assert!(error.contains("\"ctrl-1\" is not a key"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_the_agent_cannot_do_is_a_failure_with_its_reason() {
    let master = serve(Shell {
        launch_refusal: Some((
            "500 Internal Server Error",
            "the I/O switchboard is missing",
        )),
        ..Shell::default()
    })
    .await;
    let error = run(&master, &["task", "exec", "t", "true"]).await.failed(1);
    assert!(error.contains("the I/O switchboard is missing"), "{error}");
    // The agent was reached.
    assert!(!error.contains("hint"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_down_is_named_with_the_address_that_was_tried() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let master = serve(Shell {
        agent_port: Some(port),
        ..Shell::default()
    })
    .await;
    let address = format!("127.0.0.1:{port}");
    for args in [
        &["task", "exec", "t", "true"][..],
        &["task", "attach", "t"],
        &["task", "logs", "t"],
        &["task", "ls", "t"],
        &["task", "cat", "t", "stdout"],
        &["task", "cp", "t:stdout", "/nonexistent"],
    ] {
        let args = [&["--timeout", "1"], args].concat();
        let error = run(&master, &args).await.failed(4);
        assert!(error.contains(&address), "{args:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_does_not_answer_is_named_with_the_address_that_was_tried() {
    // Mesos reports addresses that only other networks reach. The kernel drops connections of a
    // full queue in the same way.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let _queued = TcpStream::connect(address).await.unwrap();
    let master = serve(Shell {
        agent_port: Some(address.port()),
        ..Shell::default()
    })
    .await;
    for args in [
        &["task", "exec", "t", "true"][..],
        &["task", "attach", "t"],
        &["task", "logs", "t"],
        &["task", "cp", "t:stdout", "/nonexistent"],
    ] {
        let args = [&["--timeout", "1"], args].concat();
        let start = Instant::now();
        let error = run(&master, &args).await.failed(4);
        assert!(error.contains(&address.to_string()), "{args:?}: {error}");
        // Without the option, a connection has 10 s.
        let took = start.elapsed();
        assert!(took < Duration::from_secs(8), "{args:?}: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_size_of_the_terminal_after_the_end_of_the_input_has_no_effect() {
    let shell = Arc::new(Shell::default());
    let master = serve_shell(Arc::clone(&shell)).await;
    blocking(move || {
        let args = ["task", "exec", "-it", "t", "cat"];
        let mut session = Session::with_input(&master, &args, Stdio::null());
        // The input has ended.
        session.shows("typed \"\\u{4}\"");
        for round in ["first", "second"] {
            kill(Pid::from_raw(session.child.id() as i32), Signal::SIGWINCH).unwrap();
            shell.print(round);
            session.shows(round);
        }
        shell.exit();
        assert_eq!(session.ends(), Some(7));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exec_ends_with_the_reason_if_the_agent_refuses_the_input() {
    let shell = Shell {
        refusal: Some("401 Unauthorized"),
        ..Shell::default()
    };
    let master = serve(shell).await;
    let mut command = mesos(&master);
    command.args(["task", "exec", "-i", "t", "cat"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let work = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"x").unwrap();
        let output = child.wait_with_output().unwrap();
        // The input is open until the end.
        drop(stdin);
        output
    });
    let output = timeout(PATIENCE, work).await.unwrap().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(5), "{error}");
    assert!(error.contains("401"), "{error}");
}
