//! Updates of tasks.

use mesos_proto::v1::task_status::Reason;
use mesos_proto::v1::{TaskState, TaskStatus};
use mesos_proto::{TaskFate, UnknownEnum};

use super::attempt::Verdict;
use super::{Action, Engine, Now, Step};

/// What an update meant.
#[derive(Debug)]
pub(crate) enum Handled {
    /// The update of an end may be acknowledged after this step.
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
        let Some(unit) = self.units.get_mut(&name) else {
            return Ok(Handled::Known(step));
        };
        let killing = status.task_state()? == TaskState::TaskKilling;
        let draining = status.task_reason() == Some(Ok(Reason::AgentDraining));
        if let Some(instance) = unit.instance_mut() {
            instance.drained |= killing && draining;
        }
        let Some(attempt) = unit.runs_mut().attempt.as_mut() else {
            return Ok(Handled::Known(step));
        };
        let ran = attempt.ran;
        let verdict = attempt.apply(status)?;
        // Otherwise a task that the master forgets would not count as an attempt after a restart.
        let first_run = attempt.ran && !ran;
        match verdict {
            // TASK_STARTING changes nothing that anyone sees.
            Verdict::Nothing if first_run => self.save(&mut step, &name),
            Verdict::Nothing => {}
            Verdict::Changed => {
                if unit.instance().is_some() {
                    self.instance_changed(&mut step, &name, now);
                } else {
                    step.actions.push(Action::Changed(name.clone()));
                }
                if first_run {
                    self.save(&mut step, &name);
                }
            }
            Verdict::PartEnded => self.save(&mut step, &name),
            Verdict::Ended(part, end) => {
                let lost_agent = end.reason == Some(Reason::AgentDraining);
                if let Some(unit) = self.units.get_mut(&name)
                    && let Some(instance) = unit.instance_mut()
                {
                    instance.drained |= lost_agent;
                }
                self.attempt_ended(&mut step, &name, part, &end, now);
            }
            Verdict::Lost(end) => self.lost(&mut step, &name, &end, now),
        }
        Ok(Handled::Known(step))
    }
}
