//! Labels: keys with values.

use std::fmt::Display;

use crate::v1::{Label, Labels};

impl Label {
    /// A label. The value is anything that can be displayed.
    ///
    /// In the message a value can be unset, which differs from empty.
    pub fn new(key: impl Into<String>, value: impl Display) -> Self {
        Self {
            key: key.into(),
            value: Some(value.to_string()),
        }
    }
}

/// ```
/// use mesos::v1::Labels;
///
/// let labels = Labels::from_iter([("tier", "front"), ("owner", "shop")]).with_label("shard", 3);
/// assert_eq!(labels.get("owner"), Some("shop"));
/// assert_eq!(labels.get("shard"), Some("3"));
/// assert_eq!(labels.get("color"), None);
/// ```
impl Labels {
    /// The value of the first label with this key. Returns `None` if there is no such label, or if
    /// the label has no value. Mesos permits several labels with one key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let label = self.labels.iter().find(|label| label.key == key)?;
        label.value.as_deref()
    }

    /// Adds a label. Other labels with the same key stay.
    pub fn add(&mut self, key: impl Into<String>, value: impl Display) {
        self.labels.push(Label::new(key, value));
    }

    /// Adds a label. Other labels with the same key stay.
    #[must_use]
    pub fn with_label(mut self, key: impl Into<String>, value: impl Display) -> Self {
        self.add(key, value);
        self
    }
}

impl<K: Into<String>, V: Display> FromIterator<(K, V)> for Labels {
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
    fn the_first_of_two_labels_with_one_key_is_found_and_both_stay() {
        let labels = Labels::from_iter([("k", "1")]).with_label("k", "2");
        assert_eq!(labels.get("k"), Some("1"));
        assert_eq!(labels.labels.len(), 2);
    }

    #[test]
    fn a_label_without_a_value_returns_none() {
        let labels = Labels {
            labels: vec![Label {
                key: "k".into(),
                value: None,
            }],
        };
        assert_eq!(labels.get("k"), None);
    }
}
