//! The output of all commands: tables, JSON, YAML and names.

mod fields;
mod prefix;
mod resources;
mod table;
mod tasks;
mod units;

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use serde::Serialize;

pub(crate) use self::fields::Fields;
pub(crate) use self::prefix::prefix_style;
pub(crate) use self::resources::resource_table;
pub(crate) use self::table::{Cell, Column, GAP, Table, fit, shorten, visible};
pub(crate) use self::tasks::task_table;
pub(crate) use self::units::{
    Usage, age, age_at, bytes, count, mebibytes, number, or_dash, scalar, utc_time,
};
use crate::error::{Code, Error};

/// What works, such as an agent that is active.
pub(crate) const GOOD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
/// What deserves attention.
pub(crate) const WARN: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));
/// Failures.
pub(crate) const BAD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));

// The variants have no documentation, because clap would print it in the help of each command.
/// The format of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // An aligned table.
    #[default]
    Table,
    // A table with more columns, which is not shortened.
    Wide,
    // The messages of Mesos as JSON.
    Json,
    // The messages of Mesos as YAML.
    Yaml,
    // Only ids or names, one on each line.
    Name,
}

/// Writes to stdout in the selected format.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) format: Format,
    headers: bool,
}

impl Output {
    pub(crate) fn new(format: Format, headers: bool) -> Self {
        Self { format, headers }
    }

    /// Prints a list of objects: `objects` as JSON or YAML, and `table` in the other formats. The
    /// table has a row for each object.
    pub(crate) fn list<T: Serialize>(&self, objects: &T, table: &Table) -> Result<(), Error> {
        match self.format {
            Format::Json | Format::Yaml => self.serialized(objects),
            Format::Name => self.text(&table.names()),
            Format::Table | Format::Wide => self.text(&self.section(table)),
        }
    }

    /// Prints one object: as JSON or YAML, its `name`, or the text that `describe` returns.
    pub(crate) fn object<T: Serialize>(
        &self,
        object: &T,
        name: &str,
        describe: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        match self.format {
            Format::Json | Format::Yaml => self.serialized(object),
            Format::Name => self.text(&format!("{name}\n")),
            Format::Table | Format::Wide => self.text(&describe()),
        }
    }

    /// A table as a part of the description of an object.
    pub(crate) fn section(&self, table: &Table) -> String {
        let wide = self.format == Format::Wide;
        table.render(self.headers, wide, if wide { None } else { width() })
    }

    /// Reports a change: `agent a-S0 is deactivated`. With `-o name` only the name.
    pub(crate) fn done(&self, kind: &str, name: &str, result: &str) -> Result<(), Error> {
        let object = serde_json::json!({ "kind": kind, "name": name, "result": result });
        self.object(&object, name, || format!("{kind} {name} {result}\n"))
    }

    /// Reports the same change of several objects, one on each line.
    pub(crate) fn done_all(&self, kind: &str, names: &[String], result: &str) -> Result<(), Error> {
        let object = |name| serde_json::json!({ "kind": kind, "name": name, "result": result });
        match self.format {
            Format::Json | Format::Yaml => {
                self.serialized(&names.iter().map(object).collect::<Vec<_>>())
            }
            _ => names
                .iter()
                .try_for_each(|name| self.done(kind, name, result)),
        }
    }

    /// Prints `object` as JSON or YAML.
    pub(crate) fn serialized<T: Serialize>(&self, object: &T) -> Result<(), Error> {
        let failed = |error: &dyn std::fmt::Display| {
            Error::new(Code::Failure, format!("cannot encode the output: {error}"))
        };
        let mut text = if self.format == Format::Yaml {
            serde_saphyr::to_string(object).map_err(|error| failed(&error))?
        } else {
            serde_json::to_string_pretty(object).map_err(|error| failed(&error))?
        };
        if !text.ends_with('\n') {
            text.push('\n');
        }
        self.text(&text)
    }

    /// Prints text. Its styles are removed unless stdout is a terminal or `--color` says otherwise.
    pub(crate) fn text(&self, text: &str) -> Result<(), Error> {
        let mut stdout = anstream::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        Ok(())
    }

    /// Prints a line that a task has written, as the task has written it. Only the styles of the
    /// prefix depend on the terminal.
    pub(crate) fn line_of_task(&self, prefix: &str, line: &str) -> Result<(), Error> {
        let mut stdout = std::io::stdout().lock();
        anstream::stdout().write_all(prefix.as_bytes())?;
        writeln!(stdout, "{line}")?;
        stdout.flush()?;
        Ok(())
    }
}

/// As [`Output::line_of_task`], on stderr.
pub(crate) fn error_line_of_task(prefix: &str, line: &str) {
    let mut stderr = std::io::stderr().lock();
    // A closed stderr does not stop the command.
    let _ = anstream::stderr().write_all(prefix.as_bytes());
    let _ = writeln!(stderr, "{line}");
}

/// The width of the terminal on stdout in columns; `None` if stdout is not a terminal.
pub(crate) fn width() -> Option<usize> {
    terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0.into())
}

/// Text from a cluster as one line, without characters that control the terminal.
pub(crate) fn line(text: &str) -> String {
    let visible: String = text.chars().map(visible).collect();
    format!("{visible}\n")
}

/// Prints a line on stderr, for what is not the result of a command.
pub(crate) fn note(line: &str) {
    // A closed stderr does not stop the command.
    let _ = writeln!(anstream::stderr(), "{line}");
}
