//! `mesos-executor`: not written yet.

fn main() -> std::process::ExitCode {
    eprintln!("mesos-executor is not written yet");
    std::process::ExitCode::FAILURE
}
