//! `mesos lint`.

use std::path::PathBuf;

use clap::ValueEnum;
use mesos::lint::{Lint, Linter, RULES, Severity};
use mesos::resources::Resources;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::{BAD, Column, Format, Output, Table, WARN};

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The file, as JSON, YAML or TOML by its ending; `-` reads JSON or YAML from stdin
    #[arg(required_unless_present = "rules")]
    file: Option<PathBuf>,
    /// What the file describes; by default this is decided by its fields
    #[arg(long, value_enum)]
    kind: Option<Kind>,
    /// The file of the framework that runs the tasks
    #[arg(long, value_name = "FILE")]
    framework: Option<PathBuf>,
    /// The offer for the tasks, like "cpus:2;mem:1024;ports:[31000-31005]"
    #[arg(long, value_name = "RESOURCES")]
    offer: Option<Resources>,
    /// Turns a rule off
    #[arg(long, value_name = "RULE")]
    allow: Vec<String>,
    /// Makes each finding of a rule an error
    #[arg(long, value_name = "RULE")]
    deny: Vec<String>,
    /// List the rules
    #[arg(long)]
    rules: bool,
}

// The variants have no documentation, because clap would print it in the help of the command.
/// The message in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    // FrameworkInfo.
    Framework,
    // TaskInfo.
    Task,
    // ExecutorInfo.
    Executor,
    // LAUNCH_GROUP: an object with `executor` and `task_group`.
    Group,
}

pub(crate) fn run(args: &Args, context: &Context) -> Result<(), Error> {
    let Some(path) = args.file.as_ref().filter(|_| !args.rules) else {
        return rules(&context.out);
    };
    let mut linter = Linter::new();
    if let Some(framework) = &args.framework {
        linter = linter.framework(&message(read(framework)?)?.0);
    }
    if let Some(offer) = &args.offer {
        linter = linter.offer(offer);
    }
    let unknown = |error: mesos::lint::UnknownRule| {
        Error::usage(error.to_string()).hint("`mesos lint --rules` lists the rules")
    };
    for rule in &args.allow {
        linter = linter.allow(rule).map_err(unknown)?;
    }
    for rule in &args.deny {
        linter = linter.deny(rule).map_err(unknown)?;
    }
    let lints =
        lints(&linter, args.kind, read(path)?).map_err(|error| error.context(path.display()))?;
    print(&context.out, &lints)?;
    match lints
        .iter()
        .filter(|lint| lint.severity == Severity::Error)
        .count()
    {
        0 => Ok(()),
        1 => Err(Error::new(
            Code::Failure,
            format!("1 error in {}", path.display()),
        )),
        count => Err(Error::new(
            Code::Failure,
            format!("{count} errors in {}", path.display()),
        )),
    }
}

fn lints(linter: &Linter, kind: Option<Kind>, value: Value) -> Result<Vec<Lint>, Error> {
    let kind = kind.or_else(|| detect(&value)).ok_or_else(|| {
        Error::usage("the file is not a task, an executor, a task group or a framework")
            .hint("use the names of Mesos' JSON, such as task_id, or set --kind")
    })?;
    let (lints, unknown) = match kind {
        Kind::Framework => {
            let (info, unknown) = message(value)?;
            (linter.lint_framework(&info), unknown)
        }
        Kind::Task => {
            let (info, unknown) = message(value)?;
            (linter.lint_task(&info), unknown)
        }
        Kind::Executor => {
            let (info, unknown) = message(value)?;
            (linter.lint_executor(&info), unknown)
        }
        Kind::Group => {
            let (group, unknown) = message::<mesos::v1::offer::operation::LaunchGroup>(value)?;
            (
                linter.lint_task_group(&group.executor, &group.task_group),
                unknown,
            )
        }
    };
    let unknown = unknown.into_iter().map(|path| Lint {
        rule: "unknown-field",
        severity: Severity::Warning,
        path,
        message: "Mesos does not know the field, and ignores it".to_owned(),
        remedy: "correct the name, or remove the field".to_owned(),
    });
    Ok(unknown.chain(lints).collect())
}

