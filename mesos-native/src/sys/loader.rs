//! Loads a shared library and resolves every symbol that the shim calls in it.

use std::error::Error as _;
use std::ffi::{CStr, c_void};
use std::path::Path;
use std::ptr::{self, NonNull};

use libloading::os::unix::{Library, RTLD_GLOBAL, RTLD_LOCAL, RTLD_NOW};

use super::{Text, bindings};

/// A libmesos that has all that the shim calls. It stays loaded until the process
/// ends: its threads cannot be stopped.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loaded(NonNull<bindings::mesos_shim_library>);

// SAFETY: the header says that a mesos_shim_library may be used from any thread, and
// it is never freed.
unsafe impl Send for Loaded {}
// SAFETY: as above; nothing changes it after it was made.
unsafe impl Sync for Loaded {}

/// What not every libmesos has.
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
    /// Executors that are told an environment (1.7).
    ExecutorEnvironment,
}

/// Why a file is not a libmesos that can be used.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The dynamic loader refused it, with its reason.
    Loader(String),
    /// Symbols that are missing, for a person to read; `old_abi` when the library has
    /// them with the string type of before GCC 5; `of` is how many are needed.
    Missing {
        symbols: Vec<&'static str>,
        of: usize,
        old_abi: bool,
    },
    /// The shim refused it, with its reason.
    Shim(String),
}

/// Loads a library that others will need, and leaves it loaded. `global`: its symbols
/// serve every library that is loaded later, not only those that name it.
pub(crate) fn preload(path: &Path, global: bool) -> Result<(), LoadError> {
    let scope = if global { RTLD_GLOBAL } else { RTLD_LOCAL };
    // SAFETY: runs the library's initialisers. The caller named the file as one to
    // load code from, as with any program that is started.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | scope) };
    let library = library.map_err(loader_error)?;
    std::mem::forget(library);
    Ok(())
}

impl Loaded {
    /// Loads the library and resolves its symbols. A `path` without a slash is left to
    /// the dynamic loader's search.
    pub(crate) fn open(path: &Path) -> Result<Loaded, LoadError> {
        // Local: libmesos exports its own protobuf, which must not serve others in the
        // process. Now: a dependency that lacks a symbol shows here and not in a call.
        // SAFETY: runs the library's initialisers; see `preload`.
        let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
        let library = library.map_err(loader_error)?;
        let loaded = Self::resolve(&library);
        // Also when it is refused: initialisers of a C++ library of this size have
        // left pointers into it behind, and unloading it would leave them dangling.
        std::mem::forget(library);
        loaded
    }

    fn resolve(library: &Library) -> Result<Loaded, LoadError> {
        let mut addresses: Vec<*mut c_void> = Vec::new();
        let mut missing = Vec::new();
        let mut old_abi = false;
        let mut needed = 0;
        let mut index = 0;
        loop {
            // SAFETY: any index may be asked for; the header says it returns NULL past
            // the end.
            let info = unsafe { bindings::mesos_shim_symbol(index) };
            // SAFETY: NULL or a static struct, as the header says.
            let Some(info) = (unsafe { info.as_ref() }) else {
                break;
            };
            let address = find(library, info.mangled);
            needed += usize::from(info.optional == 0);
            if address.is_null() && info.optional == 0 {
                // SAFETY: the header says that the strings are static; this one is
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
                of: needed,
                old_abi,
            });
        }
        let mut error = Text::new();
        // SAFETY: `addresses` holds one address for each symbol in the shim's order,
        // and the error buffer has the length that is passed.
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

    /// The release that this libmesos says it is.
    pub(crate) fn version(self) -> Option<String> {
        let mut text = Text::new();
        // SAFETY: the handle is never freed, the buffer has the length that is passed.
        let len = unsafe {
            bindings::mesos_shim_library_version(self.0.as_ptr(), text.as_mut_ptr(), text.len())
        };
        (len > 0).then(|| text.into_string())
    }

    /// Whether this libmesos has it.
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

/// The loader's own words, which libloading keeps in the source of its error.
fn loader_error(error: libloading::Error) -> LoadError {
    let reason = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    LoadError::Loader(reason)
}

/// The address of a symbol, NULL when the library has none of that name.
fn find(library: &Library, name: *const std::ffi::c_char) -> *mut c_void {
    // SAFETY: the header says that names are static NUL-terminated strings; the callers
    // pass no NULL.
    let name = unsafe { CStr::from_ptr(name) };
    // SAFETY: the symbol is only taken as an address here. The shim gives it its type,
    // which the mangled name spells out.
    let symbol = unsafe { library.get::<*mut c_void>(name.to_bytes_with_nul()) };
    symbol.map_or(ptr::null_mut(), |symbol| symbol.into_raw())
}
