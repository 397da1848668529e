//! Generated files: written, or compared with what is checked in, by the same code.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// What a generator made for one folder: each file's name, and its text.
pub(crate) type Outputs = BTreeMap<String, String>;

/// Makes `dir` hold exactly `outputs`, or with `check` says where it does not.
///
/// # Errors
/// A folder that cannot be read or written; with `check`, each file that differs, with its first
/// differing line, and `repair`, the command that mends it.
pub(crate) fn settle(dir: &Path, outputs: &Outputs, check: bool, repair: &str) -> Result<()> {
    let present = present(dir)?;
    let stale: Vec<_> = present
        .keys()
        .filter(|name| !outputs.contains_key(*name))
        .collect();
    if !check {
        fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
        for name in stale {
            let path = dir.join(name);
            fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        for (name, text) in outputs
            .iter()
            .filter(|(name, text)| present.get(*name) != Some(text))
        {
            let path = dir.join(name);
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            println!("wrote {}", path.display());
        }
        return Ok(());
    }

    let mut wrong: Vec<_> = stale
        .into_iter()
        .map(|name| format!("{name}: no longer generated"))
        .collect();
    for (name, text) in outputs {
        match present.get(name) {
            None => wrong.push(format!("{name}: missing")),
            Some(old) if old != text => {
                wrong.push(format!("{name}: {}", first_difference(old, text)))
            }
            Some(_) => {}
        }
    }
    if !wrong.is_empty() {
        bail!(
            "{} is not what the sources give:\n  {}\nrun `{repair}`",
            dir.display(),
            wrong.join("\n  ")
        );
    }
    Ok(())
}

fn present(dir: &Path) -> Result<Outputs> {
    let mut files = Outputs::new();
    if !dir.exists() {
        return Ok(files);
    }
    for entry in fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))? {
        let path = entry
            .with_context(|| format!("cannot read {}", dir.display()))?
            .path();
        let text =
            fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        files.insert(name, text);
    }
    Ok(files)
}

fn first_difference(old: &str, new: &str) -> String {
    let (mut old, mut new) = (old.lines(), new.lines());
    for number in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (a, b) if a == b => {}
            (a, b) => {
                let end = "(end of file)";
                return format!(
                    "line {number} is `{}`, should be `{}`",
                    a.unwrap_or(end).trim(),
                    b.unwrap_or(end).trim()
                );
            }
        }
    }
    "differs in line ends only".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(files: &[(&str, &str)]) -> Outputs {
        files
            .iter()
            .map(|(name, text)| (name.to_string(), text.to_string()))
            .collect()
    }

    #[test]
    fn what_was_written_passes_the_check() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let files = outputs(&[("a.rs", "one\n"), ("b.rs", "two\n")]);
        settle(dir.path(), &files, false, "repair")?;
        settle(dir.path(), &files, true, "repair")
    }

    #[test]
    fn a_check_names_every_difference_and_the_command_that_repairs() -> Result<()> {
        let dir = tempfile::tempdir()?;
        settle(
            dir.path(),
            &outputs(&[("a.rs", "one\ntwo\n"), ("old.rs", "")]),
            false,
            "",
        )?;
        let error = settle(
            dir.path(),
            &outputs(&[("a.rs", "one\n2\n"), ("new.rs", "")]),
            true,
            "cargo xtask x",
        )
        .expect_err("three files differ")
        .to_string();
        for part in [
            "line 2 is `two`, should be `2`",
            "old.rs: no longer",
            "new.rs: missing",
            "run `cargo xtask x`",
        ] {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
        Ok(())
    }

    #[test]
    fn a_file_that_is_no_longer_generated_is_removed() -> Result<()> {
        let dir = tempfile::tempdir()?;
        settle(dir.path(), &outputs(&[("old.rs", "")]), false, "")?;
        settle(dir.path(), &outputs(&[("new.rs", "")]), false, "")?;
        assert_eq!(present(dir.path())?, outputs(&[("new.rs", "")]));
        Ok(())
    }
}
