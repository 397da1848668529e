//! Runs cargo, and reads what cargo reports about the workspace and about a build.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::output::output;

/// Runs cargo with its output shown.
///
/// # Errors
/// Cargo cannot be started, or fails.
pub(crate) fn cargo(root: &Path, args: &[&str], environment: &[(&str, &str)]) -> Result<()> {
    let shown = format!("cargo {}", args.join(" "));
    let status = command(root)
        .args(args)
        .envs(environment.iter().copied())
        .status()
        .with_context(|| format!("cannot run `{shown}`"))?;
    if !status.success() {
        let variables: String = environment
            .iter()
            .map(|(name, value)| format!("{name}='{value}' "))
            .collect();
        bail!("`{variables}{shown}` failed ({status})");
    }
    Ok(())
}

/// A program that cargo built.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Executable {
    /// The name of the cargo target.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    /// Whether the program is a test harness.
    pub(crate) is_test: bool,
}

/// Runs a cargo command that builds, with these environment variables, and with cargo's progress and
/// diagnostics shown.
///
/// # Errors
/// Cargo cannot be started, or fails.
pub(crate) fn build(
    root: &Path,
    args: &[&str],
    environment: &[(&str, &str)],
) -> Result<Vec<Executable>> {
    let shown = format!("cargo {}", args.join(" "));
    let mut build = command(root)
        .args(args)
        .envs(environment.iter().copied())
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run `{shown}`"))?;
    let mut executables = Vec::new();
    if let Some(stdout) = build.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.with_context(|| format!("cannot read the output of `{shown}`"))?;
            executables.extend(executable(&line));
        }
    }
    let status = build
        .wait()
        .with_context(|| format!("cannot wait for `{shown}`"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(executables)
}

/// The executable in one of cargo's messages. Most messages have no executable.
fn executable(message: &str) -> Option<Executable> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
        profile: Profile,
        target: Named,
    }
    #[derive(Deserialize)]
    struct Profile {
        test: bool,
    }
    #[derive(Deserialize)]
    struct Named {
        name: String,
    }
    let message: Message = serde_json::from_str(message).ok()?;
    Some(Executable {
        name: message.target.name,
        path: message.executable?,
        is_test: message.profile.test,
    })
}

fn command(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// The parts of `cargo metadata` that are used.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

/// A crate of the workspace.
#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) description: Option<String>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) readme: Option<String>,
    pub(crate) license: Option<String>,
    /// The registries that the crate may be published to; `None` for all.
    pub(crate) publish: Option<Vec<String>>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) features: std::collections::BTreeMap<String, Vec<String>>,
    pub(crate) targets: Vec<Target>,
}

impl Package {
    pub(crate) fn is_published(&self) -> bool {
        self.publish
            .as_ref()
            .is_none_or(|registries| !registries.is_empty())
    }
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// The versions that fit; `*` for a path without a version.
    pub(crate) req: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
    pub(crate) features: Vec<String>,
    /// Set for a crate of the workspace.
    pub(crate) path: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
}

/// The crates of the workspace.
///
/// # Errors
/// `cargo metadata` cannot be run, fails, or has a format that is not known.
pub(crate) fn packages(root: &Path) -> Result<Vec<Package>> {
    Ok(metadata(root)?.packages)
}

/// The folder that cargo builds in.
///
/// # Errors
/// As `packages`.
pub(crate) fn target_dir(root: &Path) -> Result<PathBuf> {
    Ok(metadata(root)?.target_directory)
}

fn metadata(root: &Path) -> Result<Metadata> {
    let mut metadata = command(root);
    metadata.args(["metadata", "--format-version", "1", "--no-deps"]);
    let metadata = output(&mut metadata)?;
    serde_json::from_str(&metadata).context("cannot decode the output of `cargo metadata`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_read_from_cargos_messages() {
        let read = |path: &str, test: bool| {
            executable(&format!(
                r#"{{"reason": "compiler-artifact", "executable": {path},
                    "profile": {{"test": {test}}}, "target": {{"name": "executor"}}}}"#
            ))
        };
        let executable_with = |test| Executable {
            name: "executor".to_owned(),
            path: "/target/executor-1".into(),
            is_test: test,
        };
        for test in [true, false] {
            assert_eq!(
                read(r#""/target/executor-1""#, test),
                Some(executable_with(test))
            );
        }
        assert_eq!(read("null", true), None);
        assert_eq!(
            executable(r#"{"reason": "build-finished", "success": true}"#),
            None
        );
    }
}
