//! What has to hold before a change goes in, besides the tests: one list of steps, each of which
//! runs alone by its name too.

mod english;
mod features;
mod files;
mod layers;
mod tidy;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};

use crate::cargo::{self, cargo};
use crate::skipped::Skipped;
use crate::{api, bindgen, codegen};

/// One step of `cargo xtask ci`.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Path) -> Result<()>,
    /// What mends it, where a command can and the step's own error does not say it.
    repair: Option<&'static str>,
}

/// Cheap ones first: they stop at the first that fails.
const STEPS: [Step; 10] = [
    Step {
        name: "fmt",
        what: "the code is formatted",
        run: |root| cargo(root, &["fmt", "--all", "--check"], &[]),
        repair: Some("cargo fmt --all"),
    },
    Step {
        name: "tidy",
        what: "the house rules that no other tool knows",
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
        what: "crates depend only on what they may",
        run: layers::run,
        repair: None,
    },
    Step {
        name: "codegen",
        what: "the generated messages are those of the .proto files",
        run: |root| codegen::run(root, true),
        repair: None,
    },
    Step {
        name: "bindgen",
        what: "the generated bindings are those of the C header",
        run: |root| bindgen::run(root, true),
        repair: None,
    },
    Step {
        name: "clippy",
        what: "clippy has no complaint, with default and with all features",
        run: clippy,
        repair: None,
    },
    Step {
        name: "features",
        what: "the facade builds with no feature, each alone, and all",
        run: features::run,
        repair: None,
    },
    Step {
        name: "docs",
        what: "rustdoc has no complaint",
        run: |root| {
            let args = ["doc", "--workspace", "--no-deps", "--all-features"];
            cargo(root, &args, &[("RUSTDOCFLAGS", "-D warnings")])
        },
        repair: None,
    },
    Step {
        name: "api",
        what: "the public API is the one in xtask/public-api",
        run: |root| api::run(root, true),
        repair: None,
    },
];

/// Steps that run only when they are named.
const ON_REQUEST: [&str; 1] = ["english"];

fn clippy(root: &Path) -> Result<()> {
    for features in [&[][..], &["--all-features"]] {
        let args = [
            &["clippy", "--workspace", "--all-targets"],
            features,
            &["--", "-D", "warnings"],
        ];
        cargo(root, &args.concat(), &[])?;
    }
    Ok(())
}

/// The steps' names with what each of them makes sure of, for `--help`.
pub(crate) fn help() -> String {
    let lines = STEPS
        .iter()
        .map(|step| format!("  {:9} {}", step.name, step.what));
    format!("Steps:\n{}", lines.collect::<Vec<_>>().join("\n"))
}

/// Runs the named steps, or all of them, in the list's order.
///
/// # Errors
/// A name that no step has; what the first step that fails says, with the command that repairs.
pub(crate) fn run(root: &Path, names: &[String]) -> Result<()> {
    if let Some(unknown) = names
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        bail!("there is no step `{unknown}`\n{}", help());
    }
    let chosen = |step: &&Step| match names {
        [] => !ON_REQUEST.contains(&step.name),
        _ => names.iter().any(|name| name == step.name),
    };
    for step in STEPS.iter().filter(chosen) {
        println!("{}: {}", step.name, step.what);
        let started = Instant::now();
        let done = (step.run)(root);
        if let Err(error) = &done
            && let Some(skipped) = error.downcast_ref::<Skipped>()
        {
            println!("{}: {skipped}", step.name);
            continue;
        }
        println!(
            "{}: {} after {:.1} s",
            step.name,
            if done.is_ok() { "ok" } else { "FAILED" },
            started.elapsed().as_secs_f64()
        );
        done.map_err(|error| {
            let repair = step
                .repair
                .map(|repair| format!("\nrun `{repair}`"))
                .unwrap_or_default();
            anyhow!(
                "{error:#}{repair}\nonce more, this step alone: `cargo xtask ci {}`",
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
    fn an_unknown_step_is_an_error_that_lists_the_known_ones() {
        let error = run(Path::new("."), &["fmt".into(), "fnt".into()])
            .expect_err("no such step")
            .to_string();
        assert!(error.starts_with("there is no step `fnt`\n"), "{error}");
        assert!(
            STEPS.iter().all(|step| error.contains(step.name)),
            "{error}"
        );
    }

    #[test]
    fn no_two_steps_have_one_name() {
        let names: std::collections::HashSet<_> = STEPS.iter().map(|step| step.name).collect();
        assert_eq!(names.len(), STEPS.len());
    }
}
