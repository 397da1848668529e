//! Sessions with containers: a command with its own input, output and terminal.

mod input;
mod output;
mod streams;

use std::sync::Arc;

use bytes::Bytes;
use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::agent::{Call, call, call::Type};
use mesos_proto::v1::{CommandInfo, ContainerId, ContainerInfo, TtyInfo, tty_info};
use tokio::io::{DuplexStream, duplex};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use self::input::Input;
use self::output::Output;
pub use self::streams::{ContainerInput, ContainerOutput};
use super::{AgentClient, of};

/// The number of bytes of each stream that wait for the program or for the agent.
const BUFFER: usize = 64 << 10;

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TtySize {
    /// The number of lines.
    pub rows: u32,
    /// The number of characters in a line.
    pub columns: u32,
}

impl From<TtySize> for TtyInfo {
    fn from(size: TtySize) -> Self {
        Self {
            window_size: Some(tty_info::WindowSize {
                rows: size.rows,
                columns: size.columns,
            }),
        }
    }
}

/// A session with a container, from [`AgentClient::exec`] or [`AgentClient::attach`].
///
/// The fields can be moved out and used in different tasks. A program has to read both `stdout` and
/// `stderr`, or drop what it does not read: an output that is not read stops the other one.
#[derive(Debug)]
#[non_exhaustive]
pub struct ContainerSession {
    /// The input of the container.
    pub stdin: ContainerInput,
    /// The output of the container; with a terminal, its whole output.
    pub stdout: ContainerOutput,
    /// The error output of the container; empty with a terminal.
    pub stderr: ContainerOutput,
    /// The end of the container, and the size of its terminal.
    pub control: SessionControl,
}

/// The control of a [`ContainerSession`]. Dropping it closes the connections; the agent then ends a
/// container that [`AgentClient::exec`] launched.
#[derive(Debug)]
pub struct SessionControl {
    agent: AgentClient,
    container: ContainerId,
    resize: mpsc::Sender<TtySize>,
    /// Why the output ended.
    output_end: watch::Receiver<Option<Result<()>>>,
    /// Why the agent does not accept input.
    input_failure: watch::Receiver<Option<Error>>,
    tasks: [JoinHandle<()>; 2],
}

/// How a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContainerExit {
    /// The wait status, as from `wait(2)`.
    status: Option<i32>,
}

impl ContainerExit {
    /// The exit code; `None` if a signal ended the container, or if the agent does not know it.
    pub fn code(self) -> Option<i32> {
        self.status
            .filter(|status| status & 0x7f == 0)
            .map(|status| (status >> 8) & 0xff)
    }

    /// The signal that ended the container.
    pub fn signal(self) -> Option<i32> {
        self.status
            .map(|status| status & 0x7f)
            .filter(|signal| *signal != 0)
    }

    /// Whether the exit code is 0.
    pub fn is_success(self) -> bool {
        self.code() == Some(0)
    }
}

impl AgentClient {
    /// Runs a command in a container while the session lasts (LAUNCH_NESTED_CONTAINER_SESSION). The
    /// command shares the namespaces and control groups of `container`, which must run. With `tty`
    /// the command has a terminal of this size.
    ///
    /// ```no_run
    /// use mesos::operator::AgentClient;
    /// use mesos::v1::{CommandInfo, ContainerId};
    /// use tokio::io::{AsyncReadExt, AsyncWriteExt};
    ///
    /// # async fn example(agent: AgentClient, container: ContainerId) -> Result<(), mesos::BoxError> {
    /// let mut session = agent.exec(container, CommandInfo::sh("wc -c"), None).await?;
    /// session.stdin.write_all(b"hello").await?;
    /// session.stdin.shutdown().await?;
    /// let mut count = String::new();
    /// session.stdout.read_to_string(&mut count).await?;
    /// let exit = session.control.wait().await?;
    /// println!("{count} {:?}", exit.code());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// The call is made once: it is not repeated. An agent without an I/O switchboard, such as that
    /// of a local cluster, refuses it.
    ///
    /// # Errors
    /// Those of [`launch_container`](Self::launch_container).
    ///
    /// # Cancellation
    /// Dropping the future closes the connection, and the agent ends the command.
    pub async fn exec(
        &self,
        container: impl Into<ContainerId>,
        command: CommandInfo,
        tty: impl Into<Option<TtySize>>,
    ) -> Result<ContainerSession> {
        let parent: ContainerId = container.into();
        let tty = tty.into();
        let container = parent.child(ContainerId::random().value);
        let call = Call {
            launch_nested_container_session: Some(call::LaunchNestedContainerSession {
                container_id: container.clone(),
                command: Some(command),
                container: tty.map(|size| ContainerInfo {
                    tty_info: Some(size.into()),
                    ..ContainerInfo::mesos()
                }),
            }),
            ..of(Type::LaunchNestedContainerSession)
        };
        let end = match tty {
            None => End::Empty,
            Some(_) => End::Character,
        };
        self.session(&call, container, end).await
    }

