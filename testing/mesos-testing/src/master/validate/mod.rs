//! The checks of a master, with the master's own texts: src/master/validation.cpp,
//! src/common/validation.cpp, and `Resources::validate` in src/common/resources.cpp. Clients
//! distinguish refusals by these texts, so the texts are part of the protocol.
//!
//! Each file is about one message, and each function names its function in the source of Mesos. The
//! order of the checks decides which text a client receives. `tests/it/validation` plays every check
//! on a real Mesos, too.
//!
//! A text that contains a printed resource differs from the text of Mesos in the form of the
//! resource.

mod call;
mod check;
mod container;
mod executor;
mod framework;
pub(super) mod group;
pub(super) mod operation;
pub(super) mod prepare;
pub(super) mod resource;
mod role;
pub(super) mod task;
mod usable;

pub(crate) use self::call::{call, principal_differs, uuid};
pub(crate) use self::framework::{
    constraints, failover_timeout, framework, roles_of, same_principal, update,
};

/// An error is the text of the refusal.
pub(crate) type Check = Result<(), String>;

fn refuse(why: impl Into<String>) -> Check {
    Err(why.into())
}

/// Adds what is checked to the text.
trait Within {
    fn within(self, what: &str) -> Self;
}

impl<T> Within for Result<T, String> {
    fn within(self, what: &str) -> Self {
        self.map_err(|why| format!("{what}: {why}"))
    }
}

/// `common::validation::validateID`.
pub(crate) fn id(id: &str) -> Check {
    match id {
        "" => refuse("ID must not be empty"),
        "." | ".." => Err(format!("'{id}' is disallowed")),
        _ if id.len() > 255 => refuse("ID must not be greater than 255 characters"),
        _ if id
            .bytes()
            .any(|byte| byte.is_ascii_control() || byte == b'/' || byte == b'\\') =>
        {
            Err(format!("'{id}' contains invalid characters"))
        }
        _ => Ok(()),
    }
}

/// A number as `stringify` prints it: six digits.
fn number(value: f64) -> String {
    let scientific = format!("{value:.5e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return value.to_string();
    };
    let trimmed = |digits: &str| match digits.contains('.') {
        true => digits
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned(),
        false => digits.to_owned(),
    };
    match exponent.parse::<i32>() {
        Ok(exponent @ -4..=5) => {
            let places = usize::try_from(5 - exponent).unwrap_or_default();
            trimmed(&format!("{value:.places$}"))
        }
        Ok(exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", trimmed(digits), exponent.abs())
        }
        Err(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_printed_with_six_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.009, "0.009"),
            (-1.0, "-1"),
            (0.1 + 0.2, "0.3"),
            (123_456.0, "123456"),
            (1_234_567.0, "1.23457e+06"),
            (1e12, "1e+12"),
            (0.00012, "0.00012"),
            (0.000_012, "1.2e-05"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn an_id_has_1_to_255_bytes_without_slashes_and_control_characters() {
        for good in ["a", "a b", "a.b", "...", &"x".repeat(255), "ä"] {
            assert_eq!(id(good), Ok(()), "{good:?}");
        }
        for bad in ["", ".", "..", "a/b", "a\\b", "a\n", &"x".repeat(256)] {
            assert!(id(bad).is_err(), "{bad:?}");
        }
    }
}
