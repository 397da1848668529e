//! `cargo xtask ci`: the checks of a change, except the tests, as a list of steps. Each step can
//! be run alone by its name.

mod english;
mod features;
mod files;
mod layers;
mod tidy;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};

use crate::cargo::{self, cargo};
use crate::skipped::{self, Skipped};
use crate::{api, bindgen, codegen, release};

/// One step of `cargo xtask ci`.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Path) -> Result<()>,
    /// The command that repairs a failure, unless the error of the step has it.
    repair: Option<&'static str>,
}

/// Fast steps first, because the first failure ends the run.
const STEPS: [Step; 12] = [
    Step {
        name: "fmt",
        what: "the code is formatted",
        run: |root| cargo(root, &["fmt", "--all", "--check"], &[]),
        repair: Some("cargo fmt --all"),
    },
    Step {
        name: "tidy",
        what: "the rules of this project that no other tool checks",
        run: tidy::run,
        repair: None,
    },
    Step {
        name: "english",
        what: "the English is plain and American",
        run: english::run,
        repair: None,
    },
    Step {
        name: "layers",
        what: "crates depend only on the crates that they may use",
        run: layers::run,
        repair: None,
    },
    Step {
        name: "codegen",
        what: "the generated messages match the .proto files",
        run: |root| codegen::run(root, true),
        repair: None,
    },
    Step {
        name: "bindgen",
        what: "the generated bindings match the C header",
        run: |root| bindgen::run(root, true),
        repair: None,
    },
    Step {
        name: "clippy",
        what: "clippy has no warnings, with all features",
        run: clippy,
        repair: None,
    },
    Step {
        name: "features",
        what: "the facade builds without features, with each feature alone, and with all; mesos-local without",
        run: features::run,
        repair: None,
    },
    Step {
        name: "docs",
        what: "rustdoc has no warnings",
        run: |root| {
            let args = ["doc", "--workspace", "--no-deps", "--all-features"];
            cargo(root, &args, &[("RUSTDOCFLAGS", "-D warnings")])
        },
        repair: None,
    },
    Step {
        name: "deny",
        what: "the licenses and sources of the dependencies fit deny.toml",
        run: deny,
        repair: None,
    },
    Step {
        name: "package",
        what: "every published crate can be packaged (`cargo xtask release --dry-run` also builds the packages)",
        run: |root| release::package(root, release::Build::No),
        repair: None,
    },
    Step {
        name: "api",
        what: "the public API matches xtask/public-api",
        run: |root| api::run(root, true),
        repair: None,
    },
];

/// The step `features` checks the code without features.
fn clippy(root: &Path) -> Result<()> {
    let args = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ];
    cargo(root, &args, &[])
}

fn deny(root: &Path) -> Result<()> {
    skipped::version(&["cargo", "deny"], "cargo-deny")?;
    // The database of advisories is on the network: the hosted workflow checks advisories.
    let args = [
        "deny",
        "--log-level",
        "error",
        "check",
        "bans",
        "licenses",
        "sources",
    ];
    cargo(root, &args, &[])
}

/// The steps with the promise that each of them checks, for `--help`.
pub(crate) fn help() -> String {
    let lines = STEPS
        .iter()
        .map(|step| format!("  {:9} {}", step.name, step.what));
    format!("Steps:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Runs the named steps, or all of them, in the list's order.
///
/// # Errors
/// A name is unknown, or a step fails. The error of a step has the command that repairs it.
pub(crate) fn run(root: &Path, names: &[String]) -> Result<()> {
    if let Some(unknown) = names
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        bail!("unknown step `{unknown}`\n{}", help());
    }
    let selected = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);
    for step in STEPS.iter().filter(selected) {
        println!("{}: {}", step.name, step.what);
        let started = Instant::now();
        let result = (step.run)(root);
        if let Err(error) = &result
            && let Some(skipped) = error.downcast_ref::<Skipped>()
        {
            println!("{}: {skipped}", step.name);
            continue;
        }
        println!(
            "{}: {} after {:.1} s",
            step.name,
            if result.is_ok() { "ok" } else { "FAILED" },
            started.elapsed().as_secs_f64()
        );
        result.map_err(|error| {
            let repair = step
                .repair
                .map(|repair| format!("\nrun `{repair}`"))
                .unwrap_or_default();
            anyhow!(
                "{error:#}{repair}\nto run only this step: `cargo xtask ci {}`",
                step.name
            )
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_step_is_an_error_that_lists_all_steps() {
        let error = run(Path::new("."), &["fmt".into(), "fnt".into()])
            .expect_err("no such step")
            .to_string();
        assert!(error.starts_with("unknown step `fnt`\n"), "{error}");
        assert!(
            STEPS.iter().all(|step| error.contains(step.name)),
            "{error}"
        );
    }

    #[test]
    fn each_step_has_its_own_name() {
        let names: std::collections::HashSet<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
    }
}
