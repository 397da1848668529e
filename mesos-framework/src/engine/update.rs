//! Updates of tasks.

use mesos_proto::v1::TaskStatus;
use mesos_proto::{TaskFate, UnknownEnum};

use super::attempt::Verdict;
use super::{Action, Engine, Now, Step};

/// What an update meant.
#[derive(Debug)]
pub(crate) enum Handled {
    /// The update may be acknowledged after this step.
    Known(Step),
    /// The task is in no record, and it exists. It belongs to an attempt that was replaced, or to
    /// nobody.
    Stranger,
}

impl Engine {
    /// An update arrived.
    ///
    /// # Errors
    /// The state is of a newer Mesos. The update must not be acknowledged.
    pub(crate) fn update(&mut self, status: &TaskStatus, now: Now) -> Result<Handled, UnknownEnum> {
        let mut step = Step::default();
        let Some(name) = self.tasks.get(status.task_id.as_str()).cloned() else {
            return Ok(match status.fate()? {
                TaskFate::Active => Handled::Stranger,
                _ => Handled::Known(step),
            });
        };
        let job = self.jobs.get_mut(&name);
        let Some(attempt) = job.and_then(|job| job.record.attempt.as_mut()) else {
            return Ok(Handled::Known(step));
        };
        match attempt.apply(status)? {
            Verdict::Nothing => {}
            Verdict::Changed => step.actions.push(Action::Changed(name)),
            Verdict::PartEnded => self.save(&mut step, &name),
            Verdict::Ended(part, end) => {
                self.attempt_ended(&mut step, &name, part, &end, now);
            }
            Verdict::Lost(end) => self.lost(&mut step, &name, &end, now),
        }
        Ok(Handled::Known(step))
    }
}
