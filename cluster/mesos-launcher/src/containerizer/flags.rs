//! The flags. Each flag can be an environment variable too: agents start this program without
//! flags, executors with them.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};

use super::network::Setup;

/// The prefix of all variables of this program.
const PREFIX: &str = "MESOS_CONTAINERIZER_";
/// The flag `--launch_info` as a variable.
pub(crate) const LAUNCH_INFO_VARIABLE: &str = "MESOS_CONTAINERIZER_LAUNCH_INFO";
/// The flag `--report_pipe` as a variable.
pub(crate) const REPORT_VARIABLE: &str = "MESOS_CONTAINERIZER_REPORT_PIPE";

/// Whether a variable is meant for this program and for nothing that it starts.
pub(crate) fn is_own_variable(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// Starts the containers of a Mesos agent.
#[derive(Debug, Parser)]
#[command(name = "mesos-containerizer", version)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a container's command, and write its exit status into the runtime directory
    Launch(Flags),
    /// Give a container with an image the host's files /etc/hosts, /etc/hostname and
    /// /etc/resolv.conf
    NetworkCniSetup(Setup),
    /// The process that a supervising `launch` starts and that becomes the command.
    #[command(hide = true)]
    Exec(Flags),
    /// The process that ends a task whose executor was killed.
    #[command(hide = true)]
    Guard {
        /// The first process of the task.
        #[arg(long)]
        pid: i32,
    },
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

#[derive(Debug, Args)]
#[command(rename_all = "snake_case")]
pub(super) struct Flags {
    /// The message ContainerLaunchInfo as JSON
    #[arg(long, env = LAUNCH_INFO_VARIABLE, hide_env_values = true)]
    pub(super) launch_info: Option<String>,

    /// The descriptor of a pipe; the command starts when one byte has been read from the pipe
    #[arg(long, env = "MESOS_CONTAINERIZER_PIPE_READ", requires = "pipe_write")]
    pub(super) pipe_read: Option<i32>,

    /// The descriptor of the same pipe's other end, which is closed
    #[arg(long, env = "MESOS_CONTAINERIZER_PIPE_WRITE", requires = "pipe_read")]
    pub(super) pipe_write: Option<i32>,

    /// The directory to write the exit status to; without it this process becomes the command
    #[arg(long, env = "MESOS_CONTAINERIZER_RUNTIME_DIRECTORY")]
    pub(super) runtime_directory: Option<PathBuf>,

    /// The descriptor of a pipe that receives the reason if the command cannot be run; it is closed
    /// when the command runs (not in Mesos)
    #[arg(long, env = REPORT_VARIABLE)]
    pub(super) report_pipe: Option<i32>,

    /// Append stdout and stderr to the files of these names in the working directory, which is
    /// the sandbox; for agents in local mode, whose containers otherwise use the agent's stdout and
    /// stderr (not in Mesos)
    #[arg(
        long,
        env = "MESOS_CONTAINERIZER_SANDBOX_OUTPUT",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new(),
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
    )]
    pub(super) sandbox_output: bool,

    /// A process whose mount namespace to enter, for a command in the container of the process
    #[arg(long, env = "MESOS_CONTAINERIZER_NAMESPACE_MNT_TARGET")]
    pub(super) namespace_mnt_target: Option<i32>,

    /// Whether to run in a new mount namespace
    #[arg(
        long,
        env = "MESOS_CONTAINERIZER_UNSHARE_NAMESPACE_MNT",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new(),
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true,
    )]
    pub(super) unshare_namespace_mnt: bool,
}

impl Flags {
    /// The descriptors that this process inherits intentionally.
    pub(super) fn descriptors(&self) -> Vec<i32> {
        let numbers = [self.pipe_read, self.pipe_write, self.report_pipe];
        numbers.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["mesos-containerizer"], arguments].concat())
    }

    #[test]
    fn the_command_line_of_mesos_own_executor_is_accepted() {
        for (value, expected) in [("=false", false), ("=true", true), ("", true)] {
            let cli = parse(&[
                "launch",
                "--launch_info={\"command\":{}}",
                &format!("--unshare_namespace_mnt{value}"),
            ]);
            let Command::Launch(flags) = cli.unwrap().command else {
                panic!("not launch");
            };
            assert_eq!(flags.launch_info.as_deref(), Some("{\"command\":{}}"));
            assert_eq!(flags.unshare_namespace_mnt, expected, "{value}");
        }
    }

    #[test]
    fn one_end_of_the_pipe_requires_the_other() {
        assert!(parse(&["launch", "--pipe_read=3", "--pipe_write=4"]).is_ok());
        let error = parse(&["launch", "--pipe_read=3"]).unwrap_err().to_string();
        assert!(error.contains("--pipe_write"), "{error}");
    }
}
