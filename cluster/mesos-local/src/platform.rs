//! The machines that the downloadable libmesos supports.

use crate::error::{Error, ErrorKind};

/// Fails, with advice, unless the machine is Linux on x86-64.
///
/// The arguments are values of [`std::env::consts`]; a test passes those of other machines.
pub(crate) fn check(os: &str, arch: &str) -> Result<(), Error> {
    if os == "linux" && arch == "x86_64" {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::UnsupportedPlatform,
        format!(
            "a local Mesos needs Linux on x86-64 (libmesos is released for nothing else), but this \
             machine is {os} on {arch}: use a Mesos on another machine (`--master \
             http://HOST:PORT`), or a Linux x86-64 virtual machine or container"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_on_other_machines_says_what_to_do() {
        for (os, arch) in [
            ("macos", "aarch64"),
            ("linux", "aarch64"),
            ("windows", "x86_64"),
        ] {
            let error = check(os, arch).expect_err("not Linux on x86-64");
            assert_eq!(error.kind(), ErrorKind::UnsupportedPlatform);
            let text = error.to_string();
            for part in [os, arch, "--master", "virtual machine or container"] {
                assert!(text.contains(part), "{part:?} is missing in: {text}");
            }
        }
    }

    #[test]
    fn linux_on_x86_64_is_accepted() {
        assert!(check("linux", "x86_64").is_ok());
    }
}
