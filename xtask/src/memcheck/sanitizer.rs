//! The sanitizers of LLVM. `RUSTC_BOOTSTRAP` allows `-Zsanitizer` with the stable compiler, whose
//! runtime libraries come with it. clang compiles the shim: the crate `cc` passes it `-fsanitize`
//! for `-Zsanitizer`.
//!
//! ThreadSanitizer is not supported: it requires a standard library that is compiled for it
//! (`-Zbuild-std`, with the source of the toolchain), and reports the locks of libmesos as races.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::{TESTS, is_wanted, report, run_test};
use crate::cargo::{build, target_dir};

/// A sanitizer. Build scripts are compiled without it, which requires an explicit target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Sanitizer {
    /// Invalid accesses to memory
    Address,
}

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Accesses of code without instrumentation are not checked. A small quarantine, because freed memory
/// looks like a leak to the tests that measure memory. Leaks are not reported, for the reason that
/// is stated for valgrind. Pairs of new and free are not checked, because libmesos is not compiled
/// for it.
const ADDRESS: &str = "quarantine_size_mb=4:detect_leaks=0:detect_odr_violation=0:\
                       alloc_dealloc_mismatch=0:strict_string_checks=1:\
                       detect_stack_use_after_return=1:exitcode=99";

/// Tests that measure memory, which the sanitizer uses too. Other tests call the same code.
const MEASURING: [&str; 2] = [
    "drivers_that_are_created_and_dropped_use_little_memory",
    "many_callbacks_do_not_use_more_memory",
];

impl Sanitizer {
    fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
        }
    }

    pub(super) fn run(self, root: &Path, names: &[String]) -> Result<()> {
        if !cfg!(all(target_arch = "x86_64", target_os = "linux")) {
            bail!("the sanitizers are set up for {TARGET} only");
        }
        let mut compiler = Command::new("clang++");
        compiler.arg("--version").stdout(Stdio::null());
        if !compiler.status().is_ok_and(|status| status.success()) {
            bail!("clang++ is not installed; it compiles the shim (Debian: clang)");
        }
        let name = self.name();
        // The programs of a build with other flags would be built again.
        let target = target_dir(root)?.join(format!("sanitizer-{name}"));
        let target = target.display().to_string();
        let flags = format!("-Zsanitizer={name} -Cforce-frame-pointers=yes");
        let environment = [
            ("RUSTC_BOOTSTRAP", "1"),
            ("CARGO_TARGET_DIR", &target),
            ("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", &flags),
            ("CXX_x86_64_unknown_linux_gnu", "clang++"),
        ];
        let arguments = [&["test", "--target", TARGET][..], &TESTS].concat();
        let programs = build(root, &arguments, &environment)?;
        let options = match self {
            Self::Address => ("ASAN_OPTIONS", ADDRESS.to_owned()),
        };
        println!(
            "not run, because they measure memory: {}",
            MEASURING.join(", ")
        );
        let mut failed = Vec::new();
        for test in programs {
            if is_wanted(&test, names) {
                let mut command = Command::new(&test.path);
                command.args(MEASURING.iter().flat_map(|name| ["--skip", name]));
                let environment = [options.clone()];
                failed.extend(run_test(root, command, &test.name, &environment)?);
            }
        }
        report(&format!("sanitizer {name}"), &failed)
    }
}
