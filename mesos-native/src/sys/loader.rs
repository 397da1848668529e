//! Loads a shared library and resolves the symbols that the shim calls.

use std::error::Error as _;
use std::ffi::{CStr, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};

use super::{Text, bindings};

/// A libmesos with all symbols that the shim requires. It stays loaded until the process ends,
/// because its threads cannot be stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loaded(NonNull<bindings::mesos_shim_library>);

// SAFETY: the header says that a mesos_shim_library may be used from any thread, and
// it is never freed.
unsafe impl Send for Loaded {}
// SAFETY: as above; the object does not change after its creation.
unsafe impl Sync for Loaded {}

/// A feature that some releases or builds of libmesos lack.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Feature {
    /// SUPPRESS and REVIVE of single roles (1.9).
    SingleRoles,
    /// UPDATE_FRAMEWORK (1.9).
    UpdateFramework,
    /// Offer constraints (1.11).
    OfferConstraints,
    /// `MesosExecutorDriver`, which the library of the Python package lacks.
    Executors,
    /// An executor driver that accepts an environment (1.7).
    ExecutorEnvironment,
}

/// Why a file cannot be used as libmesos.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The dynamic loader refused the file for this reason.
    Loader(String),
    /// The readable names of missing symbols, and the number of required symbols. `old_abi`: the
    /// library has the symbols with the string type that GCC used before version 5.
    Missing {
        symbols: Vec<&'static str>,
        required: usize,
        old_abi: bool,
    },
    /// The shim refused the library for this reason.
    Shim(String),
}

/// Loads a library that other libraries depend on, and never unloads it. `global`: its symbols are
/// visible to every library that is loaded later, not only to libraries that name it.
pub(crate) fn preload(path: &Path, global: bool) -> Result<(), LoadError> {
    let scope = if global { RTLD_GLOBAL } else { RTLD_LOCAL };
    // SAFETY: runs the library's initializers. The caller trusts the file, as it trusts any
    // program that it starts.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | scope) };
    let library = library.map_err(loader_error)?;
    std::mem::forget(library);
    Ok(())
}

impl Loaded {
    /// Loads the library and resolves its symbols. The dynamic loader searches for a `path` without
    /// a slash.
    pub(crate) fn open(path: &Path) -> Result<Loaded, LoadError> {
        // RTLD_LOCAL: libmesos exports its own protobuf, which other libraries must not use.
        // RTLD_NOW: a dependency that lacks a symbol is reported here and not by a later call.
        // SAFETY: runs the library's initializers; see `preload`.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
        let library = library.map_err(loader_error)?;
        let loaded = Self::resolve(&library);
        // A refused library stays loaded, too: its C++ initializers have stored pointers into it,
        // which would dangle.
        std::mem::forget(library);
        loaded
    }

    fn resolve(library: &Library) -> Result<Loaded, LoadError> {
        let mut addresses: Vec<*mut c_void> = Vec::new();
        let mut missing = Vec::new();
        let mut old_abi = false;
        let mut required = 0;
        let mut index = 0;
        loop {
            // SAFETY: the header permits any index, and returns NULL past the end.
            let info = unsafe { bindings::mesos_shim_symbol(index) };
            // SAFETY: NULL or a static struct, as the header says.
            let Some(info) = (unsafe { info.as_ref() }) else {
                break;
            };
            let address = find(library, info.mangled);
            required += usize::from(info.optional == 0);
            if address.is_null() && info.optional == 0 {
                // SAFETY: the header says that the strings are static, and that this one is
                // never NULL.
                let readable = unsafe { CStr::from_ptr(info.readable) };
                missing.push(readable.to_str().unwrap_or("(unreadable)"));
                old_abi |= !info.old_abi.is_null() && !find(library, info.old_abi).is_null();
            }
            addresses.push(address);
            index += 1;
        }
        if !missing.is_empty() {
            return Err(LoadError::Missing {
                symbols: missing,
                required,
                old_abi,
            });
        }
        let mut error = Text::new();
        // SAFETY: `addresses` has one address for each symbol, in the shim's order. The error
        // buffer has the length that is passed.
        let made = unsafe {
            bindings::mesos_shim_library_new(
                addresses.as_ptr(),
                addresses.len(),
                error.as_mut_ptr(),
                error.len(),
            )
        };
        NonNull::new(made)
            .map(Loaded)
            .ok_or_else(|| LoadError::Shim(error.into_string()))
    }

    /// The release that this libmesos reports.
    pub(crate) fn version(self) -> Option<String> {
        let mut text = Text::new();
        // SAFETY: the handle is never freed, the buffer has the length that is passed.
        let len = unsafe {
            bindings::mesos_shim_library_version(self.0.as_ptr(), text.as_mut_ptr(), text.len())
        };
        (len > 0).then(|| text.into_string())
    }

    /// Whether this libmesos has `feature`.
    pub(crate) fn has(self, feature: Feature) -> bool {
        let feature = match feature {
            Feature::SingleRoles => bindings::MESOS_SHIM_SINGLE_ROLES,
            Feature::UpdateFramework => bindings::MESOS_SHIM_UPDATE_FRAMEWORK,
            Feature::OfferConstraints => bindings::MESOS_SHIM_OFFER_CONSTRAINTS,
            Feature::Executors => bindings::MESOS_SHIM_EXECUTORS,
            Feature::ExecutorEnvironment => bindings::MESOS_SHIM_EXECUTOR_ENVIRONMENT,
        };
        // SAFETY: the handle is never freed.
        unsafe { bindings::mesos_shim_library_has(self.0.as_ptr(), feature) != 0 }
    }

    pub(super) fn as_ptr(self) -> *const bindings::mesos_shim_library {
        self.0.as_ptr()
    }
}

/// The text of the dynamic loader, which is the source of libloading's error.
fn loader_error(error: libloading::Error) -> LoadError {
    let reason = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    LoadError::Loader(reason)
}

/// The address of a symbol, or NULL if the library does not export it.
fn find(library: &Library, name: *const std::ffi::c_char) -> *mut c_void {
    // SAFETY: the header says that names are static NUL-terminated strings. The callers do not
    // pass NULL.
    let name = unsafe { CStr::from_ptr(name) };
    // SAFETY: only the address of the symbol is used here. The shim gives it the type that the
    // mangled name states.
    let symbol = unsafe { library.get::<*mut c_void>(name.to_bytes_with_nul()) };
    symbol.map_or(ptr::null_mut(), |symbol| symbol.into_raw())
}
