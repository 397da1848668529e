//! Writes generated files, or compares them with the checked-in files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The text of files by name.
pub(crate) type Files = BTreeMap<String, String>;

/// The output of a generator for one folder.
pub(crate) struct Generated<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) files: Files,
    /// Whether all files of the folder are generated, so that other files are stale.
    pub(crate) owns_dir: bool,
    /// The command that writes the files.
    pub(crate) repair: &'static str,
}

impl Generated<'_> {
    /// Writes the files and removes stale ones, or with `check` compares.
    ///
    /// # Errors
    /// The folder cannot be read or written. With `check`: each file that differs, with its first
    /// differing line, and the command that repairs it.
    pub(crate) fn write_or_check(&self, check: bool) -> Result<()> {
        let present = self.present()?;
        if check {
            self.compare(&present)
        } else {
            self.write(&present)
        }
    }

    fn write(&self, present: &Files) -> Result<()> {
        let dir = self.dir.display();
        fs::create_dir_all(self.dir).with_context(|| format!("cannot create {dir}"))?;
        for name in self.stale(present) {
            fs::remove_file(self.dir.join(name))
                .with_context(|| format!("cannot remove {dir}/{name}"))?;
            println!("removed {dir}/{name}");
        }
        for (name, text) in self
            .files
            .iter()
            .filter(|(name, text)| present.get(*name) != Some(text))
        {
            fs::write(self.dir.join(name), text)
                .with_context(|| format!("cannot write {dir}/{name}"))?;
            println!("wrote {dir}/{name}");
        }
        Ok(())
    }

    fn compare(&self, present: &Files) -> Result<()> {
        let stale = self
            .stale(present)
            .map(|name| format!("{name}: no longer generated"));
        let mut wrong: Vec<_> = stale.collect();
        wrong.extend(
            self.files
                .iter()
                .filter_map(|(name, text)| match present.get(name) {
                    None => Some(format!("{name}: missing")),
                    Some(old) if old != text => {
                        Some(format!("{name}: {}", first_difference(old, text)))
                    }
                    Some(_) => None,
                }),
        );
        if !wrong.is_empty() {
            let (dir, wrong, repair) = (self.dir.display(), wrong.join("\n  "), self.repair);
            bail!("{dir} is out of date:\n  {wrong}\nrun `{repair}`");
        }
        Ok(())
    }

    fn stale<'a>(&self, present: &'a Files) -> impl Iterator<Item = &'a String> {
        present
            .keys()
            .filter(|name| self.owns_dir && !self.files.contains_key(*name))
    }

    fn present(&self) -> Result<Files> {
        let unreadable = || format!("cannot read {}", self.dir.display());
        if !self.dir.exists() {
            return Ok(Files::new());
        }
        let mut files = Files::new();
        for entry in fs::read_dir(self.dir).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if self.owns_dir || self.files.contains_key(&name) {
                let text = fs::read_to_string(entry.path())
                    .with_context(|| format!("cannot read {}", entry.path().display()))?;
                files.insert(name, text);
            }
        }
        Ok(files)
    }
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
    "differs only in line endings".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated<'a>(dir: &'a tempfile::TempDir, files: &[(&str, &str)]) -> Generated<'a> {
        let files = files
            .iter()
            .map(|(name, text)| (name.to_string(), text.to_string()));
        Generated {
            dir: dir.path(),
            files: files.collect(),
            owns_dir: true,
            repair: "cargo xtask x",
        }
    }

    #[test]
    fn written_files_pass_the_check() -> Result<()> {
        let dir = tempfile::tempdir()?;
        let files = generated(&dir, &[("a.rs", "one\n"), ("b.rs", "two\n")]);
        files.write_or_check(false)?;
        files.write_or_check(true)
    }

    #[test]
    fn a_check_reports_every_difference_and_the_command_that_repairs() -> Result<()> {
        let dir = tempfile::tempdir()?;
        generated(&dir, &[("a.rs", "one\ntwo\n"), ("old.rs", "")]).write_or_check(false)?;
        let changed = generated(&dir, &[("a.rs", "one\n2\n"), ("new.rs", "")]);
        let error = changed
            .write_or_check(true)
            .expect_err("three files differ")
            .to_string();
        for part in [
            "a.rs: line 2 is `two`, should be `2`",
            "old.rs: no longer generated",
            "new.rs: missing",
            "run `cargo xtask x`",
        ] {
            assert!(error.contains(part), "{part:?} is not in {error:?}");
        }
        Ok(())
    }

    #[test]
    fn a_stale_file_is_removed_from_a_folder_of_generated_files() -> Result<()> {
        let dir = tempfile::tempdir()?;
        generated(&dir, &[("old.rs", "")]).write_or_check(false)?;
        generated(&dir, &[("new.rs", "")]).write_or_check(false)?;
        assert!(!dir.path().join("old.rs").exists());
        Ok(())
    }

    #[test]
    fn other_files_are_kept_in_a_folder_that_has_them() -> Result<()> {
        let dir = tempfile::tempdir()?;
        generated(&dir, &[("by_hand.rs", "")]).write_or_check(false)?;
        let files = Generated {
            owns_dir: false,
            ..generated(&dir, &[("new.rs", "")])
        };
        files.write_or_check(false)?;
        files.write_or_check(true)?;
        assert!(dir.path().join("by_hand.rs").exists());
        Ok(())
    }
}
