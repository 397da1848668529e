//! The table: a line for each case, a column for each backend, encoding and
//! world; and below it what the marks mean and what they add up to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::{CASES, Case, Harness, Verdict, World};
use mesos_testing::Encoding;

use super::play::JobResult;

/// How a table is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    Text,
    /// For a document.
    Markdown,
}

/// What a column is about.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    backend: &'static str,
    encoding: &'static str,
    world: String,
}

/// The outcomes so far.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    played: Vec<JobResult>,
}

/// The name of an encoding.
pub fn encoding(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::Json => "json",
        Encoding::Protobuf => "protobuf",
    }
}

/// The name of a world, with its release if it has one.
pub fn world(world: &World) -> String {
    match world {
        World::Real(clusters) => format!("real {}", clusters.version()),
        other => other.name().to_owned(),
    }
}

/// How an outcome is shown.
pub fn mark(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Passed => "ok",
        Verdict::NotApplicable(_) => "n/a",
        Verdict::KnownFailure(..) => "known",
        Verdict::PassedUnexpectedly(_) => "FIXED",
        _ => "FAILED",
    }
}

impl Table {
    /// A table with these columns, in this order.
    pub fn new<'a>(columns: impl IntoIterator<Item = (&'a Harness, &'a World)>) -> Self {
        let columns = columns.into_iter();
        Self {
            columns: columns.map(|(harness, on)| column(harness, on)).collect(),
            played: Vec::new(),
        }
    }

    /// Adds an outcome.
    pub fn add(&mut self, played: JobResult) {
        self.played.push(played);
    }

    /// Whether nothing is bad news.
    pub fn is_good(&self) -> bool {
        let good = |played: &JobResult| !matches!(mark(&played.verdict), "FAILED" | "FIXED");
        self.played.iter().all(good)
    }

    fn cell(&self, case: &Case, wanted: &Column) -> &'static str {
        let found = self.played.iter().find(|played| {
            let job = &played.job;
            job.case.id == case.id && column(&job.harness, &job.world) == *wanted
        });
        found.map_or("", |played| mark(&played.verdict))
    }

    /// The whole of it.
    pub fn show(&self, format: Format) -> String {
        let cases = CASES.iter().filter(|case| {
            let mut played = self.played.iter();
            played.any(|played| played.job.case.id == case.id)
        });
        let head = ["promise".to_owned()];
        let columns = self.columns.iter();
        let head = head.into_iter().chain(columns.map(|column| {
            let Column {
                backend,
                encoding,
                world,
            } = column;
            format!("{backend} {encoding}, {world}")
        }));
        let mut lines: Vec<Vec<String>> = vec![head.collect()];
        for case in cases {
            let mut line = vec![format!("{}: {}", case.topic, sentence(case))];
            let cells = self.columns.iter().map(|column| self.cell(case, column));
            line.extend(cells.map(str::to_owned));
            lines.push(line);
        }
        let mut text = match format {
            Format::Text => aligned(&lines),
            Format::Markdown => markdown(&lines),
        };
        self.write_reasons(&mut text);
        self.write_summary(&mut text);
        text
    }

    /// Why cells are not `ok`.
    fn write_reasons(&self, text: &mut String) {
        let mut reasons = BTreeSet::new();
        // By reason, because many share one.
        let mut not_asked: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for JobResult { job, verdict, .. } in &self.played {
            let case = sentence(job.case);
            let column = column(&job.harness, &job.world);
            let place = format!("{} {}, {}", column.backend, column.encoding, column.world);
            let reason = match verdict {
                Verdict::Passed => continue,
                Verdict::NotApplicable(reason) => {
                    not_asked.entry(reason).or_default().insert(case);
                    continue;
                }
                Verdict::KnownFailure(reason, failure) => {
                    format!("known, {case} ({place}): {reason}\n    {}", failure.what)
                }
                Verdict::PassedUnexpectedly(reason) => format!(
                    "FIXED, {case} ({place}) passes, so it is no known failure any more: take it \
                     off the list (\"{reason}\")"
                ),
                Verdict::Failed(failure) => format!("FAILED, {case} ({place}): {failure}"),
            };
            reasons.insert(reason);
        }
        for (reason, cases) in not_asked {
            let cases: Vec<_> = cases.into_iter().collect();
            let _ = writeln!(text, "\n- n/a, {reason}: {}", cases.join("; "));
        }
        // Failures are what one looks for, so they come last.
        for wanted in ["known", "FIXED", "FAILED"] {
            for reason in reasons.iter().filter(|reason| reason.starts_with(wanted)) {
                let _ = writeln!(text, "\n- {reason}");
            }
        }
    }

    fn write_summary(&self, text: &mut String) {
        text.push('\n');
        for column_wanted in &self.columns {
            let of_column = |played: &&JobResult| {
                column(&played.job.harness, &played.job.world) == *column_wanted
            };
            let count = |wanted: &str| {
                let played = self.played.iter().filter(of_column);
                let alike = played.filter(|played| mark(&played.verdict) == wanted);
                alike.count()
            };
            let Column {
                backend,
                encoding,
                world,
            } = column_wanted;
            let _ = write!(text, "\n{backend} {encoding}, {world}:");
            for wanted in ["ok", "FAILED", "known", "FIXED", "n/a"] {
                let _ = write!(text, " {} {wanted}", count(wanted));
            }
        }
        text.push('\n');
    }
}

