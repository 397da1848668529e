//! Labels as a map from keys to values.

use crate::v1::{Label, Labels};

impl Label {
    /// A label. In the message its value may be unset, which differs from
    /// empty.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            value: Some(value.into()),
        }
    }
}

/// ```
/// use mesos_proto::v1::Labels;
///
/// let labels = Labels::from_iter([("tier", "front"), ("owner", "shop")]);
/// assert_eq!(labels.get("owner"), Some("shop"));
/// assert_eq!(labels.get("colour"), None);
/// ```
impl Labels {
    /// The value of the first label with this key; none where there is no such
    /// label or it has no value. Mesos lets a key come several times.
    pub fn get(&self, key: &str) -> Option<&str> {
        let label = self.labels.iter().find(|label| label.key == key)?;
        label.value.as_deref()
    }

    /// Adds a label, beside any of the same key.
    pub fn add(&mut self, key: impl Into<String>, value: impl Into<String>) {
        self.labels.push(Label::new(key, value));
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(labels: I) -> Self {
        Self {
            labels: labels
                .into_iter()
                .map(|(key, value)| Label::new(key, value))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_labels_with_one_key_the_first_is_found_and_both_stay() {
        let mut labels = Labels::from_iter([("k", "1")]);
        labels.add("k", "2");
        assert_eq!(labels.get("k"), Some("1"));
        assert_eq!(labels.labels.len(), 2);
    }

    #[test]
    fn a_label_without_a_value_has_none() {
        let labels = Labels {
            labels: vec![Label {
                key: "k".into(),
                value: None,
            }],
        };
        assert_eq!(labels.get("k"), None);
    }
}
