//! `mesos-default-executor`, the default executor: an agent starts it for task groups.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    mesos_launcher::default_executor::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("mesos-default-executor runs on Linux only");
    std::process::ExitCode::FAILURE
}
