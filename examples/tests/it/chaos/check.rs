//! The invariants, checked from the marks of tasks and from Mesos' own view.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::settings::{INSTANCES, Settings};

/// What a task wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Start {
        unit: String,
        task: String,
        process: i32,
    },
    End {
        unit: String,
    },
    /// An attempt started while another one of the job still ran, or an instance had no place.
    Overlap {
        unit: String,
        task: String,
    },
}

/// The marks in their order. The last line may be incomplete.
pub(super) fn marks(text: &str) -> Vec<Mark> {
    let complete = text.rsplit_once('\n').map_or("", |(lines, _)| lines);
    let mark = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        Some(match *words.as_slice() {
            ["start", unit, task, process] => Mark::Start {
                unit: unit.to_owned(),
                task: task.to_owned(),
                process: process.parse().ok()?,
            },
            ["end", unit, _] => Mark::End {
                unit: unit.to_owned(),
            },
            ["overlap", unit, task] => Mark::Overlap {
                unit: unit.to_owned(),
                task: task.to_owned(),
            },
            _ => return None,
        })
    };
    let lines = complete.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| mark(line).unwrap_or_else(|| panic!("not a mark: {line:?}")))
        .collect()
}

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Violation(pub(super) String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn violation<T>(text: impl Into<String>) -> Result<T, Violation> {
    Err(Violation(text.into()))
}

/// An end that the scheduler reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) success: bool,
    /// All other details.
    pub(super) text: String,
}

/// What the schedulers reported about jobs.
#[derive(Clone, Debug, Default)]
pub(super) struct Ends(pub(super) BTreeMap<String, End>);

impl Ends {
    /// Adds what a scheduler reported. Returns whether it is new.
    ///
    /// # Errors
    /// An earlier process reported another end: the state was lost.
    pub(super) fn add(&mut self, name: &str, end: End) -> Result<bool, Violation> {
        match self.0.get(name) {
            None => {
                self.0.insert(name.to_owned(), end);
                Ok(true)
            }
            Some(before) if *before == end => Ok(false),
            Some(before) => violation(format!(
                "{name} ended twice: {:?}, then {:?}",
                before.text, end.text
            )),
        }
    }
}

/// What can be checked at any time: the marks, and the tasks (name and id) that the master counts
/// as active.
pub(super) fn meanwhile(marks: &[Mark], active: &[(String, String)]) -> Result<(), Violation> {
    let mut started = BTreeSet::new();
    for mark in marks {
        match mark {
            Mark::Start { unit, task, .. } if !started.insert(task) => {
                return violation(format!("the task {task} of {unit} was started twice"));
            }
            Mark::Overlap { unit, task } if unit.starts_with("job-") => {
                return violation(format!(
                    "the task {task} of {unit} was started while another attempt ran"
                ));
            }
            Mark::Overlap { unit, task } => {
                return violation(format!(
                    "the instance {task} of {unit} was started while {INSTANCES} others ran"
                ));
            }
            Mark::Start { .. } | Mark::End { .. } => {}
        }
    }
    let mut tasks = BTreeMap::<&str, Vec<&str>>::new();
    for (name, task) in active {
        tasks.entry(name).or_default().push(task);
    }
    for (name, tasks) in tasks {
        let most = if name.starts_with("job-") {
            1
        } else {
            INSTANCES
        };
        if tasks.len() > most as usize {
            return violation(format!(
                "the master has {} active tasks of {name}: {tasks:?}",
                tasks.len()
            ));
        }
    }
    Ok(())
}

/// What is left after the end, as Mesos and the machine report it.
#[derive(Clone, Debug, Default)]
pub(super) struct Left {
    /// Tasks that the master or an agent has not forgotten. A task whose last update is not
    /// acknowledged is one of them.
    pub(super) tasks: Vec<String>,
    /// Processes of instances.
    pub(super) processes: Vec<i32>,
}

