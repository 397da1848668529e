//! `mesos-containerizer`, the helper that an agent starts for every container.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    mesos_launcher::containerizer::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("mesos-containerizer runs on Linux only");
    std::process::ExitCode::FAILURE
}
