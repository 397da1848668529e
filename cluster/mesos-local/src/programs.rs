//! Finds the programs of a cluster, this package's and mesos-launcher's, for the program that uses
//! the library.
//!
//! A program that links this library does not contain the programs, and cargo does not build the
//! binaries of a dependency. So under cargo, cargo builds the programs when they are needed.

use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;

use crate::error::{Error, ErrorKind};

const VARIABLE: &str = "MESOS_LOCAL_BIN_DIR";
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");

/// The paths of the programs.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    /// `mesos-local`, which is the supervisor and the cluster process too.
    pub(crate) local: PathBuf,
    /// The programs that an agent starts, by the names that it uses.
    pub(crate) helpers: [(&'static str, PathBuf); 4],
}

impl Programs {
    /// Finds the programs, once for this process: in the directory `MESOS_LOCAL_BIN_DIR`; else cargo
    /// builds them, if cargo runs this process and the sources exist; else beside this process's executable, or in `../libexec/mesos` from there.
    pub(crate) fn find() -> Result<Self, Error> {
        static FOUND: OnceLock<Result<Programs, Error>> = OnceLock::new();
        FOUND.get_or_init(Self::search).clone()
    }

    fn search() -> Result<Self, Error> {
        if let Some(directory) = env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
            return Self::by(|name| existing(Path::new(&directory).join(name))).map_err(|name| {
                missing(format!(
                    "{VARIABLE} names {}, which does not contain {name}",
                    Path::new(&directory).display()
                ))
            });
        }
        let executable = env::current_exe().map_err(|cause| {
            Error::because(
                ErrorKind::Programs,
                "cannot find the path of this program",
                cause,
            )
        })?;
        if let Some(cargo) = env::var_os("CARGO")
            && Path::new(MANIFEST).is_file()
        {
            return build(&cargo, Layout::of_executable(&executable).as_ref());
        }
        // Cargo's executables are in DIR, DIR/deps or DIR/examples. An installation has
        // PREFIX/bin and PREFIX/libexec/mesos.
        let parents = executable.ancestors().skip(1).take(2);
        let mut directories: Vec<_> = parents.map(Path::to_path_buf).collect();
        let prefix = executable.ancestors().nth(2);
        directories.extend(prefix.map(|prefix| prefix.join("libexec/mesos")));
        Self::by(|name| {
            directories
                .iter()
                .find_map(|directory| existing(directory.join(name)))
        })
        .map_err(|name| missing(format!("{name} is not beside {}", executable.display())))
    }

    /// The programs as `find` finds them by name; else the name of one that was not found.
    fn by(find: impl Fn(&'static str) -> Option<PathBuf>) -> Result<Self, &'static str> {
        let find = |name| find(name).ok_or(name);
        Ok(Self {
            local: find("mesos-local")?,
            helpers: [
                ("mesos-containerizer", find("mesos-containerizer")?),
                ("mesos-executor", find("mesos-executor")?),
                ("mesos-default-executor", find("mesos-default-executor")?),
                ("mesos-fetcher", find("mesos-fetcher")?),
            ],
        })
    }
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.is_file().then_some(path)
}

fn missing(what: String) -> Error {
    Error::new(
        ErrorKind::Programs,
        format!(
            "{what}: run `cargo build --manifest-path {MANIFEST} -p mesos-local -p mesos-launcher --bins` \
             and set {VARIABLE} to the directory of the programs that it builds"
        ),
    )
}

/// The directory to which cargo built an executable. The programs are built there too, so that
/// nothing is built twice.
#[derive(Debug, PartialEq)]
struct Layout {
    target: PathBuf,
    profile: String,
}

impl Layout {
    /// The layout of `TARGET[/TRIPLE]/PROFILE[/deps|/examples]/NAME`. `None` for an executable in another
    /// directory.
    fn of_executable(executable: &Path) -> Option<Self> {
        let mut directory = executable.parent()?;
        if ["deps", "examples"]
            .map(OsStr::new)
            .contains(&directory.file_name()?)
        {
            directory = directory.parent()?;
        }
        let profile = match directory.file_name()?.to_str()? {
            "debug" => "dev",
            other => other,
        };
        // Cargo marks target directories with this file.
        let marked = |path: &&Path| path.join("CACHEDIR.TAG").is_file();
        let target = directory.ancestors().skip(1).take(2).find(marked)?;
        Some(Self {
            target: target.into(),
            profile: profile.into(),
        })
    }
}

/// Builds the programs with cargo, whose messages go to stderr.
fn build(cargo: &OsStr, layout: Option<&Layout>) -> Result<Programs, Error> {
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--package=mesos-local",
            "--package=mesos-launcher",
            "--bins",
            "--message-format=json-render-diagnostics",
            "--manifest-path",
            MANIFEST,
        ])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if let Some(Layout { target, profile }) = layout {
        command
            .arg("--target-dir")
            .arg(target)
            .args(["--profile", profile]);
    }
    // The variables that cargo has set for this process would make build scripts run again.
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_running_package) {
            command.env_remove(name);
        }
    }
    let failed = |what: &str| {
        missing(format!(
            "cargo could not build mesos-local and mesos-launcher ({what})"
        ))
    };
    let output = command
        .output()
        .map_err(|cause| failed(&cause.to_string()))?;
    if !output.status.success() {
        return Err(failed(&output.status.to_string()));
    }
    let built = executables(&output.stdout);
    Programs::by(|name| {
        built
            .iter()
            .find(|path| path.file_stem() == Some(OsStr::new(name)))
            .cloned()
    })
    .map_err(|name| failed(&format!("cargo did not report the path of {name}")))
}

/// Whether cargo sets this variable for the package whose executable it runs.
fn is_of_running_package(name: &str) -> bool {
    ["CARGO_PKG_", "CARGO_BIN_", "CARGO_MANIFEST_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
        || [
            "CARGO_CRATE_NAME",
            "CARGO_PRIMARY_PACKAGE",
            "CARGO_TARGET_TMPDIR",
            "OUT_DIR",
        ]
        .contains(&name)
}

/// The executables that cargo's messages name.
fn executables(messages: &[u8]) -> Vec<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        executable: Option<PathBuf>,
    }
    messages
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice::<Message>(line).ok()?.executable)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_directory_and_the_profile_are_those_of_the_running_executable() {
        let target = tempfile::tempdir().expect("a directory");
        std::fs::write(target.path().join("CACHEDIR.TAG"), "").expect("a file");
        for (path, profile) in [
            ("debug/deps/test-0123", "dev"),
            ("debug/examples/hello", "dev"),
            ("release/mesos-local", "release"),
            ("x86_64-unknown-linux-gnu/release/mesos-local", "release"),
            ("bench/examples/hello", "bench"),
        ] {
            let layout = Layout::of_executable(&target.path().join(path)).expect("a layout");
            assert_eq!(
                layout,
                Layout {
                    target: target.path().into(),
                    profile: profile.into()
                },
                "{path}"
            );
        }
        assert_eq!(
            Layout::of_executable(Path::new("/usr/bin/mesos-local")),
            None
        );
    }

    #[test]
    fn paths_of_executables_are_read_from_cargos_messages() {
        let messages = br#"{"reason":"compiler-artifact","executable":null}
{"reason":"compiler-artifact","executable":"/t/debug/mesos-local","fresh":true}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(
            executables(messages),
            [PathBuf::from("/t/debug/mesos-local")]
        );
    }
}
