//! Attributes of agents.

use std::ops::RangeInclusive;

use crate::v1::value::{Ranges, Scalar, Set, Text, Type};
use crate::v1::{Attribute, Offer};

/// Agents report attributes of the types text, scalar and ranges; `docs/attributes-resources.md`
/// of Mesos has the form of the agent's flag `--attributes`.
///
/// ```
/// use mesos::v1::Attribute;
///
/// let attributes = [
///     Attribute::text("rack", "r1"),
///     Attribute::scalar("level", 3.0),
///     Attribute::ranges("uplinks", [1..=4]),
/// ];
/// assert_eq!(attributes[0].as_text(), Some("r1"));
/// assert_eq!(attributes[1].as_scalar(), Some(3.0));
/// ```
impl Attribute {
    /// An attribute that is text.
    pub fn text(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            text: Some(Text {
                value: value.into(),
            }),
            ..Self::new(name, Type::Text)
        }
    }

    /// An attribute that is a number. Mesos keeps three decimals.
    pub fn scalar(name: impl Into<String>, value: f64) -> Self {
        Self {
            scalar: Some(Scalar { value }),
            ..Self::new(name, Type::Scalar)
        }
    }

    /// An attribute that is ranges of numbers, both ends of each range included.
    pub fn ranges(
        name: impl Into<String>,
        ranges: impl IntoIterator<Item = RangeInclusive<u64>>,
    ) -> Self {
        Self {
            ranges: Some(Ranges::from_iter(ranges)),
            ..Self::new(name, Type::Ranges)
        }
    }

    /// An attribute that is a set of texts. Agents never report sets.
    pub fn set<S: Into<String>>(
        name: impl Into<String>,
        items: impl IntoIterator<Item = S>,
    ) -> Self {
        Self {
            set: Some(Set::from_iter(items)),
            ..Self::new(name, Type::Set)
        }
    }

    fn new(name: impl Into<String>, r#type: Type) -> Self {
        Self {
            name: name.into(),
            r#type: r#type.into(),
            ..Self::default()
        }
    }

    /// The text, if the attribute is text.
    pub fn as_text(&self) -> Option<&str> {
        self.text.as_ref().map(|text| text.value.as_str())
    }

    /// The number, if the attribute is a number.
    pub fn as_scalar(&self) -> Option<f64> {
        self.scalar.map(|scalar| scalar.value)
    }
}

impl Offer {
    /// The first attribute of the agent with this name. An agent can report several attributes
    /// with one name; offer constraints check only the first, too.
    ///
    /// ```
    /// use mesos::v1::{Attribute, Offer};
    ///
    /// let offer = Offer {
    ///     attributes: vec![Attribute::text("rack", "r1")],
    ///     ..Offer::default()
    /// };
    /// let rack = offer.attribute("rack").and_then(Attribute::as_text);
    /// assert_eq!(rack, Some("r1"));
    /// ```
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_constructor_sets_the_type_of_its_value() {
        let cases = [
            (Attribute::text("a", "x"), Type::Text),
            (Attribute::scalar("a", 0.5), Type::Scalar),
            (Attribute::ranges("a", [1..=2]), Type::Ranges),
            (Attribute::set("a", ["x"]), Type::Set),
        ];
        for (attribute, r#type) in cases {
            assert_eq!(attribute.r#type(), r#type);
            assert_eq!(attribute.text.is_some(), r#type == Type::Text);
            assert_eq!(attribute.scalar.is_some(), r#type == Type::Scalar);
            assert_eq!(attribute.ranges.is_some(), r#type == Type::Ranges);
            assert_eq!(attribute.set.is_some(), r#type == Type::Set);
        }
    }

    #[test]
    fn an_attribute_of_another_type_has_no_text() {
        let level = Attribute::scalar("level", 3.0);
        assert_eq!((level.as_text(), level.as_scalar()), (None, Some(3.0)));
    }

    #[test]
    fn the_first_of_two_attributes_with_one_name_is_found() {
        let offer = Offer {
            attributes: vec![Attribute::text("r", "1"), Attribute::text("r", "2")],
            ..Offer::default()
        };
        assert_eq!(offer.attribute("r").unwrap().as_text(), Some("1"));
        assert_eq!(offer.attribute("s"), None);
    }
}
