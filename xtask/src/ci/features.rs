//! Checks that the facade builds with every choice of features that a user is likely to make, and
//! that mesos-local builds as a library.

use std::path::Path;

use anyhow::{Context, Result};

use super::cargo::{cargo, packages};

const FACADE: &str = "mesos-sdk";
/// Tests depend on it without its program.
const LOCAL: &str = "mesos-local";

/// Checks the facade without features, with each alone, and with all, and mesos-local without.
///
/// # Errors
/// A combination does not build, or has a warning.
pub(super) fn run(root: &Path) -> Result<()> {
    let packages = packages(root)?;
    let facade = packages.iter().find(|package| package.name == FACADE);
    let facade = facade.with_context(|| format!("there is no crate `{FACADE}`"))?;
    let features = facade
        .features
        .keys()
        .map(String::as_str)
        .filter(|feature| *feature != "default");

    check(root, FACADE, &[])?;
    for feature in features {
        check(root, FACADE, &["--features", feature])?;
    }
    check(root, FACADE, &["--all-features"])?;
    check(root, LOCAL, &[])
}

fn check(root: &Path, package: &str, features: &[&str]) -> Result<()> {
    // Clippy, because its `-D warnings` does not rebuild the dependencies as RUSTFLAGS does.
    let args = [
        &[
            "clippy",
            "--quiet",
            "--package",
            package,
            "--no-default-features",
        ],
        features,
        &["--", "-D", "warnings"],
    ];
    cargo(root, &args.concat(), &[])
}
