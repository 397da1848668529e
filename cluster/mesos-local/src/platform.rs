//! Which machines the downloadable libmesos runs on. It leaves the download itself to `fetch`.

use crate::error::{Error, ErrorKind};

/// Fails, saying what to do instead, unless the machine is Linux on x86-64.
///
/// The arguments are in the terms of [`std::env::consts`]; they are arguments so that a test on
/// one machine can ask about another.
pub(crate) fn check(os: &str, arch: &str) -> Result<(), Error> {
    if os == "linux" && arch == "x86_64" {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::UnsupportedPlatform,
        format!(
            "a local Mesos needs Linux on x86-64 (the released libmesos exists for nothing else), \
             but this is {os} on {arch}: use a Mesos that runs elsewhere (`--master \
             http://HOST:PORT`), or work inside a Linux x86-64 virtual machine or container"
        ),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_other_than_linux_x86_64_is_told_what_to_do_instead() {
        for (os, arch) in [
            ("macos", "aarch64"),
            ("linux", "aarch64"),
            ("windows", "x86_64"),
        ] {
            let error = check(os, arch).expect_err("only Linux on x86-64 will do");
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
