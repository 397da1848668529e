//! Finds libmesos, loads it, and refuses what is not one. What is done with it is left
//! to the drivers.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::sys::{self, LoadError, Loaded};

/// The environment variable that names the libmesos to use, as Mesos' own Java and
/// Python bindings read it.
pub const LIBRARY_VARIABLE: &str = "MESOS_NATIVE_LIBRARY";

/// What the dynamic loader is asked for when nothing names a file. Releases install
/// `libmesos.so` as a link to `libmesos-<version>.so`.
const DEFAULT_NAME: &str = "libmesos.so";

/// A loaded libmesos. There is one in a process, and it stays until the process ends.
#[derive(Debug, Clone)]
pub struct Library {
    loaded: Loaded,
    path: PathBuf,
    version: Option<String>,
}

/// The libmesos of this process. Two would share the symbols that the C++ ABI makes
/// unique in a process, and with them each other's state.
static CURRENT: Mutex<Option<Library>> = Mutex::new(None);

impl Library {
    /// Loads the libmesos at `path`. Loading runs its initialisers, so this is to be
    /// trusted as much as a program that is started.
    ///
    /// The same path again gives the same library.
    ///
    /// ```
    /// use mesos_native::{ErrorKind, Library};
    ///
    /// let error = Library::open("/nonexistent/libmesos.so").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::NotFound);
    /// ```
    ///
    /// # Errors
    /// No such file, not a shared library, a dependency missing on this machine, not a
    /// libmesos (every missing symbol is listed), built with an unsupported C++ ABI, or
    /// another libmesos loaded before.
    pub fn open(path: impl AsRef<Path>) -> Result<Library> {
        Self::load(existing(path.as_ref())?, false, None)
    }

    /// As [`open`](Self::open), after loading every shared library in `dependencies`.
    ///
    /// The dynamic loader takes a library that is already loaded for every later one
    /// that needs its soname, so the directory supplies what the machine lacks without
    /// `LD_LIBRARY_PATH`, which the tasks of a cluster would inherit. A file whose name
    /// starts with `libpython` is loaded globally: it supplies symbols that the loading
    /// interpreter would have.
    ///
    /// # Errors
    /// As [`open`](Self::open); also when the directory cannot be read or one of the
    /// libraries in it cannot be loaded.
    pub fn open_with(path: impl AsRef<Path>, dependencies: impl AsRef<Path>) -> Result<Library> {
        Self::load(existing(path.as_ref())?, false, Some(dependencies.as_ref()))
    }

    /// Loads the libmesos that `MESOS_NATIVE_LIBRARY` names, or, where that is not set
    /// or empty, the `libmesos.so` that the dynamic loader finds.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`ErrorKind::NotFound`] says where it was looked for.
    pub fn find() -> Result<Library> {
        match env::var_os(LIBRARY_VARIABLE) {
            Some(path) if !path.is_empty() => Self::open(Path::new(&path)).map_err(|error| {
                Error::new(error.kind(), format_args!("{LIBRARY_VARIABLE}: {error}"))
            }),
            _ => Self::load(PathBuf::from(DEFAULT_NAME), true, None),
        }
    }

    /// The file, or the name that the dynamic loader found it by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The release that the library says it is, such as `1.11.0`, if it can tell.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    pub(crate) fn loaded(&self) -> Loaded {
        self.loaded
    }

    /// `searched`: the path is a bare name for the dynamic loader to search for.
    fn load(path: PathBuf, searched: bool, dependencies: Option<&Path>) -> Result<Library> {
        if cfg!(not(target_os = "linux")) {
            return Err(Error::new(
                ErrorKind::Incompatible,
                "libmesos can be loaded on Linux only; use the HTTP backend here",
            ));
        }
        // Held while loading, so that two threads do not load two libraries.
        let mut current = CURRENT.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(library) = &*current {
            if library.path == path {
                return Ok(library.clone());
            }
            return Err(Error::new(
                ErrorKind::AlreadyLoaded,
                format_args!(
                    "cannot load {}: this process has loaded {} already, and there can be one \
                     libmesos in a process; use that one, or another process",
                    path.display(),
                    library.path.display()
                ),
            ));
        }
        if let Some(directory) = dependencies {
            preload_all(directory)?;
        }
        let loaded = Loaded::open(&path).map_err(|error| refusal(&path, searched, error))?;
        let library = Library {
            loaded,
            version: loaded.version(),
            path,
        };
        tracing::info!(
            path = %library.path.display(),
            version = library.version().unwrap_or("unknown"),
            "loaded libmesos"
        );
        *current = Some(library.clone());
        Ok(library)
    }
}

