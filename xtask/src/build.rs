//! `cargo xtask build`: builds the programs that are installed, and arranges them in the folders
//! of an installation.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::cargo::{self, Executable, target_dir};
use crate::output::output;
use crate::sha256::sha256;

/// The crates whose programs are installed and never use the system's OpenSSL. They are built by
/// themselves, because cargo builds a crate once for all programs of a command, with the features
/// that any of the programs needs. A program that links the system's OpenSSL cannot load a libmesos
/// with another OpenSSL: the functions of both are mixed, and Mesos ends with "Could not load cert
/// file".
const WITHOUT_OPENSSL: [&str; 2] = ["mesos-cli", "mesos-local"];

/// The crate with the programs that an agent starts.
const LAUNCHER: &str = "mesos-launcher";

/// The feature that lets executors connect to agents with Mesos' default TLS ciphers.
const OPENSSL_FEATURE: &str = "tls-openssl";

/// The programs that a user runs. The other programs are run by an agent, which finds them in its
/// `--launcher_dir`.
const IN_BIN: [&str; 2] = [MESOS, "mesos-local"];
const BIN: &str = "bin";
const LAUNCHER_DIR: &str = "libexec/mesos";

/// The program that has manual pages and prints completions.
const MESOS: &str = "mesos";
const PAGES: &str = "mesos-cli/man";
const PAGES_DIR: &str = "share/man/man1";

/// The shells, and the files in which they look for the completions of `mesos`.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "share/bash-completion/completions/mesos"),
    ("fish", "share/fish/vendor_completions.d/mesos.fish"),
    ("zsh", "share/zsh/site-functions/_mesos"),
];

const VERSION: &str = "VERSION";
const CHECKSUMS: &str = "SHA256SUMS";

/// Files that are not copied, with their texts.
type Texts = BTreeMap<PathBuf, String>;

/// Builds with the profile `dist` into `target/dist/install`:
///
/// * `bin`: the programs that a user runs,
/// * `libexec/mesos`: the programs that an agent runs,
/// * `share`: the manual pages of `mesos`, and its completions for bash, fish and zsh,
/// * `VERSION`: the version, the git commit, the compiler and the target,
/// * `SHA256SUMS`: the checksums of all other files, as `sha256sum --check` reads them.
///
/// The executors use OpenSSL if its development files are installed. Without OpenSSL they cannot
/// connect to a TLS agent with Mesos' default ciphers, and a notice says so.
///
/// # Errors
/// A program does not build, or the folder cannot be written.
pub(crate) fn run(root: &Path) -> Result<()> {
    let build = ["build", "--profile", "dist", "--bins"];
    let mut args = build.to_vec();
    args.extend(WITHOUT_OPENSSL.iter().flat_map(|name| ["--package", *name]));
    let mut programs = cargo::build(root, &args, &[])?;

    let mut args = build.to_vec();
    args.extend(["--package", LAUNCHER]);
    let openssl = has_openssl();
    if openssl {
        args.extend(["--features", OPENSSL_FEATURE]);
    } else {
        println!(
            "NOTICE: the development files of OpenSSL are not installed (Debian: libssl-dev, \
             pkg-config). The executors will not connect to TLS agents with Mesos' default \
             ciphers; set LIBPROCESS_SSL_CIPHERS=ECDHE-RSA-AES128-GCM-SHA256 for such agents"
        );
    }
    programs.extend(cargo::build(root, &args, &[])?);
    let mut texts = completions(&programs)?;
    texts.extend(pages(&root.join(PAGES))?);
    texts.insert(VERSION.into(), version(root, openssl)?);
    let dir = target_dir(root)?.join("dist/install");
    install(&programs, &root.join("LICENSE"), &texts, &dir)?;
    println!("installed into {}", dir.display());
    Ok(())
}

/// Whether the crate `openssl` finds what it needs: by its variable, or by pkg-config.
fn has_openssl() -> bool {
    let found = || {
        let mut command = Command::new("pkg-config");
        command.args(["--exists", "openssl"]).status()
    };
    std::env::var_os("OPENSSL_DIR").is_some() || found().is_ok_and(|status| status.success())
}

/// The text of the file `VERSION`: one `name value` pair a line.
fn version(root: &Path, openssl: bool) -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let verbose = output(Command::new(rustc).arg("-vV").current_dir(root))?;
    let value = |name: &str| {
        verbose
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .with_context(|| format!("the output of `rustc -vV` has no line `{name}`"))
    };
    // `--match` with a pattern that no tag has: the commit alone, with `-dirty` after it if a
    // tracked file was changed.
    let mut describe = Command::new("git");
    describe
        .args(["describe", "--always", "--abbrev=40", "--dirty"])
        .args(["--match", "-"])
        .current_dir(root);
    // An unpacked source archive is not a git repository.
    let commit = output(&mut describe).unwrap_or_else(|_| "unknown".to_owned());
    let target = std::env::var("CARGO_BUILD_TARGET");
    Ok(format!(
        "version {}\ncommit {}\nrustc {}\ntarget {}\nopenssl {}\n",
        env!("CARGO_PKG_VERSION"),
        commit.trim(),
        value("release: ")?,
        target.as_deref().or_else(|_| value("host: "))?,
        if openssl { "yes" } else { "no" }
    ))
}

/// The completions, which the program prints itself.
fn completions(programs: &[Executable]) -> Result<Texts> {
    let program = programs.iter().find(|program| program.name == MESOS);
    let program = program.with_context(|| format!("cargo built no program {MESOS}"))?;
    let script = |(shell, file): (&str, &str)| {
        let mut command = Command::new(&program.path);
        let script = output(command.args(["completions", shell]))?;
        Ok((file.into(), script))
    };
    COMPLETIONS.into_iter().map(script).collect()
}

