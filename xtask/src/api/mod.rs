//! `cargo xtask api`: snapshots of the public API in `xtask/public-api`, so that a change of the
//! API is seen in the diff of a commit.
//!
//! rustdoc writes the API as JSON, `generated.rs` removes what codegen writes, and
//! cargo-public-api lists what remains: one item a line.

mod generated;
mod snapshot;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::cargo::{cargo, target_dir};
use crate::generated::{Files, Generated};
use crate::output::output;
use crate::skipped::{self, Skipped};
use snapshot::{Snapshot, differences};

/// The crates that users depend on.
const CRATES: [&str; 13] = [
    "mesos-sdk",
    "mesos-core",
    "mesos-framework",
    "mesos-http",
    "mesos-local",
    "mesos-native",
    "mesos-placement",
    "mesos-process",
    "mesos-proto",
    "mesos-replay",
    "mesos-status",
    "mesos-testing",
    "mesos-zookeeper",
];
const DIR: &str = "xtask/public-api";
const REPAIR: &str = "cargo xtask api";

/// Writes the snapshots, or with `check` compares them with the code.
///
/// # Errors
/// [`Skipped`] if cargo-public-api is not installed, or if the snapshots were written with other
/// versions of the tools. A crate does not build. With `check`, each item that was added to the
/// API or removed from it.
pub(crate) fn run(root: &Path, check: bool) -> Result<()> {
    let tool = skipped::version(&["cargo", "public-api"], "cargo-public-api")?;
    let json = rustdoc_json(root)?;
    let mut snapshots = Vec::new();
    for name in CRATES.map(library) {
        let file = json.join(name.replace('-', "_")).with_extension("json");
        let snapshot = snapshot(root, &file, &tool);
        snapshots.push((
            name,
            snapshot.with_context(|| format!("at the crate {name}"))?,
        ));
    }
    let dir = root.join(DIR);
    if check {
        return compare(&dir, &snapshots);
    }
    let files: Files = snapshots
        .into_iter()
        .map(|(name, snapshot)| (format!("{name}.txt"), snapshot.to_string()))
        .collect();
    Generated {
        dir: &dir,
        files,
        owns_dir: true,
        repair: REPAIR,
    }
    .write_or_check(false)
}

/// The name of a crate in programs.
fn library(package: &'static str) -> &'static str {
    match package {
        "mesos-sdk" => "mesos",
        package => package,
    }
}

/// Writes the JSON of all crates, and returns its folder.
fn rustdoc_json(root: &Path) -> Result<std::path::PathBuf> {
    // In a folder of its own: RUSTC_BOOTSTRAP would make cargo rebuild the dependencies of every
    // other build.
    let target = target_dir(root)?.join("public-api");
    let shown = target.to_string_lossy();
    let mut args = vec!["doc", "--quiet", "--lib", "--no-deps", "--all-features"];
    args.extend(["--target-dir", &shown]);
    args.extend(CRATES.iter().flat_map(|name| ["--package", *name]));
    let environment = [
        // rustdoc's JSON is not stable.
        ("RUSTC_BOOTSTRAP", "1"),
        // Lints are for the step `docs`.
        (
            "RUSTDOCFLAGS",
            "-Z unstable-options --output-format json --cap-lints allow",
        ),
    ];
    cargo(root, &args, &environment)?;
    Ok(target.join("doc"))
}

fn snapshot(root: &Path, file: &Path, tool: &str) -> Result<Snapshot> {
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    let mut json: Value =
        serde_json::from_str(&text).with_context(|| format!("cannot decode {shown} as JSON"))?;
    generated::remove(&mut json);
    let format = json.get("format_version").and_then(Value::as_u64);
    let format = format.with_context(|| format!("{shown} has no `format_version`"))?;

    let written_by_hand = file.with_extension("filtered.json");
    fs::write(&written_by_hand, json.to_string())
        .with_context(|| format!("cannot write {}", written_by_hand.display()))?;
    let mut list = Command::new("cargo");
    // Without blanket implementations and auto traits, which are in the API of every type.
    list.args(["public-api", "-ss", "--color=never", "--rustdoc-json"])
        .arg(&written_by_hand)
        .current_dir(root);
    let items = output(&mut list).with_context(|| format!("rustdoc JSON format {format}"))?;
    // No user can name this trait of the compiler.
    let is_public = |item: &&str| !item.starts_with("impl core::marker::StructuralPartialEq for ");
    Ok(Snapshot {
        tools: format!("{tool}, rustdoc JSON format {format}"),
        items: items.lines().filter(is_public).map(str::to_owned).collect(),
    })
}

fn compare(dir: &Path, snapshots: &[(&str, Snapshot)]) -> Result<()> {
    let mut wrong = Vec::new();
    for (name, now) in snapshots {
        let path = dir.join(format!("{name}.txt"));
        let committed = match fs::read_to_string(&path) {
            Ok(text) => text.parse::<Snapshot>()?,
            Err(error) => {
                return Err(error).with_context(|| {
                    format!("cannot read {}; `{REPAIR}` writes it", path.display())
                });
            }
        };
        if committed.tools != now.tools {
            return Err(Skipped(format!(
                "{DIR}/{name}.txt was written by {}, and this is {}",
                committed.tools, now.tools
            ))
            .into());
        }
        let changed = differences(&committed.items, &now.items);
        if !changed.is_empty() {
            wrong.push(format!("{name}:\n{}", changed.join("\n")));
        }
    }
    if !wrong.is_empty() {
        bail!(
            "the public API changed:\n{}\nif this is intended, run `{REPAIR}`",
            wrong.join("\n")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(tools: &str, items: &[&str]) -> Snapshot {
        Snapshot {
            tools: tools.to_owned(),
            items: items.iter().map(|item| item.to_string()).collect(),
        }
    }

    fn committed(snapshot: &Snapshot) -> Result<tempfile::TempDir> {
        let dir = tempfile::tempdir()?;
        fs::write(dir.path().join("mesos.txt"), snapshot.to_string())?;
        Ok(dir)
    }

    #[test]
    fn an_unchanged_api_passes() -> Result<()> {
        let now = snapshot("tool 1", &["pub mod mesos", "pub fn mesos::run()"]);
        compare(committed(&now)?.path(), &[("mesos", now)])
    }

    #[test]
    fn every_added_and_every_removed_item_is_reported() -> Result<()> {
        let dir = committed(&snapshot(
            "tool 1",
            &["pub mod mesos", "pub fn mesos::run()"],
        ))?;
        let now = snapshot("tool 1", &["pub mod mesos", "pub fn mesos::start()"]);
        let error = compare(dir.path(), &[("mesos", now)]).expect_err("the API changed");
        assert_eq!(
            error.to_string(),
            "the public API changed:\nmesos:\n- pub fn mesos::run()\n+ pub fn mesos::start()\n\
             if this is intended, run `cargo xtask api`"
        );
        Ok(())
    }

    #[test]
    fn snapshots_of_other_tools_are_not_compared() -> Result<()> {
        let dir = committed(&snapshot("tool 1", &["pub mod mesos"]))?;
        let error = compare(dir.path(), &[("mesos", snapshot("tool 2", &[]))]);
        let error = error.expect_err("nothing was compared");
        assert!(error.is::<Skipped>(), "{error}");
        Ok(())
    }
}
