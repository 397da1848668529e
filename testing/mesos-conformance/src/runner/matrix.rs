//! Several releases of Mesos: what each backend keeps on each. One process can hold
//! one libmesos, so each release is asked by a process of its own, whose outcomes come
//! back as [`Outcome`] lines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::Verdict;

use super::play::JobResult;
use super::table::{encoding, mark};

/// What came of one case, as a line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The backend and its encoding.
    pub column: String,
    /// As in the table.
    pub mark: String,
    /// The case's id.
    pub case: String,
    /// Why it is not `ok`.
    pub reason: String,
}

impl Outcome {
    /// Of what was played.
    pub fn of(played: &JobResult) -> Self {
        let JobResult { job, verdict, .. } = played;
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

    /// The line.
    pub fn to_line(&self) -> String {
        [&self.column, &self.mark, &self.case, &self.reason]
            .map(String::as_str)
            .join("\t")
    }

    /// The outcome of a line; `None` if it is about something else.
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

/// The outcomes by release, in the order in which the releases were asked.
#[derive(Debug, Default)]
pub struct Matrix {
    releases: Vec<(String, Vec<Outcome>)>,
}

impl Matrix {
    /// Adds a release; without outcomes it could not be asked.
    pub fn add(&mut self, release: &str, outcomes: Vec<Outcome>) {
        self.releases.push((release.to_owned(), outcomes));
    }

    /// Whether every release was asked and nothing is bad news.
    pub fn is_good(&self) -> bool {
        let good = |outcome: &Outcome| !matches!(outcome.mark.as_str(), "FAILED" | "FIXED");
        self.releases
            .iter()
            .all(|(_, outcomes)| !outcomes.is_empty() && outcomes.iter().all(good))
    }

    /// A row for each release, a column for each backend; below it what is not kept, and
    /// where.
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
            // What cannot be asked is said of each release by its own table.
            let told = |outcome: &&Outcome| !matches!(outcome.mark.as_str(), "ok" | "n/a");
            for outcome in outcomes.iter().filter(told) {
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
    let told = counts.iter().filter(|(_, count)| *count > 0);
    let told: Vec<_> = told
        .map(|(mark, count)| format!("{count} {mark}"))
        .collect();
    match told.is_empty() {
        true => "could not be asked".to_owned(),
        false => told.join(", "),
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
    fn an_outcome_survives_being_a_line() {
        let outcome = outcome("http json", "known", "a_case", "a bug");
        assert_eq!(Outcome::from_line(&outcome.to_line()), Some(outcome));
        assert_eq!(Outcome::from_line("after 30 s"), None);
    }

    #[test]
    fn the_matrix_has_a_row_for_each_release_and_names_what_is_not_kept() {
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
                .contains("| 1.3.0 | could not be asked | could not be asked |")
        );
    }

    #[test]
    fn one_failure_on_one_release_is_bad_news() {
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
