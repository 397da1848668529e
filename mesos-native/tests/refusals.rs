//! Files that are not libmesos are refused with a message that says what to change. These tests do
//! not need a libmesos.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use mesos_native::{Library, LibraryError, LibraryErrorKind};
use tempfile::TempDir;

/// The list of required symbols in the shim.
const SYMBOLS: &str = include_str!("../shim/symbols.hpp");

fn refused(path: &Path) -> LibraryError {
    Library::open(path).expect_err("not a libmesos")
}

fn scratch() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// Compiles a shared library that exports `symbols` as functions and depends on `needed`.
fn library(dir: &Path, name: &str, symbols: &[&str], needed: Option<&str>) -> PathBuf {
    let mut code = String::new();
    for (index, symbol) in symbols.iter().enumerate() {
        code += &format!("void f{index}(void) __asm__(\"{symbol}\"); void f{index}(void) {{}}\n");
    }
    let source = dir.join("library.c");
    fs::write(&source, code).expect("write");
    let path = dir.join(name);
    let mut command = Command::new(env::var("CC").unwrap_or_else(|_| "cc".to_owned()));
    command.args(["-shared", "-fPIC", "-Wl,--no-as-needed"]);
    command
        .arg(format!("-Wl,-soname,{name}"))
        .arg("-o")
        .arg(&path)
        .arg(&source);
    if let Some(needed) = needed {
        command.arg("-L").arg(dir).arg(format!("-l:{needed}"));
    }
    assert!(command.status().expect("a C compiler").success());
    path
}

#[test]
fn a_missing_file_is_named_with_the_variable_to_set() {
    let error = refused(Path::new("/nonexistent/libmesos.so"));
    assert_eq!(
        error.to_string(),
        "no libmesos at /nonexistent/libmesos.so: No such file or directory (os error 2); give \
         the path of a libmesos.so, or set MESOS_NATIVE_LIBRARY to it"
    );
    assert_eq!(error.kind(), LibraryErrorKind::NotFound);
}

#[test]
fn a_file_that_is_not_a_shared_library_is_refused_before_loading() {
    let dir = scratch();
    let path = dir.path().join("libmesos.so");
    fs::write(&path, "hello").expect("write");
    let error = refused(&path);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot load {}: the file is not a shared library (ELF)",
            path.display()
        )
    );
    assert_eq!(error.kind(), LibraryErrorKind::NotLoadable);
}

#[test]
fn an_empty_file_and_a_directory_are_refused() {
    let dir = scratch();
    let empty = dir.path().join("empty");
    fs::write(&empty, "").expect("write");
    for path in [empty.as_path(), dir.path()] {
        let error = refused(path);
        assert!(
            error
                .to_string()
                .starts_with(&format!("cannot load {}: ", path.display()))
        );
        assert_eq!(error.kind(), LibraryErrorKind::NotLoadable);
    }
}

#[test]
fn a_truncated_library_is_refused_before_the_loader_crashes() {
    let dir = scratch();
    let path = library(dir.path(), "libmesos.so", &["m"], None);
    let whole = fs::read(&path).expect("read");
    for length in [20, 64, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).expect("write");
        let error = refused(&path);
        let text = error.to_string();
        let start = format!(
            "cannot load {}: the file is truncated: {length} bytes of at least ",
            path.display()
        );
        assert!(text.starts_with(&start), "{text}");
        assert!(text.ends_with("; download it again"), "{text}");
        assert_eq!(error.kind(), LibraryErrorKind::NotLoadable);
    }
}

#[test]
fn another_shared_library_is_reported_as_not_libmesos() {
    let dir = scratch();
    let path = library(dir.path(), "libother.so", &["something"], None);
    let error = refused(&path);
    assert_eq!(
        error.to_string(),
        format!(
            "{} is a shared library, but not libmesos: it lacks all required functions, such as \
             mesos::MesosSchedulerDriver::MesosSchedulerDriver(mesos::Scheduler*, \
             mesos::FrameworkInfo const&, std::string const&, bool, mesos::Credential const&)",
            path.display()
        )
    );
    assert_eq!(error.kind(), LibraryErrorKind::NotMesos);
}

#[test]
fn every_missing_function_is_listed_in_one_error() {
    let dir = scratch();
    let present = "_ZN5mesos20MesosSchedulerDriver5startEv";
    assert!(SYMBOLS.contains(present));
    let error = refused(&library(dir.path(), "libmesos.so", &[present], None));
    let text = error.to_string();
    for missing in [
        "google::protobuf::MessageLite::ParseFromArray(void const*, int)",
        "google::protobuf::Message::SpaceUsedLong()",
        "mesos::Offer::default_instance()",
        "mesos::MesosSchedulerDriver::~MesosSchedulerDriver()",
    ] {
        assert!(text.contains(missing), "{text} does not name {missing}");
    }
    assert!(!text.contains("MesosSchedulerDriver::start()"), "{text}");
    assert!(
        !text.contains("mesos::internal::version()"),
        "optional, but named: {text}"
    );
    assert_eq!(error.kind(), LibraryErrorKind::NotMesos);
}

#[test]
fn a_libmesos_with_the_old_string_type_is_incompatible() {
    let dir = scratch();
    let symbols = [
        "_ZN5mesos20MesosSchedulerDriver5startEv",
        "_ZNK6google8protobuf11MessageLite24SerializePartialToStringEPSs",
    ];
    let path = library(dir.path(), "libmesos.so", &symbols, None);
    let error = refused(&path);
    assert_eq!(
        error.to_string(),
        format!(
            "{} was built with the C++ string type that GCC used before version 5 \
             (_GLIBCXX_USE_CXX11_ABI=0), and this program with the newer type; use a libmesos \
             that was built with GCC 5 or later and its defaults",
            path.display()
        )
    );
    assert_eq!(error.kind(), LibraryErrorKind::Incompatible);
}

