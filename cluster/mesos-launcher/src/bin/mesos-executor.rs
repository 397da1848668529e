//! `mesos-executor`, the command executor: an agent starts it for every task that is a command.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    mesos_launcher::executor::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("mesos-executor runs on Linux only");
    std::process::ExitCode::FAILURE
}
