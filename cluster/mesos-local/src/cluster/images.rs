//! Agents that run tasks on the filesystems of images.

use std::fs;
use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::wire::CGROUPS_VARIABLE;

/// The bit of the capability in `linux/capability.h`.
const CAP_SYS_ADMIN: u64 = 1 << 21;

/// Fails if this user or machine cannot have such agents.
pub(super) fn check(source: &str) -> Result<(), Error> {
    let fail = |message: String| Err(Error::new(ErrorKind::Config, message));
    if !source.starts_with("http://") && !source.starts_with("https://") {
        let path = Path::new(source);
        if !path.is_absolute() || !path.is_dir() {
            return fail(format!(
                "the source of images {source:?} is neither the absolute path of a directory nor an \
                 address that starts with https:// or http://"
            ));
        }
    }
    match lacking() {
        Some(what) => fail(format!("agents with images need {what}")),
        None => Ok(()),
    }
}

/// What this process or machine needs for agents with images and does not have.
pub(crate) fn lacking() -> Option<&'static str> {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    if !can_mount(&read("/proc/self/status")) {
        return Some("root with the capability CAP_SYS_ADMIN, because they mount filesystems");
    }
    if !has_freezer(&read("/proc/cgroups")) {
        return Some("the freezer of cgroups version 1, which this kernel does not have");
    }
    None
}

/// Whether the text of `/proc/PID/status` has root with CAP_SYS_ADMIN.
fn can_mount(status: &str) -> bool {
    let line = |name| status.lines().find_map(|line| line.strip_prefix(name));
    let user = line("Uid:").and_then(|ids| ids.split_whitespace().nth(1));
    let capabilities = line("CapEff:").map(|text| u64::from_str_radix(text.trim(), 16));
    user == Some("0") && matches!(capabilities, Some(Ok(bits)) if bits & CAP_SYS_ADMIN != 0)
}

/// Whether the text of `/proc/cgroups` lists the freezer as enabled.
fn has_freezer(controllers: &str) -> bool {
    controllers.lines().any(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("freezer") && words.next_back() == Some("1")
    })
}

/// The flags of the agents.
pub(super) fn variables(work_dir: &str, source: &str) -> Vec<(String, String)> {
    // An agent ends the containers in its group that it does not know, so each cluster has a group.
    let name = Path::new(work_dir).file_name().unwrap_or_default();
    let group = format!("mesos-local-{}-{}", std::process::id(), name.display());
    [
        ("MESOS_LAUNCHER", "linux"),
        (
            "MESOS_ISOLATION",
            "filesystem/linux,docker/runtime,posix/cpu,posix/mem,posix/rlimits,\
             volume/sandbox_path",
        ),
        ("MESOS_IMAGE_PROVIDERS", "docker"),
        ("MESOS_IMAGE_PROVISIONER_BACKEND", "copy"),
        ("MESOS_DOCKER_REGISTRY", source),
        (CGROUPS_VARIABLE, &group),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freezer_is_found_if_it_is_enabled() {
        let table =
            |enabled| format!("#subsys_name\thierarchy\nfreezer\t6\t2\t{enabled}\npids\t8\t1\t1\n");
        assert!(has_freezer(&table(1)));
        assert!(!has_freezer(&table(0)));
        assert!(!has_freezer("pids\t8\t1\t1\n"));
    }

    #[test]
    fn only_root_with_the_capability_can_mount() {
        let status = |user, bits| format!("Name:\tx\nUid:\t0\t{user}\t0\t0\nCapEff:\t{bits}\n");
        assert!(can_mount(&status(0, "000001ffffffffff")));
        assert!(!can_mount(&status(1000, "000001ffffffffff")));
        assert!(!can_mount(&status(0, "00000000a80425fb")));
        assert!(!can_mount(""));
    }

    #[test]
    fn a_source_that_is_neither_a_directory_nor_an_address_is_refused() {
        for source in ["images", "/no/such/directory", "ftp://images"] {
            let error = check(source).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.report().contains(source), "{}", error.report());
        }
    }
}
