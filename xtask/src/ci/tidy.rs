//! Checks the rules of this project that no other tool checks.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use super::files::{files, is_generated};

/// A file is about one thing. A longer file needs a reason in `LONG`.
const MOST_LINES: usize = 500;
const LONG: [(&str, &str); 3] = [
    (
        "mesos-proto/tests/json.rs",
        "one short test for each rule of the JSON mapping",
    ),
    (
        "testing/mesos-testing/tests/it/checks.rs",
        "one short test for each check of a request, in the master's order",
    ),
    (
        "testing/mesos-testing/tests/it/cluster.rs",
        "one short test for each rule of the cluster model",
    ),
];

/// Package registries, as the labels of their host names. Each user's machine configures its
/// registry, so the project names none of them. The labels are separate because this file is
/// checked too.
const REGISTRIES: [&[&str]; 5] = [
    &["crates", "io"],
    &["pypi", "org"],
    &["pythonhosted", "org"],
    &["npmjs", "org"],
    &["rubygems", "org"],
];

/// The mark before the reason of a test's `sleep`, in the same line or in the line before.
const SLEEP_MARK: &str = "// sleep: ";

/// Checks every file that git tracks or would add.
///
/// # Errors
/// Each place that breaks a rule, with the rule.
pub(super) fn run(root: &Path) -> Result<()> {
    let mut wrong = Vec::new();
    let mut long = Vec::new();
    for name in files(root)? {
        // A file that is not UTF-8, or that was deleted without `git rm`, has nothing to check.
        let Ok(text) = fs::read_to_string(root.join(&name)) else {
            continue;
        };
        wrong.extend(violations(&name, &text));
        if text.lines().count() > MOST_LINES {
            long.push(name);
        }
    }
    for (name, _) in LONG
        .iter()
        .filter(|(name, _)| !long.iter().any(|long| long == name))
    {
        wrong.push(format!("{name}: has at most {MOST_LINES} lines; remove it from the list in xtask/src/ci/tidy.rs"));
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

fn violations(name: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    // Cargo writes the registry of each package into this file.
    if name.rsplit('/').next() != Some("Cargo.lock") {
        wrong.extend(registries(name, text));
    }
    if !name.ends_with(".rs") || is_generated(text) {
        return wrong;
    }
    if !text.starts_with("//!") && !text.starts_with("#!") {
        wrong.push(format!(
            "{name}:1: a module begins with `//!`: its purpose, and what other modules do instead"
        ));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES && LONG.iter().all(|(long, _)| *long != name) {
        wrong.push(format!(
            "{name}: {lines} lines: split the file, or add it with a reason to xtask/src/ci/tidy.rs"
        ));
    }
    wrong.extend(sleeps(name, text));
    wrong
}

fn registries(name: &str, text: &str) -> Vec<String> {
    let hosts: Vec<_> = REGISTRIES.iter().map(|labels| labels.join(".")).collect();
    let lines = (1..).zip(text.lines());
    let found = lines.filter(|(_, line)| hosts.iter().any(|host| line.contains(host)));
    found
        .map(|(number, _)| {
            format!(
                "{name}:{number}: a package registry's host name: the user's machine configures the registry"
            )
        })
        .collect()
}

fn sleeps(name: &str, text: &str) -> Vec<String> {
    let file_of_tests = name.contains("/tests/") || name.ends_with("/tests.rs");
    let mut in_tests = file_of_tests;
    let mut before = "";
    let mut wrong = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        in_tests |= line.trim() == "#[cfg(test)]";
        let reason = [line, before]
            .into_iter()
            .any(|line| line.contains(SLEEP_MARK));
        if in_tests && !reason && has_sleep_call(line) {
            wrong.push(format!(
                "{name}:{number}: a test sleeps: wait for a signal, or write the reason after `{SLEEP_MARK}`"
            ));
        }
        before = line;
    }
    wrong
}

fn has_sleep_call(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    // After an odd number of quotes, the match is in a string.
    code.split_once("sleep(")
        .is_some_and(|(before, _)| before.matches('"').count() % 2 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "//! A module.\n";

    fn found(name: &str, text: &str) -> Vec<String> {
        let rule = |line: String| {
            line.split(": ")
                .nth(1)
                .map(str::to_owned)
                .unwrap_or_default()
        };
        violations(name, text).into_iter().map(rule).collect()
    }

    #[test]
    fn a_module_without_a_doc_comment_is_reported_unless_it_is_generated() {
        assert_eq!(found("a/src/b.rs", HEAD), [""; 0]);
        assert_eq!(
            found("a/src/b.rs", "use c;\n"),
            ["a module begins with `//!`"]
        );
        assert_eq!(
            found("a/src/b.rs", "// This file is @generated.\n"),
            [""; 0]
        );
    }

    #[test]
    fn a_long_file_is_reported() {
        let text = |lines: usize| HEAD.to_owned() + &"\n".repeat(lines - 1);
        assert_eq!(found("a/src/b.rs", &text(MOST_LINES)), [""; 0]);
        assert_eq!(found("a/src/b.rs", &text(MOST_LINES + 1)), ["501 lines"]);
        assert_eq!(found(LONG[0].0, &text(MOST_LINES + 1)), [""; 0]);
    }

    #[test]
    fn a_sleep_in_a_test_is_reported_unless_it_has_a_reason() {
        let sleep = "    thread::sleep(SECOND);\n";
        assert_eq!(found("a/src/b.rs", &format!("{HEAD}{sleep}")), [""; 0]);
        let wrong = ["a test sleeps"];
        assert_eq!(found("a/tests/b.rs", &format!("{HEAD}{sleep}")), wrong);
        assert_eq!(
            found(
                "a/src/b.rs",
                &format!("{HEAD}#[cfg(test)]\nmod tests {{\n{sleep}}}\n")
            ),
            wrong
        );
        assert_eq!(
            found(
                "a/tests/b.rs",
                &format!("{HEAD}{SLEEP_MARK}paused clock\n{sleep}")
            ),
            [""; 0]
        );
    }

    #[test]
    fn a_registry_is_reported_in_every_file_except_cargo_lock() {
        let text = format!("see https://{}/simple\n", REGISTRIES[1].join("."));
        assert_eq!(
            found("README.md", &text),
            ["a package registry's host name"]
        );
        for lock in ["Cargo.lock", "testing/fuzz/Cargo.lock"] {
            assert_eq!(found(lock, &text), [""; 0]);
        }
    }
}