/// What can be checked when all jobs have ended and all services are removed.
pub(super) fn at_the_end(
    settings: &Settings,
    marks: &[Mark],
    ends: &Ends,
    left: &Left,
) -> Result<(), Violation> {
    meanwhile(marks, &[])?;
    let finished: BTreeSet<&str> = marks
        .iter()
        .filter_map(|mark| match mark {
            Mark::End { unit } => Some(unit.as_str()),
            _ => None,
        })
        .collect();
    for name in settings.job_names() {
        match ends.0.get(&name) {
            None => return violation(format!("{name} was lost: its end was never reported")),
            Some(end) if !end.success => {
                return violation(format!("{name} did not succeed: {}", end.text));
            }
            Some(_) if !finished.contains(name.as_str()) => {
                return violation(format!(
                    "{name} succeeded, but no attempt of it has finished"
                ));
            }
            Some(_) => {}
        }
    }
    if !left.tasks.is_empty() {
        return violation(format!(
            "tasks are left, or their updates are not acknowledged: {:?}",
            left.tasks
        ));
    }
    if !left.processes.is_empty() {
        return violation(format!("processes are left: {:?}", left.processes));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            seconds: 1,
            seed: 1,
            jobs: 2,
            services: 1,
            schedulers: 1,
            forgetful: false,
        }
    }

    fn end(text: &str) -> End {
        End {
            success: text == "TASK_FINISHED",
            text: text.to_owned(),
        }
    }

    const GOOD: &str = "start job-0 t0 10\nstart service-0 s0 11\nend job-0 t0\n\
                        start job-1 t1 12\nstart job-1 t2 13\nend job-1 t2\n";

    fn good_ends() -> Ends {
        let mut ends = Ends::default();
        for job in ["job-0", "job-1"] {
            assert_eq!(ends.add(job, end("TASK_FINISHED")), Ok(true));
        }
        ends
    }

    fn judged(text: &str, ends: &Ends, left: &Left) -> String {
        let end = at_the_end(&settings(), &marks(text), ends, left);
        end.map_or_else(|violation| violation.0, |()| "good".to_owned())
    }

    #[test]
    fn a_good_run_is_accepted() {
        assert_eq!(judged(GOOD, &good_ends(), &Left::default()), "good");
        let cut_off = format!("{GOOD}start job-");
        assert_eq!(marks(&cut_off).len(), 6);
    }

    #[test]
    fn every_sabotage_of_the_marks_is_found() {
        for (line, expected) in [
            (
                "start job-0 t0 14\n",
                "the task t0 of job-0 was started twice",
            ),
            ("overlap job-1 t3\n", "started while another attempt ran"),
            ("overlap service-0 s9\n", "started while 3 others ran"),
        ] {
            let found = judged(&format!("{GOOD}{line}"), &good_ends(), &Left::default());
            assert!(found.contains(expected), "{found}");
        }
        let without = GOOD.replace("end job-1 t2\n", "");
        let found = judged(&without, &good_ends(), &Left::default());
        assert!(found.contains("job-1 succeeded, but"), "{found}");
    }

    #[test]
    fn a_job_that_is_lost_or_fails_or_ends_twice_is_found() {
        let mut ends = good_ends();
        ends.0.remove("job-1");
        let found = judged(GOOD, &ends, &Left::default());
        assert!(found.contains("job-1 was lost"), "{found}");
        assert_eq!(ends.add("job-1", end("TASK_LOST")), Ok(true));
        let found = judged(GOOD, &ends, &Left::default());
        assert_eq!(found, "job-1 did not succeed: TASK_LOST");
        assert_eq!(ends.add("job-1", end("TASK_LOST")), Ok(false));
        let twice = ends.add("job-1", end("TASK_FINISHED")).unwrap_err();
        assert!(twice.0.contains("ended twice"), "{twice}");
    }

    #[test]
    fn too_many_active_tasks_are_found() {
        let tasks = |names: &[&str]| -> Vec<(String, String)> {
            let pair = |(id, name): (usize, &&str)| ((*name).to_owned(), id.to_string());
            names.iter().enumerate().map(pair).collect()
        };
        let full = tasks(&["service-0", "service-0", "service-0", "job-0", "job-1"]);
        assert_eq!(meanwhile(&[], &full), Ok(()));
        let four = tasks(&["service-0"; 4]);
        let found = meanwhile(&[], &four).unwrap_err();
        assert!(found.0.contains("4 active tasks of service-0"), "{found}");
        let found = meanwhile(&[], &tasks(&["job-0", "job-0"])).unwrap_err();
        assert!(found.0.contains("2 active tasks of job-0"), "{found}");
    }

    #[test]
    fn what_is_left_is_found() {
        let task = Left {
            tasks: vec!["s0".to_owned()],
            ..Left::default()
        };
        let found = judged(GOOD, &good_ends(), &task);
        assert!(found.contains("tasks are left"), "{found}");
        let process = Left {
            processes: vec![11],
            ..Left::default()
        };
        let found = judged(GOOD, &good_ends(), &process);
        assert!(found.contains("processes are left: [11]"), "{found}");
    }
}
