//! `mesos-containerizer`: not written yet.

fn main() -> std::process::ExitCode {
    eprintln!("mesos-containerizer is not written yet");
    std::process::ExitCode::FAILURE
}