/// Decides by the required fields of each message.
fn detect(value: &Value) -> Option<Kind> {
    let has = |field: &str| value.get(field).is_some();
    if has("task_group") {
        Some(Kind::Group)
    } else if has("task_id") {
        Some(Kind::Task)
    } else if has("executor_id") {
        Some(Kind::Executor)
    } else if has("user") && has("name") {
        Some(Kind::Framework)
    } else {
        None
    }
}

/// The message, and the paths of the fields that it does not have.
fn message<T: DeserializeOwned + Serialize>(value: Value) -> Result<(T, Vec<String>), Error> {
    let usage = |error: serde_json::Error| Error::usage(error.to_string());
    // The driver copies the agent from the offer, so a file does not need it.
    let mut value = value;
    for task in tasks(&mut value) {
        if let Value::Object(fields) = task {
            fields
                .entry("agent_id")
                .or_insert_with(|| json!({"value": ""}));
        }
    }
    let message: T = serde_json::from_value(value.clone()).map_err(usage)?;
    let known = serde_json::to_value(&message).map_err(usage)?;
    let mut unknown = Vec::new();
    compare("", &value, &known, &mut unknown);
    Ok((message, unknown))
}

/// The tasks in the value.
fn tasks(value: &mut Value) -> Vec<&mut Value> {
    if value.get("task_id").is_some() {
        return vec![value];
    }
    let tasks = value
        .pointer_mut("/task_group/tasks")
        .and_then(Value::as_array_mut);
    tasks.map_or_else(Vec::new, |tasks| tasks.iter_mut().collect())
}

/// Collects the paths in `given` that are missing in `known`.
fn compare(path: &str, given: &Value, known: &Value, unknown: &mut Vec<String>) {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            for (name, value) in given {
                let path = match path {
                    "" => name.clone(),
                    path => format!("{path}.{name}"),
                };
                let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                match known.get(name) {
                    Some(known) => compare(&path, value, known, unknown),
                    None if is_empty
                        || value.as_object().is_some_and(serde_json::Map::is_empty) => {}
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(known)) => {
            for (place, (given, known)) in given.iter().zip(known).enumerate() {
                compare(&format!("{path}[{place}]"), given, known, unknown);
            }
        }
        _ => {}
    }
}

fn read(path: &PathBuf) -> Result<Value, Error> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::usage(format!("cannot read {}: {error}", path.display()))
    };
    let text = match path.to_str() {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        _ => std::fs::read_to_string(path),
    };
    let text = text.map_err(|error| failed(&error))?;
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => serde_json::from_str(&text).map_err(|error| failed(&error)),
        Some("toml") => toml::from_str(&text).map_err(|error| failed(&error)),
        // JSON is YAML, too.
        _ => serde_saphyr::from_str(&text).map_err(|error| failed(&error)),
    }
}

fn print(out: &Output, lints: &[Lint]) -> Result<(), Error> {
    if matches!(out.format, Format::Table | Format::Wide) {
        let text: String = lints.iter().map(line).collect();
        return out.text(&text);
    }
    let objects: Vec<Value> = lints
        .iter()
        .map(|lint| {
            json!({
                "rule": lint.rule,
                "severity": lint.severity.to_string(),
                "path": lint.path,
                "message": lint.message,
                "remedy": lint.remedy,
            })
        })
        .collect();
    let mut table = Table::new([Column::text("RULE")]);
    for lint in lints {
        table.row(lint.rule, [lint.rule]);
    }
    out.list(&objects, &table)
}

fn line(lint: &Lint) -> String {
    let style = match lint.severity {
        Severity::Error => BAD,
        Severity::Warning => WARN,
    };
    let place = match lint.path.as_str() {
        "" => String::new(),
        path => format!("{path}: "),
    };
    format!(
        "{style}{}[{}]{style:#} {place}{}\n  {}\n",
        lint.severity, lint.rule, lint.message, lint.remedy
    )
}

fn rules(out: &Output) -> Result<(), Error> {
    let objects: Vec<Value> = RULES
        .iter()
        .map(|rule| {
            json!({
                "rule": rule.name,
                "severity": rule.severity.to_string(),
                "summary": rule.summary,
            })
        })
        .collect();
    let columns = ["RULE", "SEVERITY", "FINDS"];
    let mut table = Table::new(columns.map(Column::text));
    for rule in RULES {
        let severity = rule.severity.to_string();
        table.row(rule.name, [rule.name, &severity, rule.summary]);
    }
    out.list(&objects, &table)
}
