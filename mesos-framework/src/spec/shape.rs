//! What decides where a workload can be placed.

use std::fmt::{Debug, Write as _};
use std::hash::{DefaultHasher, Hash, Hasher};

use mesos_placement::Constraint;

use super::{PodSpec, TaskSpec, Workload};

/// Hashes values that can only be printed.
struct Printed<'h>(&'h mut DefaultHasher);

impl std::fmt::Write for Printed<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

fn print(hasher: &mut DefaultHasher, value: &impl Debug) {
    // Hashing does not fail.
    let _ = write!(Printed(hasher), "{value:?}");
    hasher.write_u8(0xff);
}

impl Workload {
    /// Stands for everything that decides where the workload can be placed, apart from its name and
    /// its labels. These matter only if constraints compare tasks.
    pub(crate) fn shape(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        match self {
            Self::Task(task) => task.hash_shape(&mut hasher),
            Self::Pod(pod) => {
                let PodSpec {
                    name: _,
                    tasks,
                    executor_resources,
                    networks: _,
                    constraints,
                    role,
                } = pod;
                tasks.iter().for_each(|task| task.hash_shape(&mut hasher));
                print(&mut hasher, executor_resources);
                (constraints, role).hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// Stands for the labels of the tasks.
    pub(crate) fn labels(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let labels = self.tasks().iter().map(|task| &task.labels);
        labels.for_each(|labels| labels.hash(&mut hasher));
        hasher.finish()
    }
}

impl TaskSpec {
    fn hash_shape(&self, hasher: &mut DefaultHasher) {
        // Without `..`, so that each new key is either used or known not to matter.
        let Self {
            name: _,
            command: _,
            executor,
            data: _,
            image: _,
            env: _,
            secrets: _,
            uris: _,
            files: _,
            resources,
            ports,
            networks: _,
            volumes,
            constraints,
            kill_grace: _,
            check: _,
            health_check: _,
            max_completion_time: _,
            labels: _,
            user: _,
            role,
            mistakes: _,
        } = self;
        print(hasher, executor);
        print(hasher, resources);
        let volumes: Vec<_> = volumes
            .iter()
            .filter(|one| one.persistent.is_some())
            .collect();
        (ports, volumes, constraints, role).hash(hasher);
    }
}

/// Whether the place depends on the tasks that run.
pub(super) fn is_social(constraint: &Constraint) -> bool {
    match constraint {
        Constraint::Is { .. }
        | Constraint::IsNot { .. }
        | Constraint::Like { .. }
        | Constraint::Unlike { .. }
        | Constraint::In { .. }
        | Constraint::NotIn { .. }
        | Constraint::Exists(_)
        | Constraint::KeepGpus
        | Constraint::Available => false,
        Constraint::All(parts) | Constraint::Any(parts) => parts.iter().any(is_social),
        Constraint::Not(part) => is_social(part),
        _ => true,
    }
}

/// Whether the constraint keeps other tasks away.
pub(super) fn avoids(constraint: &Constraint) -> bool {
    match constraint {
        Constraint::Avoid { .. } => true,
        Constraint::All(parts) => parts.iter().any(avoids),
        _ => false,
    }
}
