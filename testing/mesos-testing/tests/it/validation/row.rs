//! The notation of the table.
//!
//! Attempts are JSON. In texts, `$task`, `$agent`, `$offer` and the other variables of
//! [`play`](super::play) are replaced. A task is given by its difference to [`task`]: objects are
//! merged, `null` removes a field, anything else replaces. A text of an answer may contain `*`, which
//! stands for any text; without it the text is exact.

use serde_json::{Value, json};

/// One check.
pub(super) struct Row {
    /// What is refused.
    pub(super) name: &'static str,
    /// The function in the source of Mesos.
    pub(super) rule: &'static str,
    /// The difference to the usual description of the framework.
    pub(super) framework: Value,
    pub(super) bad: Attempt,
    pub(super) refusal: Answer,
    pub(super) good: Attempt,
    pub(super) answer: Answer,
}

/// What a framework tries.
#[derive(Debug)]
pub(super) enum Attempt {
    /// The body of an ACCEPT. The answer is that to its last task or operation.
    Accept(Value),
    /// Any other call of a subscribed framework.
    Call(Value),
    /// A SUBSCRIBE call.
    Subscribe(Value),
    /// A SUBSCRIBE call of a framework that is subscribed.
    Resubscribe(Value),
}

/// What the master answers.
#[derive(Debug)]
pub(super) enum Answer {
    Accepted,
    /// An update of a task: state, reason and message.
    Task(String, String, String),
    /// An update of an operation: state and message.
    Operation(String, String),
    /// A response: status and body.
    Response(u16, String),
    /// An ERROR event.
    Error(String),
}

impl Answer {
    pub(super) fn allows(&self, answer: &Self) -> bool {
        match (self, answer) {
            (Self::Accepted, Self::Accepted) => true,
            (Self::Task(state, reason, text), Self::Task(a, b, c)) => {
                state == a && reason == b && fits(text, c)
            }
            (Self::Operation(state, text), Self::Operation(a, b)) => state == a && fits(text, b),
            (Self::Response(status, text), Self::Response(a, b)) => status == a && fits(text, b),
            (Self::Error(text), Self::Error(a)) => fits(text, a),
            _ => false,
        }
    }
}

/// Whether `text` is `pattern`, in which `*` stands for any text.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(rest) = text.strip_prefix(head) else {
        return false;
    };
    let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    starts.into_iter().any(|at| fits(tail, &rest[at..]))
}

impl Row {
    pub(super) fn of(
        name: &'static str,
        rule: &'static str,
        bad: Attempt,
        refusal: Answer,
    ) -> Self {
        Self {
            name,
            rule,
            framework: json!({}),
            good: Attempt::Accept(Value::Null),
            bad,
            refusal,
            answer: Answer::Accepted,
        }
    }

    /// The attempt that passes.
    pub(super) fn but(mut self, good: Attempt) -> Self {
        self.good = good;
        self
    }

    /// The framework differs from the usual one.
    pub(super) fn framework(mut self, difference: Value) -> Self {
        self.framework = difference;
        self
    }

    /// The attempt that passes this check is refused by a later one.
    pub(super) fn later(mut self, text: &str) -> Self {
        self.answer = match &self.refusal {
            Answer::Task(state, reason, _) => {
                Answer::Task(state.clone(), reason.clone(), text.to_owned())
            }
            Answer::Operation(state, _) => Answer::Operation(state.clone(), text.to_owned()),
            Answer::Response(status, _) => Answer::Response(*status, text.to_owned()),
            Answer::Accepted | Answer::Error(_) => Answer::Error(text.to_owned()),
        };
        self
    }
}

/// What follows the checks of resources: the agents do not have them.
pub(super) const NOT_OFFERED: &str =
    "Total resources * required by task and its executor is more than available *";

/// A task of the usual form, with a difference.
pub(super) fn task(difference: Value) -> Value {
    merged(
        json!({
            "name": "t", "task_id": {"value": "$task"}, "agent_id": {"value": "$agent"},
            "command": {"value": "true"},
            "resources": [scalar("cpus", 0.1), scalar("mem", 32.0)],
        }),
        difference,
    )
}

/// An executor of the usual form, with a difference.
pub(super) fn executor(difference: Value) -> Value {
    merged(
        json!({
            "executor_id": {"value": "$executor"}, "command": {"value": "sleep 1"},
            "resources": [scalar("cpus", 0.1), scalar("mem", 32.0)],
        }),
        difference,
    )
}

pub(super) fn scalar(name: &str, value: f64) -> Value {
    json!({"name": name, "type": "SCALAR", "scalar": {"value": value}})
}

pub(super) fn launch(tasks: &[Value]) -> Value {
    json!({"type": "LAUNCH", "launch": {"task_infos": tasks}})
}

/// ACCEPT of the first offer.
pub(super) fn accept(operations: &[Value]) -> Attempt {
    Attempt::Accept(json!({
        "offer_ids": [{"value": "$offer"}], "operations": operations,
        "filters": {"refuse_seconds": 0},
    }))
}

pub(super) fn error(text: &str) -> Answer {
    Answer::Task(
        "TASK_ERROR".to_owned(),
        "REASON_TASK_INVALID".to_owned(),
        text.to_owned(),
    )
}

/// A row about one task.
pub(super) fn about_task(
    name: &'static str,
    rule: &'static str,
    bad: Value,
    text: &str,
    good: Value,
) -> Row {
    let attempt = |difference| accept(&[launch(&[task(difference)])]);
    Row::of(name, rule, attempt(bad), error(text)).but(attempt(good))
}

/// `target` with a difference.
pub(super) fn merged(mut target: Value, difference: Value) -> Value {
    match (&mut target, difference) {
        (Value::Object(fields), Value::Object(differences)) => {
            for (name, difference) in differences {
                match difference {
                    Value::Null => drop(fields.remove(&name)),
                    difference => {
                        let old = fields.remove(&name).unwrap_or_else(|| json!({}));
                        fields.insert(name, merged(old, difference));
                    }
                }
            }
            target
        }
        (_, difference) => difference,
    }
}
