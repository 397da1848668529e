//! The release of a master.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

/// A release of Mesos, such as 1.11.0. Releases compare by their numbers.
///
/// ```
/// use mesos::MesosVersion;
///
/// let version: MesosVersion = "1.12.0-dev".parse()?;
/// assert!(version > MesosVersion::new(1, 9, 0));
/// assert_eq!(version.to_string(), "1.12.0");
/// # Ok::<(), mesos::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MesosVersion {
    major: u32,
    minor: u32,
    patch: u32,
}

impl MesosVersion {
    /// The release with these numbers.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }
}

/// One to three numbers, and perhaps a label such as `-rc1` or `-dev`, which is ignored.
impl FromStr for MesosVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || {
            let text = format!("{text:?} is not a release of Mesos; write it as in \"1.11.0\"");
            Error::new(ErrorKind::Config, text)
        };
        let numbers = text.split(['-', '+']).next().unwrap_or_default();
        let mut found = [0; 3];
        let mut places = found.iter_mut();
        for number in numbers.split('.') {
            *places.next().ok_or_else(wrong)? = number.parse().map_err(|_| wrong())?;
        }
        let [major, minor, patch] = found;
        Ok(Self::new(major, minor, patch))
    }
}

impl fmt::Display for MesosVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_compare_by_their_numbers() {
        let version = |text: &str| text.parse::<MesosVersion>().unwrap();
        assert!(version("1.9.0") < version("1.11.0"));
        assert!(version("1.11.0") < version("1.11.1"));
        assert_eq!(version("1.9"), MesosVersion::new(1, 9, 0));
        assert_eq!(version("1.12.0-rc2+build"), MesosVersion::new(1, 12, 0));
    }

    #[test]
    fn a_text_that_is_not_a_release_is_an_error_with_the_text() {
        for text in ["", "1.", "v1.9", "1.2.3.4", "1.-2", "-dev"] {
            let error = text.parse::<MesosVersion>().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }
}
