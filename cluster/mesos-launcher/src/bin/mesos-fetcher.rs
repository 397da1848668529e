//! `mesos-fetcher`: an agent starts it for every container with files to fetch.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    mesos_launcher::fetcher::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!("mesos-fetcher runs on Linux only");
    std::process::ExitCode::FAILURE
}
