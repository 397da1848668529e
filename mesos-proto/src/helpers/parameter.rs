//! Parameters: keys with values, for Docker options and volume drivers.

use std::fmt::Display;

use crate::v1::{Parameter, Parameters};

impl Parameter {
    /// A parameter. The value is anything that can be displayed.
    pub fn new(key: impl Into<String>, value: impl Display) -> Self {
        Self {
            key: key.into(),
            value: value.to_string(),
        }
    }
}

/// ```
/// use mesos::v1::Parameters;
///
/// let options = Parameters::from_iter([("size", 16), ("replicas", 2)]);
/// assert_eq!(options.parameter[0].value, "16");
/// ```
impl<K: Into<String>, V: Display> FromIterator<(K, V)> for Parameters {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(parameters: I) -> Self {
        Self {
            parameter: parameters
                .into_iter()
                .map(|(key, value)| Parameter::new(key, value))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_keep_their_order_and_repeated_keys() {
        let parameters = Parameters::from_iter([("v", "/a:/b"), ("v", "/c:/d")]);
        assert_eq!(
            parameters.parameter,
            [Parameter::new("v", "/a:/b"), Parameter::new("v", "/c:/d")]
        );
    }
}
