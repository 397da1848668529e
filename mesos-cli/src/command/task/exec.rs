//! `mesos task exec|attach`.

use mesos::operator::{AgentClient, ContainerSession};
use mesos::v1::{CommandInfo, ContainerId, Task};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};

use super::detach::{DetachKeys, Detacher, Passed};
use super::find::find;
use super::terminal::{self, Terminal};
use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::note;

#[derive(Debug, clap::Args)]
pub(crate) struct Exec {
    /// Pass on the input
    #[arg(long, short)]
    interactive: bool,
    /// Give the command a terminal
    #[arg(long, short)]
    tty: bool,
    #[command(flatten)]
    task: super::Task,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    command: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Attach {
    /// Pass on the input
    #[arg(long, short)]
    interactive: bool,
    /// With -i: the keys that end the attachment while the container continues, with commas between
    /// them; empty for no keys
    #[arg(long, value_name = "KEYS", default_value = "ctrl-p,ctrl-q")]
    detach_keys: DetachKeys,
    #[command(flatten)]
    task: super::Task,
}

pub(super) async fn exec(args: &Exec, context: &Context) -> Result<(), Error> {
    let (agent, container) = container(&args.task.task, context).await?;
    let command = CommandInfo::argv(args.command.iter().cloned());
    // The size of a terminal without a local one is that of a VT100.
    let tty = args
        .tty
        .then(|| terminal::size().unwrap_or(terminal::VT100));
    let session = agent.exec(container, command, tty).await?;
    let options = Options {
        interactive: args.interactive,
        raw: args.tty && args.interactive,
        resize: args.tty,
        // The agent ends the command with the session.
        detach: None,
    };
    run(session, options).await
}

pub(super) async fn attach(args: &Attach, context: &Context) -> Result<(), Error> {
    let (agent, container) = container(&args.task.task, context).await?;
    let session = agent.attach(container).await?;
    let options = Options {
        interactive: args.interactive,
        raw: args.interactive,
        resize: args.interactive,
        detach: Some(args.detach_keys.clone()),
    };
    run(session, options).await
}

/// How a session is connected with the streams of this process.
struct Options {
    /// Pass on the input.
    interactive: bool,
    /// Pass on every key at once.
    raw: bool,
    /// Pass on the size of the terminal.
    resize: bool,
    /// The keys that end the session early.
    detach: Option<DetachKeys>,
}

/// The agent and the container of a task.
async fn container(wanted: &str, context: &Context) -> Result<(AgentClient, ContainerId), Error> {
    let task = find(wanted, context).await?;
    let agent = context.master()?.agent(&task.agent_id).await?;
    let mut newest_first = task.statuses.iter().rev();
    let container = newest_first
        .find_map(|status| status.container_status.as_ref()?.container_id.clone())
        .filter(|_| !task.state().is_terminal());
    let container = container.ok_or_else(|| not_running(&task))?;
    Ok((agent, container))
}

fn not_running(task: &Task) -> Error {
    let message = format!(
        "task {} does not have a container: its state is {}",
        task.task_id,
        task.state().as_str_name()
    );
    Error::new(Code::Failure, message)
}

/// Connects a session with the streams of this process until the container ends; its exit code becomes
/// that of this process.
async fn run(session: ContainerSession, options: Options) -> Result<(), Error> {
    let mut control = session.control;
    // Restores the terminal when this function returns.
    let terminal = match options.raw {
        true => Terminal::raw()?,
        false => None,
    };
    let mut sizes = terminal::Sizes::new()?;
    let (detach, mut detached) = oneshot::channel();
    match options.interactive {
        true => {
            let keys = options.detach.map(Detacher::new);
            let input = terminal::input();
            tokio::spawn(pass_on(input, session.stdin, keys, detach));
        }
        false => drop(session.stdin),
    }
    let outputs = [
        tokio::spawn(copy(session.stdout, tokio::io::stdout())),
        tokio::spawn(copy(session.stderr, tokio::io::stderr())),
    ];
    let exit = loop {
        tokio::select! {
            exit = control.wait() => break exit?,
            // The other end is dropped when the input ends.
            keys = &mut detached, if !detached.is_terminated() => {
                if keys.is_ok() {
                    drop(terminal);
                    note("detached; the container continues");
                    return Ok(());
                }
            }
            size = sizes.next(), if options.resize => {
                // An input that has ended is the error of `wait`, if it is one.
                let _ = control.resize(size).await;
            }
        }
    };
    for output in outputs {
        match output.await {
            Ok(copied) => copied?,
            Err(end) => {
                return Err(Error::new(
                    Code::Failure,
                    format!("the output broke: {end}"),
                ));
            }
        }
    }
    match (exit.code(), exit.signal()) {
        (Some(0), _) => Ok(()),
        (Some(code), _) => Err(Error::Exit(u8::try_from(code).unwrap_or(1))),
        // As shells do.
        (None, Some(signal)) => Err(Error::Exit(u8::try_from(128 + signal).unwrap_or(1))),
        (None, None) => Err(Error::new(
            Code::Failure,
            "the agent does not know how the command ended",
        )),
    }
}

/// Passes the input on until its end, or until the user types the keys that detach.
async fn pass_on(
    mut input: mpsc::Receiver<Vec<u8>>,
    mut stdin: impl AsyncWrite + Unpin,
    mut keys: Option<Detacher>,
    detach: oneshot::Sender<()>,
) {
    while let Some(bytes) = input.recv().await {
        let passed = match &mut keys {
            Some(keys) => keys.pass(&bytes),
            None => Passed {
                bytes,
                detached: false,
            },
        };
        // The session has the reason.
        if stdin.write_all(&passed.bytes).await.is_err() {
            return;
        }
        if passed.detached {
            // Not the end of the input, which would end a shell.
            let _ = detach.send(());
            return std::future::pending().await;
        }
    }
    let _ = stdin.shutdown().await;
}

async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    loop {
        match from.read(&mut buffer).await? {
            0 => return Ok(()),
            length => {
                to.write_all(&buffer[..length]).await?;
                to.flush().await?;
            }
        }
    }
}
