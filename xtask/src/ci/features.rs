//! The facade builds with whatever features a user may pick.

use std::path::Path;

use anyhow::{Context, Result};

use super::cargo::{cargo, packages};

const FACADE: &str = "mesos";

/// Checks the facade without features, with each alone, and with all.
///
/// # Errors
/// A combination that does not build without a warning.
pub(super) fn run(root: &Path) -> Result<()> {
    let packages = packages(root)?;
    let facade = packages.iter().find(|package| package.name == FACADE);
    let facade = facade.with_context(|| format!("there is no crate `{FACADE}`"))?;
    let features = facade
        .features
        .keys()
        .map(String::as_str)
        .filter(|feature| *feature != "default");

    check(root, &[])?;
    for feature in features {
        check(root, &["--features", feature])?;
    }
    check(root, &["--all-features"])
}

fn check(root: &Path, features: &[&str]) -> Result<()> {
    // Clippy, because its -D warnings leaves the dependencies' builds as they are; RUSTFLAGS does not.
    let args = [
        &[
            "clippy",
            "--quiet",
            "--package",
            FACADE,
            "--no-default-features",
        ],
        features,
        &["--", "-D", "warnings"],
    ];
    cargo(root, &args.concat(), &[])
}
