//! Conversions between ids and text.
//!
//! Mesos accepts ids of 1 to 255 bytes without control characters, `/` and `\`, except `.` and `..`
//! (`src/common/validation.cpp`). The conversions do not check these rules, because they are also
//! used for ids from Mesos.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::v1::{
    AgentId, ContainerId, ExecutorId, FrameworkId, OfferId, OperationId, ResourceProviderId, TaskId,
};

/// Methods and conversions of every id, including [`ContainerId`].
macro_rules! id_text {
    ($id:ident) => {
        impl $id {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.value
            }
        }

        impl From<&str> for $id {
            fn from(value: &str) -> Self {
                Self::from(value.to_owned())
            }
        }

        impl From<&String> for $id {
            fn from(value: &String) -> Self {
                Self::from(value.clone())
            }
        }

        impl From<&$id> for $id {
            fn from(id: &$id) -> Self {
                id.clone()
            }
        }
    };
}

/// Conversions of ids that consist only of text.
macro_rules! plain_id {
    ($($id:ident)*) => {$(
        id_text!($id);

        impl From<String> for $id {
            fn from(value: String) -> Self {
                Self { value }
            }
        }

        impl From<$id> for String {
            fn from(id: $id) -> Self {
                id.value
            }
        }

        /// The id as text, without any addition.
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.value)
            }
        }

        impl AsRef<str> for $id {
            fn as_ref(&self) -> &str {
                &self.value
            }
        }

        impl PartialEq<str> for $id {
            fn eq(&self, other: &str) -> bool {
                self.value == other
            }
        }

        impl PartialEq<&str> for $id {
            fn eq(&self, other: &&str) -> bool {
                self.value == *other
            }
        }

        impl PartialEq<String> for $id {
            fn eq(&self, other: &String) -> bool {
                self.value == *other
            }
        }

        /// In the order of the text.
        impl Ord for $id {
            fn cmp(&self, other: &Self) -> Ordering {
                self.value.cmp(&other.value)
            }
        }

        impl PartialOrd for $id {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }
    )*};
}

plain_id! {
    AgentId ExecutorId FrameworkId OfferId OperationId ResourceProviderId TaskId
}

/// Ids that a framework can create.
macro_rules! random_id {
    ($($id:ident)*) => {$(
        impl $id {
            /// A unique id: the text of a random (version 4) UUID.
            pub fn random() -> Self {
                Self::from(uuid::Uuid::new_v4().to_string())
            }
        }
    )*};
}

random_id! { ContainerId ExecutorId OperationId TaskId }

id_text!(ContainerId);

impl ContainerId {
    /// The id of the container `value`, nested in this container.
    ///
    /// ```
    /// use mesos::v1::ContainerId;
    ///
    /// let debug = ContainerId::from("app").child("debug");
    /// assert_eq!(debug.as_str(), "debug");
    /// assert_eq!(debug.to_string(), "app.debug");
    /// ```
    #[must_use]
    pub fn child(&self, value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            parent: Some(Box::new(self.clone())),
        }
    }

    /// The texts from the outermost container to this one.
    fn path(&self) -> Vec<&str> {
        let mut path: Vec<_> = std::iter::successors(Some(self), |id| id.parent.as_deref())
            .map(Self::as_str)
            .collect();
        path.reverse();
        path
    }
}

/// A top-level container.
impl From<String> for ContainerId {
    fn from(value: String) -> Self {
        Self {
            value,
            parent: None,
        }
    }
}

/// The texts from the outermost container to this one, joined by dots, as Mesos prints them in its
/// logs (`include/mesos/type_utils.hpp`).
impl fmt::Display for ContainerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.path().join("."))
    }
}

impl Eq for ContainerId {}

impl Hash for ContainerId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path().hash(state);
    }
}

/// A container sorts directly before the containers nested in it.
impl Ord for ContainerId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.path().cmp(&other.path())
    }
}

impl PartialOrd for ContainerId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    #[test]
    fn an_id_converts_to_its_text_and_back() {
        let id = TaskId::from("t1");
        assert_eq!(id, "t1");
        assert_eq!(id, *"t1");
        assert_eq!(id, "t1".to_owned());
        assert_eq!(id.as_str(), "t1");
        assert_eq!(format!("{id:>4}"), "  t1");
        assert_eq!(String::from(id), "t1");
    }

    #[test]
    fn ids_are_ordered_by_their_text() {
        let ids = BTreeSet::from(["b", "a", "c"].map(AgentId::from));
        assert_eq!(ids.first().map(AgentId::as_str), Some("a"));
        assert_eq!(ids.last().map(AgentId::as_str), Some("c"));
    }

    #[test]
    fn random_ids_are_unique() {
        let ids: HashSet<_> = (0..100).map(|_| TaskId::random()).collect();
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| id.as_str().len() == 36));
    }

    #[test]
    fn a_nested_container_prints_its_parents_first() {
        let id = ContainerId::from("a").child("b").child("c");
        assert_eq!(id.to_string(), "a.b.c");
        assert_eq!(
            id.parent.as_ref().map(ToString::to_string),
            Some("a.b".into())
        );
    }

    #[test]
    fn containers_with_different_parents_are_different() {
        let ids = HashSet::from([
            ContainerId::from("x"),
            ContainerId::from("a").child("x"),
            ContainerId::from("b").child("x"),
            ContainerId::from("a").child("x"),
        ]);
        assert_eq!(ids.len(), 3);
    }

    #[test]
    fn a_container_sorts_directly_before_its_children() {
        let (a, b) = (ContainerId::from("a"), ContainerId::from("b"));
        let mut ids = [b.clone(), a.child("z"), a.clone(), a.child("z").child("0")];
        ids.sort();
        assert_eq!(ids, [a.clone(), a.child("z"), a.child("z").child("0"), b]);
    }
}
