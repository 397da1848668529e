//! Checks the English of code, documentation and messages for phrases that CONTRIBUTING.md rules
//! out. The phrases are in `phrases.rs`; `text.rs` extracts the text that is checked.

mod phrases;
mod text;

use std::fs;
use std::path::Path;

use anyhow::{Result, bail};

use super::files::{files, is_generated};
use phrases::Phrases;
use text::Text;

/// Files that contain the phrases on purpose.
const EXCLUDED: [&str; 1] = ["xtask/src/ci/english/"];

/// Checks every file of a known language that git tracks or would add.
///
/// # Errors
/// Each rejected phrase as `file:line: phrase`, with what to write instead.
pub(super) fn run(root: &Path) -> Result<()> {
    let phrases = Phrases::new()?;
    let mut found = Vec::new();
    for name in files(root)? {
        if EXCLUDED.iter().any(|excluded| name.starts_with(excluded)) {
            continue;
        }
        // A file that is not UTF-8, or that was deleted without `git rm`, has nothing to check.
        let Ok(content) = fs::read_to_string(root.join(&name)) else {
            continue;
        };
        found.extend(rejected(&phrases, &name, &content));
    }
    if !found.is_empty() {
        bail!("{}\n{} rejected phrases", found.join("\n"), found.len());
    }
    Ok(())
}

fn rejected(phrases: &Phrases, name: &str, content: &str) -> Vec<String> {
    if is_generated(content) {
        return Vec::new();
    }
    let Some(text) = Text::of_file(name, content) else {
        return Vec::new();
    };
    let mut found: Vec<_> = phrases.find(&text.joined).collect();
    found.sort_by_key(|found| found.start);
    let line = |start| text.line_at(start);
    found
        .iter()
        .map(|found| {
            let (line, phrase) = (line(found.start), found.phrase.replace('\n', " "));
            format!("{name}:{line}: `{phrase}`: write {}", found.instead)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    fn found(name: &str, content: &str) -> Vec<String> {
        static PHRASES: LazyLock<Phrases> =
            LazyLock::new(|| Phrases::new().expect("the patterns are valid"));
        rejected(&PHRASES, name, content)
    }

    #[test]
    fn a_phrase_is_reported_with_file_line_and_replacement() {
        assert_eq!(
            found("a/src/b.rs", "//! A module.\n\n/// Waits for ever.\n"),
            ["a/src/b.rs:3: `for ever`: write `forever` or `indefinitely`"]
        );
    }

    #[test]
    fn a_phrase_that_is_wrapped_is_reported_at_its_first_line() {
        let comment = "//! What answers is\n//! no Mesos.\n";
        assert_eq!(found("b.rs", comment).len(), 1);
        assert!(found("b.rs", comment)[0].starts_with("b.rs:1: `is no Mesos`: "));
        let message = "    bail!(\"waits for \\\n         ever\");\n";
        assert!(found("b.rs", message)[0].starts_with("b.rs:1: `for ever`: "));
    }

    #[test]
    fn phrases_of_one_file_are_in_the_order_of_its_lines() {
        let lines: Vec<_> = found("a.md", "The colour.\nStart anew.\nThe licence.\n")
            .into_iter()
            .filter_map(|found| found.split(": ").next().map(str::to_owned))
            .collect();
        assert_eq!(lines, ["a.md:1", "a.md:2", "a.md:3"]);
    }

    #[test]
    fn only_comments_of_toml_files_and_scripts_are_checked() {
        assert_eq!(found("Cargo.toml", "colour = \"1\" # plain\n"), [""; 0]);
        assert_eq!(found("Cargo.toml", "color = \"1\" # the colour\n").len(), 1);
        assert_eq!(found("run.sh", "# Licence\nlicence=1\n").len(), 1);
    }

    #[test]
    fn generated_files_and_files_of_other_languages_are_not_checked() {
        assert_eq!(
            found("a.rs", "// This file is @generated.\n// behaviour\n"),
            [""; 0]
        );
        assert_eq!(found("Cargo.lock", "behaviour\n"), [""; 0]);
        assert_eq!(found("corpus/recordio/two", "behaviour\n"), [""; 0]);
    }
}
