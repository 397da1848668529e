//! Builds the stand-ins for the shared libraries that libmesos needs and a plain machine lacks
//! (`stub/mesos_stub.c` lists them with the reasons), and modules with their bytes.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

/// The part of the C file, and the file name that the dynamic loader searches.
const STAND_INS: [(&str, &str); 8] = [
    ("PYTHON", "libpython2.7.so.1.0"),
    ("CURL", "libcurl.so.4"),
    ("SVN_DELTA", "libsvn_delta-1.so.1"),
    ("SVN_SUBR", "libsvn_subr-1.so.1"),
    ("APR", "libapr-1.so.0"),
    ("SASL", "libsasl2.so.2"),
    ("SSL", "libssl.so.1.0.0"),
    ("CRYPTO", "libcrypto.so.1.0.0"),
];
const SOURCE: &str = "stub/mesos_stub.c";
/// Programs without a sanitizer load these libraries too. The crate `cc` adds the sanitizer of the
/// Rust code.
const NO_SANITIZER: &str = "-fno-sanitize=all";
/// The library that loads the released file (src/libmesos/loadable.rs).
const LOADABLE: &str = "libmesos.so";

/// Libraries that load a real library of another name, by module: the file name that the dynamic
/// loader searches, and the file name of the real library. OpenSSL's files are named as in the archive
/// that contains them, libevent's as in libevent 2.1.
const FORWARDERS: [(&str, &[(&str, &str)]); 2] = [
    (
        "openssl.rs",
        &[
            ("libssl.so.1.0.0", "libssl-c0c2ede4.so.1.0.2q"),
            ("libcrypto.so.1.0.0", "libcrypto-c1fa9491.so.1.0.2q"),
        ],
    ),
    (
        "libevent.rs",
        &[
            // Not libevent-2.1.so.7: the two other libraries need libevent_core.
            ("libevent-2.0.so.5", "libevent_core-2.1.so.7"),
            ("libevent_openssl-2.0.so.5", "libevent_openssl-2.1.so.7"),
            ("libevent_pthreads-2.0.so.5", "libevent_pthreads-2.1.so.7"),
        ],
    ),
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed={SOURCE}");
    let out = env::var("OUT_DIR")?;
    let out = Path::new(&out);
    // libmesos exists for no other platform, and other linkers have other options.
    let linux = env::var("CARGO_CFG_TARGET_OS")? == "linux"
        && env::var("CARGO_CFG_TARGET_ARCH")? == "x86_64";
    let mut table = String::from("&[\n");
    for (group, file) in STAND_INS.iter().filter(|_| linux) {
        let path = out.join(file);
        let status = cc::Build::new()
            .try_get_compiler()?
            .to_command()
            .args(["-shared", "-fPIC", "-O1", "-g0", NO_SANITIZER])
            .arg(format!("-DMESOS_STUB_{group}"))
            .arg(format!("-Wl,-soname,{file}"))
            .arg("-o")
            .args([path.as_path(), Path::new(SOURCE)])
            .status()?;
        if !status.success() {
            return Err(
                format!("the C compiler could not build {file} from {SOURCE}: {status}").into(),
            );
        }
        table += &format!("    ({file:?}, include_bytes!({path:?}).as_slice()),\n");
    }
    fs::write(out.join("stand_ins.rs"), table + "]\n")?;

    let mut table = String::from("&[\n");
    if linux {
        // Only the names of these two are used.
        let needed = ["_scheduler.so", STAND_INS[0].1].map(|name| (name, out.join(name)));
        let (name, member) = &needed[0];
        empty(name, member, &[])?;
        let path = out.join(LOADABLE);
        let path_of_dependencies = "-Wl,--disable-new-dtags,-rpath,$ORIGIN:$ORIGIN/lib";
        let arguments: [&OsStr; 3] = [
            path_of_dependencies.as_ref(),
            member.as_ref(),
            needed[1].1.as_ref(),
        ];
        empty(LOADABLE, &path, &arguments)?;
        table += &format!("    ({LOADABLE:?}, include_bytes!({path:?}).as_slice()),\n");
    }
    fs::write(out.join("loadable.rs"), table + "]\n")?;

    for (module, libraries) in FORWARDERS {
        let mut table = String::from("&[\n");
        for (file, real) in libraries.iter().filter(|_| linux) {
            // Only the name of the library to link against is used.
            let (named, path) = (out.join(real), out.join(format!("forwarder-{file}")));
            empty(real, &named, &[])?;
            empty(file, &path, &[named.as_ref()])?;
            table += &format!("    ({file:?}, include_bytes!({path:?}).as_slice()),\n");
        }
        fs::write(out.join(module), table + "]\n")?;
    }
    Ok(())
}

/// Builds a library without code that has this name, with these arguments for the linker.
fn empty(name: &str, path: &Path, arguments: &[&OsStr]) -> Result<(), Box<dyn std::error::Error>> {
    let status = cc::Build::new()
        .try_get_compiler()?
        .to_command()
        .args(["-shared", "-g0", "-Wl,--no-as-needed", NO_SANITIZER])
        .arg(format!("-Wl,-soname,{name}"))
        .arg("-o")
        .arg(path)
        .args(["-x", "c", "/dev/null", "-x", "none"])
        .args(arguments)
        .status()?;
    match status.success() {
        true => Ok(()),
        false => Err(format!("the C compiler could not build {name}: {status}").into()),
    }
}
