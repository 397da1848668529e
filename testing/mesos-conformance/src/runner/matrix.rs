//! Several releases of Mesos: the results of each backend on each release. A process can load only
//! one libmesos, so each release runs in its own process, which sends its results as [`Outcome`]
//! lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::Verdict;

use super::run::JobResult;
use super::table::{encoding, mark};

/// The result of one case, as a line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The backend and its encoding.
    pub column: String,
    /// The mark, as in the table.
    pub mark: String,
    /// The id of the case.
    pub case: String,
    /// The reason, unless the mark is `ok`.
    pub reason: String,
}

impl Outcome {
    /// The outcome of a job.
    pub fn of(result: &JobResult) -> Self {
        let JobResult { job, verdict, .. } = result;
        let reason = match verdict {
            Verdict::NotApplicable(reason) => reason.to_string(),
            Verdict::KnownFailure(reason, _) | Verdict::PassedUnexpectedly(reason) => {
                (*reason).to_owned()
            }
            Verdict::Failed(failure) => failure.what.clone(),
            _ => String::new(),
        };
        let backend = job.harness.backend();
        Self {
            column: format!("{backend} {}", encoding(job.harness.encoding())),
            mark: mark(verdict).to_owned(),
            case: job.case.id.to_owned(),
            reason: reason.split_whitespace().collect::<Vec<_>>().join(" "),
        }
    }

    /// Formats the outcome as a line.
    pub fn to_line(&self) -> String {
        [&self.column, &self.mark, &self.case, &self.reason]
            .map(String::as_str)
            .join("\t")
    }

    /// Parses a line. `None` if it is not an outcome.
    pub fn from_line(line: &str) -> Option<Self> {
        let mut parts = line.split('\t').map(str::to_owned);
        Some(Self {
            column: parts.next()?,
            mark: parts.next()?,
            case: parts.next()?,
            reason: parts.next()?,
        })
    }
}

/// The outcomes by release, in the order of the runs.
#[derive(Debug, Default)]
pub struct Matrix {
    releases: Vec<(String, Vec<Outcome>)>,
}

impl Matrix {
    /// Adds a release. Without outcomes, the run of the release has failed.
    pub fn add(&mut self, release: &str, outcomes: Vec<Outcome>) {
        self.releases.push((release.to_owned(), outcomes));
    }

    /// Whether every release ran and nothing failed unexpectedly.
    pub fn is_good(&self) -> bool {
        let good = |outcome: &Outcome| !matches!(outcome.mark.as_str(), "FAILED" | "FIXED");
        self.releases
            .iter()
            .all(|(_, outcomes)| !outcomes.is_empty() && outcomes.iter().all(good))
    }

    /// A row for each release and a column for each backend, followed by the broken promises.
    pub fn show(&self) -> String {
        let columns: BTreeSet<&str> = self.all().map(|outcome| outcome.column.as_str()).collect();
        let mut text = String::from("| Mesos |");
        for column in &columns {
            let _ = write!(text, " {column} |");
        }
        let _ = writeln!(text, "\n|---|{}", "---|".repeat(columns.len()));
        for (release, outcomes) in &self.releases {
            let _ = write!(text, "| {release} |");
            for column in &columns {
                let _ = write!(text, " {} |", cell(outcomes, column));
            }
            text.push('\n');
        }
        self.write_reasons(&mut text);
        text
    }

    fn all(&self) -> impl Iterator<Item = &Outcome> {
        self.releases.iter().flat_map(|(_, outcomes)| outcomes)
    }

    fn write_reasons(&self, text: &mut String) {
        type Where<'a> = Vec<(&'a str, &'a str)>;
        let mut found: BTreeMap<(&str, &str, &str), Where<'_>> = BTreeMap::new();
        for (release, outcomes) in &self.releases {
            // The table of each release lists what does not apply.
            let shown = |outcome: &&Outcome| !matches!(outcome.mark.as_str(), "ok" | "n/a");
            for outcome in outcomes.iter().filter(shown) {
                let key = (&*outcome.mark, &*outcome.case, &*outcome.reason);
                found
                    .entry(key)
                    .or_default()
                    .push((&outcome.column, release));
            }
        }
        for wanted in ["known", "FIXED", "FAILED"] {
            let alike = found.iter().filter(|((mark, ..), _)| *mark == wanted);
            for ((mark, case, reason), places) in alike {
                let mut by_column: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                for (column, release) in places {
                    by_column.entry(column).or_default().push(release);
                }
                let places = by_column.into_iter();
                let places = places.map(|(column, releases)| {
                    match releases.len() == self.releases.len() && releases.len() > 1 {
                        true => format!("{column} on all"),
                        false => format!("{column} on {}", releases.join(", ")),
                    }
                });
                let places: Vec<_> = places.collect();
                let case = case.replace('_', " ");
                let _ = writeln!(text, "\n- {mark}, {case} ({}): {reason}", places.join("; "));
            }
        }
    }
}

fn cell(outcomes: &[Outcome], column: &str) -> String {
    let count = |mark: &str| {
        let alike = |one: &&Outcome| one.column == column && one.mark == mark;
        outcomes.iter().filter(alike).count()
    };
    let counts = ["ok", "known", "n/a", "FAILED", "FIXED"].map(|mark| (mark, count(mark)));
    let shown = counts.iter().filter(|(_, count)| *count > 0);
    let shown: Vec<_> = shown
        .map(|(mark, count)| format!("{count} {mark}"))
        .collect();
    match shown.is_empty() {
        true => "did not run".to_owned(),
        false => shown.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(column: &str, mark: &str, case: &str, reason: &str) -> Outcome {
        Outcome {
            column: column.to_owned(),
            mark: mark.to_owned(),
            case: case.to_owned(),
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn an_outcome_can_be_parsed_from_its_line() {
        let outcome = outcome("http json", "known", "a_case", "a bug");
        assert_eq!(Outcome::from_line(&outcome.to_line()), Some(outcome));
        assert_eq!(Outcome::from_line("after 30 s"), None);
    }

    #[test]
    fn the_matrix_has_a_row_for_each_release_and_lists_broken_promises() {
        let mut matrix = Matrix::default();
        let kept = outcome("http json", "ok", "a", "");
        let known = outcome("native protobuf", "known", "b_case", "a bug");
        matrix.add("1.4.3", vec![kept.clone(), known.clone()]);
        matrix.add("1.11.0", vec![kept, known]);
        assert!(matrix.is_good());
        assert_eq!(
            matrix.show(),
            "| Mesos | http json | native protobuf |\n\
             |---|---|---|\n\
             | 1.4.3 | 1 ok | 1 known |\n\
             | 1.11.0 | 1 ok | 1 known |\n\
             \n- known, b case (native protobuf on all): a bug\n"
        );
        matrix.add("1.3.0", Vec::new());
        assert!(!matrix.is_good());
        assert!(
            matrix
                .show()
                .contains("| 1.3.0 | did not run | did not run |")
        );
    }

    #[test]
    fn one_failure_on_one_release_fails_the_matrix() {
        let mut matrix = Matrix::default();
        matrix.add(
            "1.4.3",
            vec![outcome("http json", "FAILED", "a", "it hangs")],
        );
        assert!(!matrix.is_good());
        assert!(
            matrix
                .show()
                .ends_with("- FAILED, a (http json on 1.4.3): it hangs\n")
        );
    }
}
