//! `mesos task exec|attach`.

use mesos::operator::{AgentClient, ContainerSession};
use mesos::v1::{CommandInfo, ContainerId, Task};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::find::find;
use super::terminal::{self, Terminal};
use crate::context::Context;
use crate::error::{Code, Error};

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
    let raw = args.tty && args.interactive;
    run(session, args.interactive, raw, args.tty).await
}

pub(super) async fn attach(args: &Attach, context: &Context) -> Result<(), Error> {
    let (agent, container) = container(&args.task.task, context).await?;
    let session = agent.attach(container).await?;
    run(
        session,
        args.interactive,
        args.interactive,
        args.interactive,
    )
    .await
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
async fn run(
    session: ContainerSession,
    interactive: bool,
    raw: bool,
    resize: bool,
) -> Result<(), Error> {
    let mut control = session.control;
    // Restores the terminal when this function returns.
    let _terminal = match raw {
        true => Terminal::raw()?,
        false => None,
    };
    let mut sizes = terminal::Sizes::new()?;
    match interactive {
        true => drop(tokio::spawn(pass_on(terminal::input(), session.stdin))),
        false => drop(session.stdin),
    }
    let outputs = [
        tokio::spawn(copy(session.stdout, tokio::io::stdout())),
        tokio::spawn(copy(session.stderr, tokio::io::stderr())),
    ];
    let exit = loop {
        tokio::select! {
            exit = control.wait() => break exit?,
            size = sizes.next(), if resize => {
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

/// Passes the input on until its end.
async fn pass_on(
    mut input: tokio::sync::mpsc::Receiver<Vec<u8>>,
    mut stdin: impl AsyncWrite + Unpin,
) {
    while let Some(bytes) = input.recv().await {
        // The session has the reason.
        if stdin.write_all(&bytes).await.is_err() {
            return;
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
