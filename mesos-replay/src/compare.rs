//! Compares calls, apart from ids that a scheduler made.

use std::collections::HashMap;

use serde_json::Value;

/// Whether a field is not compared: the filters, to which drivers and pools of offers add jitter, and
/// the user and the host of the process.
fn is_free(path: &str) -> bool {
    path.ends_with(".refuse_seconds")
        || path == "subscribe.framework_info.user"
        || path == "subscribe.framework_info.hostname"
}

/// The fields whose ids a scheduler makes, perhaps at random.
const OWN_IDS: [&str; 4] = ["task_id", "executor_id", "operation_id", "container_id"];

/// The present ids, by the recorded ids.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ids(HashMap<String, String>);

impl Ids {
    /// Compares a recorded call with a call of now. If only the ids of the scheduler differ, they
    /// are remembered. Otherwise returns the first difference.
    pub(crate) fn compare(&mut self, recorded: &Value, now: &Value) -> Result<(), String> {
        let mut learned = self.clone();
        learned.learn(recorded, now, "");
        learned.equal(recorded, now, "")?;
        *self = learned;
        Ok(())
    }

    /// Replaces recorded ids in an event.
    pub(crate) fn translate(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(now) = self.0.get(text.as_str()) {
                    text.clone_from(now);
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.translate(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.translate(field)),
            _ => {}
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Finds new ids. `field` is the field that contains the values.
    fn learn(&mut self, recorded: &Value, now: &Value, field: &str) {
        match (recorded, now) {
            (Value::Array(recorded), Value::Array(now)) => {
                for (recorded, now) in recorded.iter().zip(now) {
                    self.learn(recorded, now, field);
                }
            }
            (Value::Object(recorded), Value::Object(now)) => {
                // The id of an operation is in `operations[].id`.
                let own = OWN_IDS.contains(&field) || field == "operations.id";
                if let (true, Some(Value::String(old)), Some(Value::String(new))) =
                    (own, recorded.get("value"), now.get("value"))
                    && old != new
                {
                    let is_new = !self.0.values().any(|known| known == new);
                    if is_new && !self.0.contains_key(old) {
                        self.0.insert(old.clone(), new.clone());
                    }
                }
                for (name, recorded) in recorded {
                    if let Some(now) = now.get(name) {
                        match (field, name.as_str()) {
                            ("operations", "id") => self.learn(recorded, now, "operations.id"),
                            (_, name) => self.learn(recorded, now, name),
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn equal(&self, recorded: &Value, now: &Value, path: &str) -> Result<(), String> {
        match (recorded, now) {
            (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
                for (number, (old, new)) in old.iter().zip(new).enumerate() {
                    self.equal(old, new, &format!("{path}[{number}]"))?;
                }
                return Ok(());
            }
            (Value::Object(old), Value::Object(new)) => {
                let missing = new.keys().find(|name| !old.contains_key(*name));
                for name in old.keys().chain(missing) {
                    let path = match path {
                        "" => name.clone(),
                        path => format!("{path}.{name}"),
                    };
                    if !is_free(&path) {
                        let null = &Value::Null;
                        let (old, new) = (old.get(name), new.get(name));
                        self.equal(old.unwrap_or(null), new.unwrap_or(null), &path)?;
                    }
                }
                return Ok(());
            }
            (Value::String(old), Value::String(new)) if self.same_text(old, new) => return Ok(()),
            (old, new) if old == new => return Ok(()),
            _ => {}
        }
        Err(format!("{path}: recorded {recorded}, now {now}"))
    }

    /// Whether the texts are equal after recorded ids are replaced, also inside of the text.
    fn same_text(&self, recorded: &str, now: &str) -> bool {
        if recorded == now {
            return true;
        }
        if let Some(known) = self.0.get(recorded) {
            return known == now;
        }
        let replaced = self.0.iter().fold(recorded.to_owned(), |text, (old, new)| {
            text.replace(old.as_str(), new)
        });
        replaced == now
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn launch(id: &str, command: &str) -> Value {
        json!({"accept": {"operations": [{"launch": {"task_infos": [
            {"task_id": {"value": id}, "command": {"value": command}}
        ]}}], "filters": {"refuse_seconds": id.len()}}})
    }

    fn kill(id: &str) -> Value {
        json!({"kill": {"task_id": {"value": id}}})
    }

    #[test]
    fn other_ids_of_the_scheduler_are_equal_and_stay_the_same() {
        let mut ids = Ids::default();
        let launched = ids.compare(&launch("a", "run a"), &launch("x", "run x"));
        assert_eq!(launched, Ok(()));
        assert_eq!(ids.compare(&kill("a"), &kill("x")), Ok(()));
        assert!(ids.compare(&kill("a"), &kill("y")).is_err());
        // Two recorded tasks cannot be one task.
        assert!(ids.compare(&kill("b"), &kill("x")).is_err());
        let mut event = json!({"status": {"task_id": {"value": "a"}}});
        ids.translate(&mut event);
        assert_eq!(event, json!({"status": {"task_id": {"value": "x"}}}));
    }

    #[test]
    fn a_difference_has_its_path_and_teaches_no_id() {
        let mut ids = Ids::default();
        let different = ids.compare(&launch("a", "one"), &launch("x", "two"));
        assert_eq!(
            different.unwrap_err(),
            "accept.operations[0].launch.task_infos[0].command.value: recorded \"one\", now \"two\""
        );
        assert!(ids.is_empty());
        let different = ids.compare(&json!({"a": 1}), &json!({"a": 1, "b": 2}));
        assert_eq!(different.unwrap_err(), "b: recorded null, now 2");
    }
}
