//! Finds libmesos, checks it and loads it.

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::error::{LibraryError, LibraryErrorKind, Result};
use crate::lock::lock;
use crate::sys::{self, LoadError, Loaded};

/// The environment variable with the path of libmesos, which Mesos's Java and Python bindings read,
/// too.
pub const LIBRARY_VARIABLE: &str = "MESOS_NATIVE_LIBRARY";

/// The name that the dynamic loader searches for if no path is given. Releases install
/// `libmesos.so` as a link to `libmesos-<version>.so`.
const DEFAULT_NAME: &str = "libmesos.so";

/// A loaded libmesos. A process can load only one, which stays loaded until the process ends.
#[derive(Debug, Clone)]
pub struct Library {
    loaded: Loaded,
    path: PathBuf,
    version: Option<String>,
}

/// The libmesos of this process. Two of them would share the symbols that the C++ ABI makes unique
/// in a process, and so corrupt each other's state.
static CURRENT: Mutex<Option<Library>> = Mutex::new(None);

impl Library {
    /// Loads the libmesos at `path`. Loading runs its initializers, so the file needs the same trust
    /// as a program that you start.
    ///
    /// A second call with the same path returns the same library.
    ///
    /// ```
    /// use mesos::native::{Library, LibraryErrorKind};
    ///
    /// let error = Library::open("/nonexistent/libmesos.so").unwrap_err();
    /// assert_eq!(error.kind(), LibraryErrorKind::NotFound);
    /// ```
    ///
    /// # Errors
    /// The file does not exist, is not a shared library, depends on a library that this machine lacks,
    /// is not libmesos (the error lists every missing symbol), or has an unsupported C++ ABI; or this
    /// process has loaded another libmesos.
    pub fn open(path: impl AsRef<Path>) -> Result<Library, LibraryError> {
        Self::load(existing(path.as_ref())?, false, None)
    }

    /// Like [`open`](Self::open), but first loads every shared library in the directory
    /// `dependencies`.
    ///
    /// The dynamic loader uses a loaded library for every later library that needs its soname. So
    /// the directory supplies libraries that the machine lacks, without `LD_LIBRARY_PATH`, which
    /// tasks of a cluster would inherit. A file whose name starts with `libpython` is loaded
    /// globally, because it supplies symbols that the Python interpreter would have.
    ///
    /// # Errors
    /// Those of [`open`](Self::open). Also: the directory cannot be read, or a library in it cannot
    /// be loaded.
    pub fn open_with(
        path: impl AsRef<Path>,
        dependencies: impl AsRef<Path>,
    ) -> Result<Library, LibraryError> {
        Self::load(existing(path.as_ref())?, false, Some(dependencies.as_ref()))
    }

    /// Loads the libmesos at the path in `MESOS_NATIVE_LIBRARY`. If the variable is unset or empty,
    /// loads the `libmesos.so` that the dynamic loader finds.
    ///
    /// The libmesos of the Python package, which mesos-local downloads, needs old libraries such as
    /// libssl 1.0.0. On a machine without them, load it with `mesos_local::load_libmesos`, which
    /// supplies stand-ins, or with [`open_with`](Self::open_with).
    ///
    /// # Errors
    /// Those of [`open`](Self::open). A [`LibraryErrorKind::NotFound`] error lists the searched
    /// places.
    pub fn find() -> Result<Library, LibraryError> {
        match env::var_os(LIBRARY_VARIABLE) {
            Some(path) if !path.is_empty() => Self::open(Path::new(&path)).map_err(|error| {
                LibraryError::new(error.kind(), format_args!("{LIBRARY_VARIABLE}: {error}"))
            }),
            _ => Self::load(PathBuf::from(DEFAULT_NAME), true, None),
        }
    }