    /// Follows the output of a container from now on, and sends input (ATTACH_CONTAINER_OUTPUT,
    /// ATTACH_CONTAINER_INPUT). The container has a terminal, or was launched by
    /// [`exec`](Self::exec); the output of other containers is in files ([`files`](crate::files)).
    ///
    /// The input is connected when the program first uses it, because a container accepts one input
    /// at a time. Dropping the session leaves the container and its input as they are.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] with status 404 for an unknown container.
    pub async fn attach(&self, container: impl Into<ContainerId>) -> Result<ContainerSession> {
        let container = container.into();
        let call = Call {
            attach_container_output: Some(call::AttachContainerOutput {
                container_id: container.clone(),
            }),
            ..of(Type::AttachContainerOutput)
        };
        self.session(&call, container, End::OnShutdown).await
    }

    async fn session(
        &self,
        call: &Call,
        container: ContainerId,
        end: End,
    ) -> Result<ContainerSession> {
        let client = &self.caller.client;
        let name = call.r#type().as_str_name();
        let Some(agent) = client.target().endpoint().cloned() else {
            return Err(Error::new(
                ErrorKind::Config,
                format!("{name} needs the address of one agent"),
            ));
        };
        let body: Bytes = client.settings().codec.encode(call)?;
        let opened = client.open_stream(&agent, name, &body).await;
        let (agent, connection, response) = opened.map_err(|error| self.explain(error))?;

        let (stdin, unsent) = duplex(BUFFER);
        let (to_stdout, stdout) = duplex(BUFFER);
        let (to_stderr, stderr) = duplex(BUFFER);
        let (ended, output_end) = watch::channel(None);
        let (resize, sizes) = mpsc::channel(8);
        let settings = client.settings().clone();
        let output = Output::new(agent.clone(), settings.clone(), connection, response);
        let (failure, input_failure) = watch::channel(None);
        let shut_down = Arc::default();
        let input = Input {
            agent,
            settings,
            container: container.clone(),
            unsent,
            sizes,
            end,
            shut_down: Arc::clone(&shut_down),
            failure,
        };
        let tasks = [
            tokio::spawn(output.run(to_stdout, to_stderr, ended)),
            tokio::spawn(input.run()),
        ];
        Ok(ContainerSession {
            stdin: ContainerInput::new(stdin, shut_down, input_failure.clone()),
            stdout: ContainerOutput::new(stdout),
            stderr: ContainerOutput::new(stderr),
            control: SessionControl {
                agent: self.clone(),
                container,
                resize,
                output_end,
                input_failure,
                tasks,
            },
        })
    }
}

/// How the end of the program's input is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// As an empty message, which closes the container's input.
    Empty,
    /// As the end-of-file character of a terminal.
    Character,
    /// As an empty message, if the program shut the input down. If the program dropped the input,
    /// the container's input stays open.
    OnShutdown,
}

impl SessionControl {
    /// The container of the command.
    pub fn container_id(&self) -> &ContainerId {
        &self.container
    }

    /// Changes the size of the terminal.
    ///
    /// # Errors
    /// [`ErrorKind::Closed`] if the input has ended.
    pub async fn resize(&self, size: TtySize) -> Result<()> {
        self.resize.send(size).await.map_err(|_| {
            let message = "the terminal cannot be resized: the input of the session has ended";
            Error::new(ErrorKind::Closed, message)
        })
    }

    /// Waits until the output has ended, and returns how the container ended (WAIT_CONTAINER). The
    /// output has to be read or dropped, or it does not end. Cancel safe.
    ///
    /// # Errors
    /// Why the agent refuses the input (400, 401, 403, 409), at once: the command may wait for the
    /// input forever. Why the connection of the output was lost, or the errors of
    /// [`wait_container`](AgentClient::wait_container).
    pub async fn wait(&mut self) -> Result<ContainerExit> {
        tokio::select! {
            biased;
            end = self.output_end.wait_for(Option::is_some) => match end {
                Ok(end) => end.clone().unwrap_or(Ok(()))?,
                Err(_) => {
                    let message = "the task that reads the output has ended";
                    return Err(Error::new(ErrorKind::Closed, message));
                }
            },
            error = refused(&mut self.input_failure) => return Err(error),
        }
        let end = self.agent.wait_container(&self.container).await?;
        Ok(ContainerExit {
            status: end.exit_status,
        })
    }
}

/// Completes when the agent refuses the input. Other failures have the same cause as an end of the
/// output, such as an end of the container (404).
async fn refused(failure: &mut watch::Receiver<Option<Error>>) -> Error {
    let is_refusal = |failure: &Option<Error>| {
        let status = failure.as_ref().and_then(Error::status);
        matches!(status, Some(400 | 401 | 403 | 409))
    };
    match failure
        .wait_for(is_refusal)
        .await
        .map(|failure| failure.clone())
    {
        Ok(Some(error)) => error,
        // The input has ended without a refusal.
        _ => std::future::pending().await,
    }
}

impl Drop for SessionControl {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// A stream of the session that the tasks own.
type Stream = DuplexStream;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_and_the_signal_are_read_from_the_wait_status() {
        let exit = |status| ContainerExit { status };
        assert!(exit(Some(0)).is_success());
        let failed = exit(Some(3 << 8));
        assert_eq!((failed.code(), failed.signal()), (Some(3), None));
        // The bit 0x80 means that there is a core file.
        let killed = exit(Some(0x80 | 9));
        assert_eq!((killed.code(), killed.signal()), (None, Some(9)));
        let unknown = exit(None);
        assert_eq!((unknown.code(), unknown.signal()), (None, None));
    }
}
