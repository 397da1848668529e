//! The house rules that no other tool knows.

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use super::files::{files, is_generated};

/// A file is one idea; what is longer has a reason here.
const MOST_LINES: usize = 500;
const LONG: [(&str, &str); 3] = [
    (
        "mesos-proto/tests/json.rs",
        "one short test for each rule of one mapping",
    ),
    (
        "testing/mesos-testing/tests/it/checks.rs",
        "one short test for each check that a request has to pass, in the master's order",
    ),
    (
        "testing/mesos-testing/tests/it/cluster.rs",
        "one short test for each rule of one model of a cluster",
    ),
];

/// Package registries, as the labels of their names: each user's machine says which one it asks,
/// so none is written into the project, not even here.
const REGISTRIES: [&[&str]; 5] = [
    &["crates", "io"],
    &["pypi", "org"],
    &["pythonhosted", "org"],
    &["npmjs", "org"],
    &["rubygems", "org"],
];

/// What has to stand in the line of a test's `sleep`, or in the one before, followed by the reason.
const SLEEP_MARK: &str = "// sleep: ";

/// Looks at every file that git knows or would take.
///
/// # Errors
/// Every place that breaks a rule, with the rule.
pub(super) fn run(root: &Path) -> Result<()> {
    let mut wrong = Vec::new();
    let mut long = Vec::new();
    for name in files(root)? {
        // Neither a file that is not text nor one that is listed and gone is this check's business.
        let Ok(text) = fs::read_to_string(root.join(&name)) else {
            continue;
        };
        wrong.extend(wrong_with(&name, &text));
        if text.lines().count() > MOST_LINES {
            long.push(name);
        }
    }
    for (name, _) in LONG
        .iter()
        .filter(|(name, _)| !long.iter().any(|long| long == name))
    {
        wrong.push(format!("{name}: is not over {MOST_LINES} lines any more; take it off the list in xtask/src/ci/tidy.rs"));
    }
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    Ok(())
}

fn wrong_with(name: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    // Cargo writes it, and into it where packages come from.
    if name.rsplit('/').next() != Some("Cargo.lock") {
        wrong.extend(registries(name, text));
    }
    if !name.ends_with(".rs") || is_generated(text) {
        return wrong;
    }
    if !text.starts_with("//!") && !text.starts_with("#!") {
        wrong.push(format!(
            "{name}:1: a module begins with `//!`: what it is for, and what it leaves to others"
        ));
    }
    let lines = text.lines().count();
    if lines > MOST_LINES && LONG.iter().all(|(long, _)| *long != name) {
        wrong.push(format!(
            "{name}: {lines} lines: split it, or say in xtask/src/ci/tidy.rs why it is one idea"
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
                "{name}:{number}: a package registry's host name: the user's machine says which"
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
        if in_tests && !reason && calls_sleep(line) {
            wrong.push(format!(
                "{name}:{number}: a test that sleeps: wait for a signal, or give the reason after `{SLEEP_MARK}`"
            ));
        }
        before = line;
    }
    wrong
}

fn calls_sleep(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    // After an odd number of quotes it is text.
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
        wrong_with(name, text).into_iter().map(rule).collect()
    }

    #[test]
    fn a_module_without_a_head_is_found_unless_it_is_generated() {
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
    fn a_long_file_is_found() {
        let text = |lines: usize| HEAD.to_owned() + &"\n".repeat(lines - 1);
        assert_eq!(found("a/src/b.rs", &text(MOST_LINES)), [""; 0]);
        assert_eq!(found("a/src/b.rs", &text(MOST_LINES + 1)), ["501 lines"]);
        assert_eq!(found(LONG[0].0, &text(MOST_LINES + 1)), [""; 0]);
    }

    #[test]
    fn a_sleep_in_a_test_is_found_unless_its_reason_is_given() {
        let sleep = "    thread::sleep(SECOND);\n";
        assert_eq!(found("a/src/b.rs", &format!("{HEAD}{sleep}")), [""; 0]);
        let wrong = ["a test that sleeps"];
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
    fn a_registry_is_found_in_any_file_but_cargos_own() {
        let text = format!("see https://{}/simple\n", REGISTRIES[1].join("."));
        assert_eq!(
            found("README.md", &text),
            ["a package registry's host name"]
        );
        for cargos in ["Cargo.lock", "testing/fuzz/Cargo.lock"] {
            assert_eq!(found(cargos, &text), [""; 0]);
        }
    }
}
