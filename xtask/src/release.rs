//! `cargo xtask release`: checks that the crates can be published, and publishes them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::cargo::{Package, cargo, packages};

/// Checks the manifests, packages every published crate, and builds each package without the
/// workspace. With `publish`, then publishes the crates in the order of their dependencies.
///
/// # Errors
/// A manifest breaks a rule, a package does not build, or cargo cannot publish.
pub(crate) fn run(root: &Path, publish: bool) -> Result<()> {
    check_changelog(root, &packages(root)?)?;
    package(root, Build::Yes)?;
    if publish {
        cargo(root, &["publish", "--workspace"], &[])?;
    }
    Ok(())
}

/// Whether packages are built, which takes minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Build {
    Yes,
    No,
}

/// Checks the manifests, packages every published crate, and builds each package without the
/// workspace if `build` says so.
///
/// # Errors
/// A manifest breaks a rule, or a package does not build.
pub(crate) fn package(root: &Path, build: Build) -> Result<()> {
    let packages = packages(root)?;
    let wrong: Vec<_> = packages.iter().flat_map(wrong_with).collect();
    if !wrong.is_empty() {
        bail!("{}", wrong.join("\n"));
    }
    let private = packages.iter().filter(|package| !package.is_published());
    let mut args = vec!["package", "--workspace", "--allow-dirty", "--quiet"];
    args.extend(private.flat_map(|package| ["--exclude", package.name.as_str()]));
    if build == Build::No {
        args.push("--no-verify");
    }
    cargo(root, &args, &[])
}

/// The newest section of the changelog must be about the version that is published.
fn check_changelog(root: &Path, packages: &[Package]) -> Result<()> {
    let Some(package) = packages.iter().find(|package| package.is_published()) else {
        bail!("the workspace has no crate to publish");
    };
    let path = root.join("CHANGELOG.md");
    let text =
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let newest = text.lines().find(|line| line.starts_with("## "));
    if !newest.is_some_and(|line| line.contains(&package.version)) {
        bail!(
            "the first section of CHANGELOG.md is {:?}, but the version is {}",
            newest.unwrap_or_default(),
            package.version
        );
    }
    Ok(())
}

/// The rules that a manifest of a published crate breaks.
fn wrong_with(package: &Package) -> Vec<String> {
    if !package.is_published() {
        return Vec::new();
    }
    let name = &package.name;
    let missing = [
        ("description", package.description.is_none()),
        ("keywords", package.keywords.is_empty()),
        ("categories", package.categories.is_empty()),
        ("readme", package.readme.is_none()),
        ("license", package.license.is_none()),
    ];
    let missing = missing.iter().filter(|(_, missing)| *missing);
    let mut wrong: Vec<_> = missing
        .map(|(field, _)| format!("{name} has no `{field}`"))
        .collect();
    // The license requires that copies of the code contain the license.
    if !package.manifest_path.with_file_name("LICENSE").exists() {
        wrong.push(format!(
            "{name} has no LICENSE; add a symbolic link to the LICENSE of the workspace"
        ));
    }
    for dependency in &package.dependencies {
        if dependency.path.is_none() {
            continue;
        }
        let other = &dependency.name;
        let development = dependency.kind.as_deref() == Some("dev");
        // Cargo removes a path without a version from the package. With a version, crates that
        // test each other could not be published, because each would need the other first.
        if development && dependency.req != "*" {
            wrong.push(format!(
                "{name}: the dev-dependency {other} must have a path and no version"
            ));
        }
        // The crates use each other's hidden items, so only equal versions fit together.
        if !development && dependency.req != format!("={}", package.version) {
            wrong.push(format!(
                "{name}: the version of {other} must be \"={}\", but is {:?}",
                package.version, dependency.req
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(dependencies: &str) -> Package {
        let text = format!(
            r#"{{"name": "mesos-core", "version": "0.2.0", "description": "d", "keywords": ["k"],
                "categories": ["c"], "readme": "README.md", "license": "L", "publish": null,
                "manifest_path": "{}", "features": {{}}, "targets": [],
                "dependencies": [{dependencies}]}}"#,
            // The LICENSE of this workspace is beside its manifest.
            concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")
        );
        serde_json::from_str(&text).expect("has the form of cargo metadata")
    }

    fn dependency(kind: &str, req: &str) -> String {
        format!(
            r#"{{"name": "mesos-proto", "path": "/w/mesos-proto", "kind": {kind}, "req": "{req}",
                "features": []}}"#
        )
    }

    #[test]
    fn siblings_are_pinned_and_dev_dependencies_have_no_version() {
        let right = package(&[dependency("null", "=0.2.0"), dependency(r#""dev""#, "*")].join(","));
        assert!(wrong_with(&right).is_empty());
        let wrong = package(
            &[
                dependency("null", "^0.2.0"),
                dependency(r#""dev""#, "=0.2.0"),
            ]
            .join(","),
        );
        assert_eq!(
            wrong_with(&wrong),
            [
                r#"mesos-core: the version of mesos-proto must be "=0.2.0", but is "^0.2.0""#,
                "mesos-core: the dev-dependency mesos-proto must have a path and no version",
            ]
        );
    }

    #[test]
    fn a_published_crate_needs_its_metadata_and_a_private_crate_does_not() {
        let mut package = package("");
        package.keywords.clear();
        package.readme = None;
        package.manifest_path = "/w/mesos-core/Cargo.toml".into();
        assert_eq!(
            wrong_with(&package),
            [
                "mesos-core has no `keywords`",
                "mesos-core has no `readme`",
                "mesos-core has no LICENSE; add a symbolic link to the LICENSE of the workspace",
            ]
        );
        package.publish = Some(Vec::new());
        assert!(wrong_with(&package).is_empty());
    }
}