/// The committed manual pages in `dir`.
fn pages(dir: &Path) -> Result<Texts> {
    let failed = || format!("cannot read the manual pages in {}", dir.display());
    let page = |entry: io::Result<fs::DirEntry>| {
        let entry = entry.with_context(failed)?;
        let text = fs::read_to_string(entry.path()).with_context(failed)?;
        Ok((Path::new(PAGES_DIR).join(entry.file_name()), text))
    };
    fs::read_dir(dir).with_context(failed)?.map(page).collect()
}

/// Replaces `dir` by the files of an installation.
fn install(programs: &[Executable], license: &Path, texts: &Texts, dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("cannot remove {}", dir.display()));
        }
        _ => {}
    }
    let mut files = Vec::new();
    for program in programs {
        let folder = if IN_BIN.contains(&program.name.as_str()) {
            BIN
        } else {
            LAUNCHER_DIR
        };
        let file = Path::new(folder).join(program.path.file_name().unwrap_or_default());
        copy(&program.path, &dir.join(&file))?;
        files.push(file);
    }
    copy(license, &dir.join("LICENSE"))?;
    files.push("LICENSE".into());
    for (file, text) in texts {
        write(&dir.join(file), text)?;
        files.push(file.clone());
    }
    files.sort();

    let mut checksums = String::new();
    for file in &files {
        let path = dir.join(file);
        let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        println!("{:>11} bytes  {}", bytes.len(), file.display());
        checksums.push_str(&format!("{}  {}\n", sha256(&bytes), file.display()));
    }
    write(&dir.join(CHECKSUMS), &checksums)
}

/// Copies a file with its permissions.
fn copy(from: &Path, to: &Path) -> Result<()> {
    create_parent(to)?;
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))
}

fn write(path: &Path, text: &str) -> Result<()> {
    create_parent(path)?;
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

fn create_parent(path: &Path) -> Result<()> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).with_context(|| format!("cannot create {}", parent.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(dir: &Path, name: &str) -> Result<Executable> {
        let path = dir.join(name);
        fs::write(&path, name)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok(Executable {
            name: name.to_owned(),
            path,
            is_test: false,
        })
    }

    #[test]
    fn an_installation_has_its_programs_and_passes_its_checksums() -> Result<()> {
        let temp = tempfile::tempdir()?;
        let license = temp.path().join("LICENSE");
        fs::write(&license, "Apache")?;
        let programs = [
            program(temp.path(), "mesos-local")?,
            program(temp.path(), "mesos-executor")?,
        ];
        let dir = temp.path().join("install");
        let texts = [(VERSION, "version 1\n"), ("share/man/man1/mesos.1", ".TH")];
        let texts = texts.map(|(file, text)| (file.into(), text.to_owned()));
        install(&programs, &license, &texts.into(), &dir)?;

        for program in ["bin/mesos-local", "libexec/mesos/mesos-executor"] {
            let mode = fs::metadata(dir.join(program))?.permissions().mode();
            assert_eq!(mode & 0o777, 0o755, "{program}");
        }
        let mut check = Command::new("sha256sum");
        check.args(["--check", "--strict", CHECKSUMS]);
        let checked = output(check.current_dir(&dir))?;
        let ok = [
            "LICENSE",
            "VERSION",
            "bin/mesos-local",
            "libexec/mesos/mesos-executor",
            "share/man/man1/mesos.1",
        ]
        .map(|file| format!("{file}: OK\n"));
        assert_eq!(checked, ok.concat());

        fs::write(dir.join("bin/mesos-local"), "changed")?;
        output(check.current_dir(&dir)).expect_err("a changed file fails the check");
        Ok(())
    }

    #[test]
    fn files_of_an_earlier_installation_are_removed() -> Result<()> {
        let temp = tempfile::tempdir()?;
        let license = temp.path().join("LICENSE");
        fs::write(&license, "Apache")?;
        let dir = temp.path().join("install");
        for name in ["old", "new"] {
            install(
                &[program(temp.path(), name)?],
                &license,
                &Texts::new(),
                &dir,
            )?;
        }
        assert!(!dir.join(LAUNCHER_DIR).join("old").exists());
        assert!(dir.join(LAUNCHER_DIR).join("new").exists());
        Ok(())
    }

    #[test]
    fn each_shell_and_each_page_has_its_file() -> Result<()> {
        let temp = tempfile::tempdir()?;
        let mesos = program(temp.path(), MESOS)?;
        fs::write(&mesos.path, "#!/bin/sh\necho \"$@\"\n")?;
        let scripts = completions(&[mesos])?;
        let bash = Path::new("share/bash-completion/completions/mesos");
        assert_eq!(scripts[bash], "completions bash\n");
        assert_eq!(scripts.len(), COMPLETIONS.len());
        completions(&[]).expect_err("the program that prints them is missing");

        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let pages = pages(&root.join(PAGES))?;
        assert!(pages[Path::new("share/man/man1/mesos-run.1")].contains("mesos run"));
        Ok(())
    }

    #[test]
    fn the_version_file_names_the_commit_compiler_and_target() -> Result<()> {
        let temp = tempfile::tempdir()?;
        let text = version(temp.path(), true)?;
        let names: Vec<_> = text
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        assert_eq!(names, ["version", "commit", "rustc", "target", "openssl"]);
        assert!(text.contains("\ncommit unknown\n"), "{text}");
        Ok(())
    }
}
