//! Runs a pod: two containers on one agent that start together and share a folder.
//!
//! `cargo run --example containers MASTER [IMAGE]`
//!
//! The agents need the isolator `volume/sandbox_path`, and for an image also an image provider
//! (`--image_providers=docker`) with its isolators. `mesos local up --images SOURCE` starts such an
//! agent.

use mesos::framework::{PodSpec, Runner, TaskSpec, VolumeSpec};
use mesos::http::HttpBackend;
use mesos::{BoxError, Framework};

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut words = std::env::args().skip(1);
    let master = words.next().ok_or("usage: containers MASTER [IMAGE]")?;
    let image = words.next();
    let backend = HttpBackend::new(master.parse()?);
    let runner = Runner::builder(Framework::ephemeral("containers"));
    let runner = runner.start(backend).await?;
    let container = |name, line: &str| {
        // The folder belongs to the pod, and each container sees it at a path of its sandbox.
        let task = TaskSpec::shell(name, line).volume(VolumeSpec::parent("shared", "shared"));
        match &image {
            Some(image) => task.image(image.as_str()),
            None => task,
        }
    };
    let write = container("write", "date > shared/date");
    let read = container("read", "until cat shared/date; do sleep 0.1; done");
    let outcome = runner.run(PodSpec::new("pod", [write, read])).await?;
    println!("{} {}", outcome.state.as_str_name(), outcome.message);
    runner.stop().await?;
    Ok(())
}