#[test]
fn a_missing_dependency_is_named_with_what_to_do() {
    let dir = scratch();
    let dependency = library(dir.path(), "libgone-for-a-test.so.7", &["gone"], None);
    let path = library(
        dir.path(),
        "libmesos.so",
        &["m"],
        Some("libgone-for-a-test.so.7"),
    );
    fs::remove_file(dependency).expect("remove");
    let error = refused(&path);
    assert_eq!(
        error.to_string(),
        format!(
            "cannot load {}: libgone-for-a-test.so.7: cannot open shared object file: No such \
             file or directory; libmesos needs libgone-for-a-test.so.7: install it, or pass a \
             directory that contains it to Library::open_with; for a libmesos that mesos-local \
             downloaded, call mesos_local::load_libmesos, which supplies stand-ins",
            path.display()
        )
    );
    assert_eq!(error.kind(), LibraryErrorKind::NotLoadable);
}

#[test]
fn a_directory_of_dependencies_supplies_missing_libraries() {
    let dir = scratch();
    let supplied = dir.path().join("supplied");
    fs::create_dir(&supplied).expect("mkdir");
    library(dir.path(), "libsupplied-for-a-test.so.7", &["gone"], None);
    let path = library(
        dir.path(),
        "libmesos.so",
        &["m"],
        Some("libsupplied-for-a-test.so.7"),
    );
    let name = "libsupplied-for-a-test.so.7";
    fs::rename(dir.path().join(name), supplied.join(name)).expect("rename");
    // It loads, and is refused only for its own missing functions.
    let error = Library::open_with(&path, &supplied).expect_err("not a libmesos");
    assert_eq!(error.kind(), LibraryErrorKind::NotMesos, "{error}");
}

#[test]
fn dependencies_may_need_each_other_in_any_order() {
    let dir = scratch();
    let (first, last) = ("liba-for-a-test.so.7", "libz-for-a-test.so.7");
    library(dir.path(), last, &["z"], None);
    library(dir.path(), first, &["a"], Some(last));
    let path = library(dir.path(), "libmesos.so", &["m"], Some(first));
    let supplied = dir.path().join("supplied");
    fs::create_dir(&supplied).expect("mkdir");
    for name in [first, last] {
        fs::rename(dir.path().join(name), supplied.join(name)).expect("rename");
    }
    let error = Library::open_with(&path, &supplied).expect_err("not a libmesos");
    assert_eq!(error.kind(), LibraryErrorKind::NotMesos, "{error}");
}

#[test]
fn a_dependency_that_cannot_be_loaded_is_named() {
    let dir = scratch();
    let path = library(dir.path(), "libmesos.so", &["m"], None);
    let supplied = dir.path().join("supplied");
    fs::create_dir(&supplied).expect("mkdir");
    let broken = supplied.join("libbroken.so");
    fs::write(&broken, "hello").expect("write");
    let error = Library::open_with(&path, &supplied).expect_err("a broken dependency");
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("cannot load {}: ", broken.display())),
        "{text}"
    );
    assert_eq!(error.kind(), LibraryErrorKind::NotLoadable);
}

#[test]
fn a_directory_of_dependencies_that_does_not_exist_is_named() {
    let dir = scratch();
    let path = library(dir.path(), "libmesos.so", &["m"], None);
    let error = Library::open_with(&path, "/nonexistent/dependencies").expect_err("no directory");
    assert!(
        error.to_string().starts_with(
            "cannot load /nonexistent/dependencies: cannot read the directory: No such file"
        ),
        "{error}"
    );
}

/// Runs the test with this name in another process, with `variable` set or removed.
fn rerun(test: &str, variable: &str, value: Option<&str>) {
    let mut command = Command::new(env::current_exe().expect("this program"));
    command
        .args(["--exact", test, "--nocapture"])
        .env("MESOS_NATIVE_TEST_RERUN", "1");
    command.env_remove("LD_LIBRARY_PATH").env_remove(variable);
    if let Some(value) = value {
        command.env(variable, value);
    }
    let output = command.output().expect("this program runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn find_names_the_variable_with_a_wrong_path() {
    if env::var_os("MESOS_NATIVE_TEST_RERUN").is_none() {
        let name = "find_names_the_variable_with_a_wrong_path";
        return rerun(
            name,
            "MESOS_NATIVE_LIBRARY",
            Some("/nonexistent/libmesos.so"),
        );
    }
    let error = Library::find().expect_err("it does not exist");
    assert!(
        error
            .to_string()
            .starts_with("MESOS_NATIVE_LIBRARY: no libmesos at /nonexistent/"),
        "{error}"
    );
    assert_eq!(error.kind(), LibraryErrorKind::NotFound);
}

#[test]
fn find_lists_the_searched_places_when_the_variable_is_unset() {
    if env::var_os("MESOS_NATIVE_TEST_RERUN").is_none() {
        return rerun(
            "find_lists_the_searched_places_when_the_variable_is_unset",
            "MESOS_NATIVE_LIBRARY",
            None,
        );
    }
    match Library::find() {
        Err(error) => {
            assert_eq!(
                error.to_string(),
                "cannot find libmesos: MESOS_NATIVE_LIBRARY is not set, and the dynamic loader, \
                 which searches LD_LIBRARY_PATH and the system's directories, reports: \
                 libmesos.so: cannot open shared object file: No such file or directory; set \
                 MESOS_NATIVE_LIBRARY to the path of a libmesos.so"
            );
            assert_eq!(error.kind(), LibraryErrorKind::NotFound);
        }
        // A machine that has Mesos installed.
        Ok(library) => assert_eq!(library.path(), Path::new("libmesos.so")),
    }
}
