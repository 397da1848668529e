//! The flags, which agents set according to the task's container. An unknown flag ends the program,
//! as in Mesos.

use std::path::PathBuf;

use clap::Parser;

/// Runs the command of one task of a Mesos agent.
#[derive(Clone, Debug, Default, Parser)]
#[command(name = "mesos-executor", version, rename_all = "snake_case")]
pub struct Flags {
    /// The directory of mesos-containerizer [default: the directory of this program]
    #[arg(long)]
    pub launcher_dir: Option<PathBuf>,

    /// The command to run instead of the task's command: the message CommandInfo as JSON
    #[arg(long, value_name = "JSON")]
    pub task_command: Option<String>,

    /// Variables for the task, which override those of this process: the message Environment as JSON
    #[arg(long, value_name = "JSON")]
    pub task_environment: Option<String>,

    /// The user to run the task as
    #[arg(long)]
    pub user: Option<String>,

    /// Groups for the task in addition to those of its user, by number
    #[arg(long, value_delimiter = ',')]
    pub task_supplementary_groups: Vec<u32>,

    /// The root filesystem for the task
    #[arg(long)]
    pub rootfs: Option<String>,

    /// The directory of the sandbox in the task's root filesystem
    #[arg(long)]
    pub sandbox_directory: Option<String>,

    /// The working directory in the task's root filesystem
    #[arg(long)]
    pub working_directory: Option<String>,

    /// The task's capabilities as JSON: refused by mesos-containerizer
    #[arg(long, value_name = "JSON")]
    pub effective_capabilities: Option<String>,

    /// The task's bounding capabilities as JSON: refused by mesos-containerizer
    #[arg(long, value_name = "JSON")]
    pub bounding_capabilities: Option<String>,

    /// Mounts and other settings for the task: the message ContainerLaunchInfo as JSON
    #[arg(long, value_name = "JSON")]
    pub task_launch_info: Option<String>,

    /// The task's terminal: refused by mesos-containerizer
    #[arg(long)]
    pub tty_slave_path: Option<String>,
}
