//! The tasks that the arguments describe.

use std::str::FromStr;

use mesos::v1::{CommandInfo, ContainerInfo, Environment, HealthCheck, TaskId, TaskInfo};

use super::Args;
use crate::error::Error;

/// The value of `--env`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Variable {
    name: String,
    /// `None`: the value that the variable has here.
    value: Option<String>,
}

impl FromStr for Variable {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if name.is_empty() {
            return Err("write NAME=VALUE, or NAME for a variable of this program".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            value,
        })
    }
}

/// The value of `--health`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Health {
    Http(u16, String),
    Tcp(u16),
    Command(String),
}

impl FromStr for Health {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("write PORT/PATH, PORT or a shell command".to_owned());
        }
        let (port, path) = match text.find('/') {
            Some(slash) => (&text[..slash], Some(&text[slash..])),
            None => (text, None),
        };
        if port.is_empty() || !port.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Command(text.to_owned()));
        }
        let port = match port.parse() {
            Ok(port) if port > 0 => port,
            _ => return Err(format!("{port} is not a port; write 1 to 65535")),
        };
        Ok(match path {
            Some(path) => Self::Http(port, path.to_owned()),
            None => Self::Tcp(port),
        })
    }
}

/// An amount of a resource. Mesos rounds to thousandths.
pub(super) fn amount(text: &str) -> Result<f64, String> {
    let amount: Option<f64> = text.parse().ok();
    amount
        .filter(|amount| amount.is_finite() && *amount >= 0.001)
        .ok_or_else(|| "expected a number of at least 0.001".to_owned())
}

/// The tasks to run: one for each instance.
pub(super) fn tasks(args: &Args) -> Result<Vec<TaskInfo>, Error> {
    let command = command(args)?;
    let number = args.instances.get();
    let tasks = (1..=number).map(|instance| {
        let name = match number {
            1 => args.name.clone(),
            _ => format!("{}-{instance}", args.name),
        };
        task(name, command.clone(), args)
    });
    Ok(tasks.collect())
}

fn task(name: String, command: CommandInfo, args: &Args) -> TaskInfo {
    // Unique in the cluster, so that `mesos task` finds the task by its name.
    let random = TaskId::random();
    let id = format!("{name}.{}", &random.value[..8]);
    let mut task = TaskInfo::builder(name)
        .id(id)
        .command(command)
        .cpus(args.cpus)
        .mem(args.mem);
    if let Some(disk) = args.disk {
        task = task.disk(disk);
    }
    if let Some(gpus) = args.gpus.filter(|gpus| *gpus > 0) {
        task = task.gpus(gpus);
    }
    if let Some(image) = &args.image {
        task = task.container(ContainerInfo::mesos().with_image(image.as_str()));
    }
    if let Some(health) = &args.health {
        let mut check = match health {
            Health::Http(port, path) => HealthCheck::http(*port, path),
            Health::Tcp(port) => HealthCheck::tcp(*port),
            Health::Command(line) => HealthCheck::command(CommandInfo::sh(line)),
        };
        // The default delay of 15 s is long for a person at a terminal.
        check = check.with_delay(std::time::Duration::ZERO);
        if let Some(grace) = args.health_grace {
            check = check.with_grace_period(grace);
        }
        task = task.health_check(check);
    }
    task.build()
}

fn command(args: &Args) -> Result<CommandInfo, Error> {
    let mut command = match args.command.as_slice() {
        [line] => CommandInfo::sh(line),
        argv => CommandInfo::argv(argv),
    };
    let mut environment = Environment::default();
    for Variable { name, value } in &args.env {
        let value = match value {
            Some(value) => value.clone(),
            None => std::env::var(name).map_err(|error| {
                let hint = format!("write --env {name}=VALUE");
                Error::usage(format!("cannot pass the variable {name}: {error}")).hint(hint)
            })?,
        };
        environment.set(name, value);
    }
    if !environment.variables.is_empty() {
        command.environment = Some(environment);
    }
    for uri in &args.uri {
        command = command.with_uri(uri.as_str());
    }
    Ok(command)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use mesos::resources::Resources;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    fn parsed(words: &[&str]) -> Vec<TaskInfo> {
        let words = ["run"].iter().chain(words);
        tasks(&Cli::try_parse_from(words).expect("valid").args).expect("tasks")
    }

    #[test]
    fn one_word_is_for_the_shell_and_several_are_a_program() {
        let line = parsed(&["echo a; echo b"]);
        let command = line[0].command.as_ref().expect("a command");
        assert_eq!((command.shell(), command.value()), (true, "echo a; echo b"));
        let argv = parsed(&["--", "ls", "-l", "a b"]);
        let command = argv[0].command.as_ref().expect("a command");
        assert_eq!((command.shell(), command.value()), (false, "ls"));
        assert_eq!(command.arguments, ["ls", "-l", "a b"]);
    }

    #[test]
    fn options_after_the_command_belong_to_the_command() {
        let argv = parsed(&["--cpus", "2", "ls", "--cpus", "3"]);
        let command = argv[0].command.as_ref().expect("a command");
        assert_eq!(command.arguments, ["ls", "--cpus", "3"]);
    }

    #[test]
    fn each_instance_is_a_task_with_its_number_and_all_resources() {
        let tasks = parsed(&[
            "-n", "2", "--cpus", "0.5", "--disk", "8", "--gpus", "1", "x",
        ]);
        let names: Vec<_> = tasks.iter().map(|task| task.name.as_str()).collect();
        assert_eq!(names, ["run-1", "run-2"]);
        assert_ne!(tasks[0].task_id, tasks[1].task_id);
        for task in tasks {
            assert!(task.task_id.value.starts_with(&format!("{}.", task.name)));
            let resources = Resources::try_from(task.resources).expect("valid");
            assert_eq!(resources.to_string(), "cpus:0.5; mem:32; disk:8; gpus:1");
        }
    }

    #[test]
    fn a_health_check_is_http_tcp_or_a_command() {
        for (text, health) in [
            ("8080/health", Health::Http(8080, "/health".into())),
            ("8080/", Health::Http(8080, "/".into())),
            ("8080", Health::Tcp(8080)),
            ("test -e ready", Health::Command("test -e ready".into())),
            ("/bin/check", Health::Command("/bin/check".into())),
        ] {
            assert_eq!(text.parse(), Ok(health), "{text}");
        }
        for wrong in ["", " ", "0", "65536", "99999/x"] {
            assert!(wrong.parse::<Health>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn amounts_that_mesos_would_refuse_are_refused() {
        assert_eq!(amount("0.25"), Ok(0.25));
        for wrong in ["", "x", "0", "-1", "inf", "NaN", "0.0001"] {
            assert!(amount(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_variable_without_a_value_must_exist_here() {
        let task = &parsed(&["-e", "A=1", "-e", "B=x=y", "-e", "PATH", "x"])[0];
        let command = task.command.as_ref().expect("a command");
        let environment = command.environment.as_ref().expect("variables");
        let path = std::env::var("PATH").expect("PATH");
        assert_eq!(environment.get("A"), Some("1"));
        assert_eq!(environment.get("B"), Some("x=y"));
        assert_eq!(environment.get("PATH"), Some(path.as_str()));
        let words = ["run", "-e", "MESOS_CLI_UNSET_VARIABLE", "x"];
        let args = Cli::try_parse_from(words).expect("valid").args;
        assert!(tasks(&args).is_err());
        assert!(Cli::try_parse_from(["run", "-e", "=1", "x"]).is_err());
    }
}
