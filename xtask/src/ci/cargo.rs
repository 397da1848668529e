//! Calls cargo, and reads what it says about the workspace.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::Deserialize;

/// Runs cargo with its output shown.
///
/// # Errors
/// Cargo could not be started, or failed.
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

fn command(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

/// The part of `cargo metadata` that is looked at.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// One crate of the workspace.
#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) dependencies: Vec<Dependency>,
    pub(super) features: std::collections::BTreeMap<String, Vec<String>>,
    pub(super) targets: Vec<Target>,
}

#[derive(Deserialize)]
pub(super) struct Dependency {
    pub(super) name: String,
    /// Unset for a normal one, `dev` or `build`.
    pub(super) kind: Option<String>,
    pub(super) features: Vec<String>,
    /// Set where it is a crate of the workspace.
    pub(super) path: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Target {
    pub(super) kind: Vec<String>,
}

/// The crates of the workspace.
///
/// # Errors
/// Cargo could not be started or failed, or answered with what is not understood.
pub(super) fn packages(root: &Path) -> Result<Vec<Package>> {
    let output = command(root)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .context("cannot run `cargo metadata`")?;
    if !output.status.success() {
        bail!(
            "`cargo metadata` failed: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)
        .context("`cargo metadata` answered something new")?;
    Ok(metadata.packages)
}
