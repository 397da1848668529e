//! The table: a row for each case and a column for each backend, encoding and world, followed by
//! the reasons and the sums.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::{CASES, Case, Harness, Verdict, World};
use mesos_testing::Encoding;

use super::run::JobResult;

/// The format of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Aligned text for a terminal.
    Text,
    /// Markdown for a document.
    Markdown,
}

/// The subject of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    backend: &'static str,
    encoding: &'static str,
    world: String,
}

/// The results so far.
#[derive(Debug, Default)]
pub struct Table {
    columns: Vec<Column>,
    result: Vec<JobResult>,
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

/// The mark of a result.
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
    /// Creates a table with these columns, in this order.
    pub fn new<'a>(columns: impl IntoIterator<Item = (&'a Harness, &'a World)>) -> Self {
        let columns = columns.into_iter();
        Self {
            columns: columns.map(|(harness, on)| column(harness, on)).collect(),
            result: Vec::new(),
        }
    }

    /// Adds a result.
    pub fn add(&mut self, result: JobResult) {
        self.result.push(result);
    }

    /// Whether nothing failed unexpectedly.
    pub fn is_good(&self) -> bool {
        let good = |result: &JobResult| !matches!(mark(&result.verdict), "FAILED" | "FIXED");
        self.result.iter().all(good)
    }

    fn cell(&self, case: &Case, wanted: &Column) -> &'static str {
        let found = self.result.iter().find(|result| {
            let job = &result.job;
            job.case.id == case.id && column(&job.harness, &job.world) == *wanted
        });
        found.map_or("", |result| mark(&result.verdict))
    }

    /// The complete text.
    pub fn show(&self, format: Format) -> String {
        let cases = CASES.iter().filter(|case| {
            let mut result = self.result.iter();
            result.any(|result| result.job.case.id == case.id)
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

    /// The reasons of all results but `ok`.
    fn write_reasons(&self, text: &mut String) {
        let mut reasons = BTreeSet::new();
        // Grouped by reason, because many cases share one.
        let mut not_applicable: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for JobResult { job, verdict, .. } in &self.result {
            let case = sentence(job.case);
            let column = column(&job.harness, &job.world);
            let place = format!("{} {}, {}", column.backend, column.encoding, column.world);
            let reason = match verdict {
                Verdict::Passed => continue,
                Verdict::NotApplicable(reason) => {
                    not_applicable.entry(reason).or_default().insert(case);
                    continue;
                }
                Verdict::KnownFailure(reason, failure) => {
                    format!("known, {case} ({place}): {reason}\n    {}", failure.what)
                }
                Verdict::PassedUnexpectedly(reason) => format!(
                    "FIXED, {case} ({place}) passes, so remove it from the list of known failures \
                     (\"{reason}\")"
                ),
                Verdict::Failed(failure) => format!("FAILED, {case} ({place}): {failure}"),
            };
            reasons.insert(reason);
        }
        for (reason, cases) in not_applicable {
            let cases: Vec<_> = cases.into_iter().collect();
            let _ = writeln!(text, "\n- n/a, {reason}: {}", cases.join("; "));
        }
        // Failures come last, where readers look first.
        for wanted in ["known", "FIXED", "FAILED"] {
            for reason in reasons.iter().filter(|reason| reason.starts_with(wanted)) {
                let _ = writeln!(text, "\n- {reason}");
            }
        }
    }

    fn write_summary(&self, text: &mut String) {
        text.push('\n');
        for column_wanted in &self.columns {
            let of_column = |result: &&JobResult| {
                column(&result.job.harness, &result.job.world) == *column_wanted
            };
            let count = |wanted: &str| {
                let result = self.result.iter().filter(of_column);
                let alike = result.filter(|result| mark(&result.verdict) == wanted);
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

    use super::super::run::Job;
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
    fn a_known_failure_is_good_unless_it_passes() {
        assert!(table([Verdict::Passed, Verdict::NotApplicable("no".into())]).is_good());
        assert!(table([Verdict::KnownFailure("a bug", failure())]).is_good());
        assert!(!table([Verdict::Passed, Verdict::PassedUnexpectedly("a bug")]).is_good());
        assert!(!table([Verdict::Failed(failure()), Verdict::Passed]).is_good());
    }

    #[test]
    fn the_table_has_every_result_its_reason_and_the_sums() {
        let table = table([
            Verdict::Passed,
            Verdict::NotApplicable("not available".into()),
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
        assert!(line("- n/a, not available: ").ends_with(&sentence(&CASES[1])));
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