fn column(harness: &Harness, on: &World) -> Column {
    Column {
        backend: harness.backend(),
        encoding: encoding(harness.encoding()),
        world: world(on),
    }
}

fn sentence(case: &Case) -> String {
    case.id.replace('_', " ")
}

fn aligned(lines: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..lines.first().map_or(0, Vec::len))
        .map(|place| {
            let cells = lines.iter().filter_map(|line| line.get(place));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for line in lines {
        let cells = line.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

fn markdown(lines: &[Vec<String>]) -> String {
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let _ = writeln!(text, "| {} |", line.join(" | "));
        if number == 0 {
            let _ = writeln!(text, "|{}", "---|".repeat(line.len()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::Failure;

    use super::super::play::Job;
    use super::*;

    fn table(verdicts: impl IntoIterator<Item = Verdict>) -> Table {
        let harness = Harness::unconnected("http");
        let mut table = Table::new([(&harness, &World::Fake)]);
        for (case, verdict) in CASES.iter().zip(verdicts) {
            let harness = harness.clone();
            table.add(JobResult {
                job: Job {
                    case,
                    harness,
                    world: World::Fake,
                },
                verdict,
                time: Duration::ZERO,
            });
        }
        table
    }

    fn failure() -> Failure {
        Failure {
            what: "expected this and got that".to_owned(),
            report: "the master received: nothing".to_owned(),
        }
    }

    #[test]
    fn what_is_known_to_fail_is_no_bad_news_unless_it_passes() {
        assert!(table([Verdict::Passed, Verdict::NotApplicable("no".into())]).is_good());
        assert!(table([Verdict::KnownFailure("a bug", failure())]).is_good());
        assert!(!table([Verdict::Passed, Verdict::PassedUnexpectedly("a bug")]).is_good());
        assert!(!table([Verdict::Failed(failure()), Verdict::Passed]).is_good());
    }

    #[test]
    fn the_table_has_every_outcome_its_reason_and_the_sums() {
        let table = table([
            Verdict::Passed,
            Verdict::NotApplicable("there is no such thing".into()),
            Verdict::Failed(failure()),
        ]);
        let text = table.show(Format::Text);
        let line = |start: &str| {
            let found = text.lines().find(|line| line.starts_with(start));
            found.unwrap_or_else(|| panic!("no {start:?} in\n{text}"))
        };
        let name = |place: usize| format!("{}: {}", CASES[place].topic, sentence(&CASES[place]));
        assert!(line(&name(0)).ends_with(" ok"));
        assert!(line(&name(1)).ends_with(" n/a"));
        assert!(line(&name(2)).ends_with(" FAILED"));
        assert!(line("- n/a, there is no such thing: ").ends_with(&sentence(&CASES[1])));
        assert!(line("- FAILED, ").ends_with("expected this and got that"));
        line("the master received: nothing");
        assert_eq!(
            line("http json, fake:"),
            "http json, fake: 1 ok 1 FAILED 0 known 0 FIXED 1 n/a"
        );
        let text = table.show(Format::Markdown);
        assert!(text.starts_with("| promise | http json, fake |\n|---|---|\n"));
    }
}
