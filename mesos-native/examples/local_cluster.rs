//! Starts a local cluster with the settings in the environment.
use std::time::{Duration, Instant};
fn main() -> Result<(), Box<dyn std::error::Error>> {
    let begin = Instant::now();
    let library = match std::env::args_os().nth(1) {
        Some(dir) => mesos_native::Library::open_with(std::env::var_os("MESOS_NATIVE_LIBRARY").ok_or("unset")?, dir)?,
        None => mesos_native::Library::find()?,
    };
    println!("libmesos {:?} after {:?}", library.version(), begin.elapsed());
    let cluster = mesos_native::local::Local::start(&library, Duration::from_secs(20))?;
    println!("http://{:?} agents {:?} after {:?}", cluster.address(), cluster.agents(), begin.elapsed());
    std::io::stdin().read_line(&mut String::new())?;
    let begin = Instant::now();
    drop(cluster);
    println!("stopped in {:?}", begin.elapsed());
    Ok(())
}