/// The canonical path of a file that is an ELF file and all there.
fn existing(path: &Path) -> Result<PathBuf> {
    let canonical = fs::canonicalize(path).map_err(|error| {
        Error::new(
            ErrorKind::NotFound,
            format_args!(
                "no libmesos at {}: {error}; give the path of a libmesos.so, or set \
                 {LIBRARY_VARIABLE} to it",
                path.display()
            ),
        )
    })?;
    let expected = elf_length(&canonical).map_err(|error| not_loadable(path, error))?;
    let Some(expected) = expected else {
        return Err(not_loadable(path, "it is not a shared library (ELF)"));
    };
    // Of a file that was cut short the dynamic loader makes a SIGBUS.
    let length = fs::metadata(&canonical).map_or(0, |data| data.len());
    if length < expected {
        return Err(not_loadable(
            path,
            format_args!("it is cut short: {length} bytes of at least {expected}; get it again"),
        ));
    }
    Ok(canonical)
}

/// How long an ELF file says it is, by the table of sections at its end; none if it is
/// not an ELF file.
fn elf_length(path: &Path) -> io::Result<Option<u64>> {
    let mut header = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut header)?;
    if !header.starts_with(b"\x7fELF") {
        return Ok(None);
    }
    let field = |at: usize, len: usize| {
        let mut bytes = [0; 8];
        // Absent where the header itself is cut short.
        let field = header.get(at..at + len)?;
        bytes[..len].copy_from_slice(field);
        Some(u64::from_le_bytes(bytes))
    };
    // e_shoff, e_shentsize and e_shnum of the 64-bit header, System V ABI chapter 4.
    let length = match (field(0x28, 8), field(0x3a, 2), field(0x3c, 2)) {
        (Some(offset), Some(size), Some(count)) => offset.saturating_add(size * count),
        _ => 64,
    };
    Ok(Some(length))
}

fn not_loadable(path: &Path, reason: impl std::fmt::Display) -> Error {
    Error::new(
        ErrorKind::NotLoadable,
        format_args!("cannot load {}: {reason}", path.display()),
    )
}

/// Loads every shared library in a directory. They may need each other, and the loader
/// does not look for them there, so those that fail are tried again after the others.
fn preload_all(directory: &Path) -> Result<()> {
    let unreadable = |error| {
        not_loadable(
            directory,
            format_args!("the directory cannot be read: {error}"),
        )
    };
    let mut files = fs::read_dir(directory)
        .map_err(unreadable)?
        .map(|entry| Ok(entry.map_err(unreadable)?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort(); // for the same outcome every time
    files.retain(|file| {
        let name = file_name(file);
        name.ends_with(".so") || name.contains(".so.")
    });
    loop {
        let mut failed = Vec::new();
        let mut reason = None;
        for file in &files {
            if let Err(error) = sys::preload(file, file_name(file).starts_with("libpython")) {
                failed.push(file.clone());
                reason.get_or_insert_with(|| refusal(file, false, error));
            }
        }
        match reason {
            None => return Ok(()),
            Some(error) if failed.len() == files.len() => return Err(error),
            Some(_) => files = failed,
        }
    }
}

fn file_name(file: &Path) -> &str {
    file.file_name().and_then(OsStr::to_str).unwrap_or_default()
}

/// The error that says why a library was refused and what to do.
fn refusal(path: &Path, searched: bool, error: LoadError) -> Error {
    match error {
        LoadError::Loader(reason) if searched && reason.starts_with(DEFAULT_NAME) => Error::new(
            ErrorKind::NotFound,
            format_args!(
                "found no libmesos: {LIBRARY_VARIABLE} is not set, and the dynamic loader, which \
                 looks in LD_LIBRARY_PATH and the system's directories, says: {reason}; set \
                 {LIBRARY_VARIABLE} to the path of a libmesos.so"
            ),
        ),
        LoadError::Loader(reason) => {
            let advice = if reason.contains("cannot open shared object file") {
                "; it needs that library: install it, or name its directory in LD_LIBRARY_PATH"
            } else {
                ""
            };
            not_loadable(path, format_args!("{reason}{advice}"))
        }
        LoadError::Missing { old_abi: true, .. } => Error::new(
            ErrorKind::Incompatible,
            format_args!(
                "{} was built with the C++ string type of before GCC 5 \
                 (_GLIBCXX_USE_CXX11_ABI=0), and this program with the newer one; use a libmesos \
                 built with GCC 5 or later and its defaults",
                path.display()
            ),
        ),
        LoadError::Missing { symbols, of, .. } if symbols.len() >= of => Error::new(
            ErrorKind::NotMesos,
            format_args!(
                "{} is a shared library, but not libmesos: it has none of the functions that \
                 are needed, such as {}",
                path.display(),
                symbols.last().unwrap_or(&"")
            ),
        ),
        LoadError::Missing { symbols, of, .. } => Error::new(
            ErrorKind::NotMesos,
            format_args!(
                "{} lacks {} of the {of} functions that are needed: {}; use a full libmesos of \
                 Mesos 1.4 or later",
                path.display(),
                symbols.len(),
                symbols.join(", ")
            ),
        ),
        LoadError::Shim(reason) => Error::new(
            ErrorKind::Incompatible,
            format_args!("cannot use {}: {reason}", path.display()),
        ),
    }
}