    /// The path of the file, or the name by which the dynamic loader found it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The release that the library reports, such as `1.11.0`. `None` if it does not report one.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    pub(crate) fn loaded(&self) -> Loaded {
        self.loaded
    }

    /// `searched`: `path` is a name for the dynamic loader to search for.
    fn load(path: PathBuf, searched: bool, dependencies: Option<&Path>) -> Result<Library> {
        if cfg!(not(target_os = "linux")) {
            return Err(LibraryError::new(
                LibraryErrorKind::Incompatible,
                "libmesos can be loaded only on Linux; use the HTTP backend on this system",
            ));
        }
        // Held while loading, so that two threads do not load two libraries.
        let mut current = lock(&CURRENT);
        if let Some(library) = &*current {
            if library.path == path {
                return Ok(library.clone());
            }
            return Err(LibraryError::new(
                LibraryErrorKind::AlreadyLoaded,
                format_args!(
                    "cannot load {}: this process has loaded {}, and a process can load only one \
                     libmesos; use the loaded one, or start another process",
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

/// The canonical path of a file that is a complete ELF file.
fn existing(path: &Path) -> Result<PathBuf> {
    let canonical = fs::canonicalize(path).map_err(|error| {
        LibraryError::new(
            LibraryErrorKind::NotFound,
            format_args!(
                "no libmesos at {}: {error}; give the path of a libmesos.so, or set \
                 {LIBRARY_VARIABLE} to it",
                path.display()
            ),
        )
    })?;
    let expected = elf_length(&canonical).map_err(|error| not_loadable(path, error))?;
    let Some(expected) = expected else {
        return Err(not_loadable(path, "the file is not a shared library (ELF)"));
    };
    // For a truncated file the dynamic loader would raise SIGBUS.
    let length = fs::metadata(&canonical).map_or(0, |data| data.len());
    if length < expected {
        return Err(not_loadable(
            path,
            format_args!(
                "the file is truncated: {length} bytes of at least {expected}; download it again"
            ),
        ));
    }
    Ok(canonical)
}

/// The length of an ELF file according to the section table at its end. `None` if the file is not an
/// ELF file.
fn elf_length(path: &Path) -> io::Result<Option<u64>> {
    let mut header = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut header)?;
    if !header.starts_with(b"\x7fELF") {
        return Ok(None);
    }
    let field = |at: usize, len: usize| {
        let mut bytes = [0; 8];
        // `None` if the header itself is truncated.
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

fn not_loadable(path: &Path, reason: impl std::fmt::Display) -> LibraryError {
    LibraryError::new(
        LibraryErrorKind::NotLoadable,
        format_args!("cannot load {}: {reason}", path.display()),
    )
}

/// Loads every shared library in a directory. The libraries may need each other, and the loader does
/// not search the directory, so failed libraries are retried after the others.
fn preload_all(directory: &Path) -> Result<()> {
    let unreadable = |error| {
        not_loadable(
            directory,
            format_args!("cannot read the directory: {error}"),
        )
    };
    let mut files = fs::read_dir(directory)
        .map_err(unreadable)?
        .map(|entry| Ok(entry.map_err(unreadable)?.path()))
        .collect::<Result<Vec<_>>>()?;
    files.sort(); // for the same result every time
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

/// The name of the library that the dynamic loader could not find.
fn missing_dependency(reason: &str) -> Option<&str> {
    reason
        .split_once(": cannot open shared object file")
        .map(|(name, _)| name)
}

/// The error for a library that was rejected, with what to do.
fn refusal(path: &Path, searched: bool, error: LoadError) -> LibraryError {
    match error {
        LoadError::Loader(reason) if searched && reason.starts_with(DEFAULT_NAME) => {
            LibraryError::new(
                LibraryErrorKind::NotFound,
                format_args!(
                    "cannot find libmesos: {LIBRARY_VARIABLE} is not set, and the dynamic loader, which \
                 searches LD_LIBRARY_PATH and the system's directories, reports: {reason}; set \
                 {LIBRARY_VARIABLE} to the path of a libmesos.so"
                ),
            )
        }
        LoadError::Loader(reason) => {
            let advice = match missing_dependency(&reason) {
                Some(name) => format!(
                    "; libmesos needs {name}: install it, or pass a directory that contains it to \
                     Library::open_with; for a libmesos that mesos-local downloaded, call \
                     mesos_local::load_libmesos, which supplies stand-ins"
                ),
                None => String::new(),
            };
            not_loadable(path, format_args!("{reason}{advice}"))
        }
        LoadError::Missing { old_abi: true, .. } => LibraryError::new(
            LibraryErrorKind::Incompatible,
            format_args!(
                "{} was built with the C++ string type that GCC used before version 5 \
                 (_GLIBCXX_USE_CXX11_ABI=0), and this program with the newer type; use a libmesos \
                 that was built with GCC 5 or later and its defaults",
                path.display()
            ),
        ),
        LoadError::Missing {
            symbols, required, ..
        } if symbols.len() >= required => LibraryError::new(
            LibraryErrorKind::NotMesos,
            format_args!(
                "{} is a shared library, but not libmesos: it lacks all required functions, such as {}",
                path.display(),
                symbols.last().unwrap_or(&"")
            ),
        ),
        LoadError::Missing {
            symbols, required, ..
        } => LibraryError::new(
            LibraryErrorKind::NotMesos,
            format_args!(
                "{} lacks {} of the {required} required functions: {}; use the libmesos of Mesos 1.4 \
                 or later",
                path.display(),
                symbols.len(),
                symbols.join(", ")
            ),
        ),
        LoadError::Shim(reason) => LibraryError::new(
            LibraryErrorKind::Incompatible,
            format_args!("cannot use {}: {reason}", path.display()),
        ),
    }
}
