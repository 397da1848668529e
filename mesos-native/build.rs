//! Compiles the C++ shim. It includes no header of Mesos, so it needs a C++ compiler
//! and nothing else; libmesos is only looked for at run time.

fn main() {
    println!("cargo:rerun-if-changed=shim");
    cc::Build::new()
        .cpp(true)
        .std("c++14")
        .flag("-fvisibility=hidden")
        .extra_warnings(true)
        .files([
            "shim/executor.cpp",
            "shim/library.cpp",
            "shim/scheduler.cpp",
        ])
        .compile("mesos_shim");
}
