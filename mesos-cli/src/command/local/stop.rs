//! `mesos local down`.

use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::state::Held;
use crate::context::Context;
use crate::error::{Code, Error};

/// How long the cluster may take to stop: longer than the library waits for processes that do not
/// end.
const LIMIT: Duration = Duration::from_secs(60);

pub(super) async fn run(context: &Context) -> Result<(), Error> {
    let Some(held) = Held::find()? else {
        return context.out.done("cluster", "local", "is not running");
    };
    let pid = held.running.pid;
    if pid <= 1 {
        return Err(
            Error::new(Code::Failure, "the local Mesos is just starting")
                .hint("repeat the command"),
        );
    }
    // The process holds the lock, so the number is its number.
    kill(Pid::from_raw(pid), Signal::SIGTERM).map_err(|error| {
        Error::new(
            Code::Failure,
            format!("cannot signal process {pid}: {error}"),
        )
    })?;
    let ended = tokio::task::spawn_blocking(move || held.wait());
    match tokio::time::timeout(LIMIT, ended).await {
        Ok(Ok(result)) => result?,
        Ok(Err(error)) => return Err(Error::new(Code::Failure, error.to_string())),
        Err(_) => {
            // Exits here, because the blocked thread would hold up the end of the program.
            let message = format!("process {pid} has not ended within {} s", LIMIT.as_secs());
            let error = Error::new(Code::Failure, message).hint(format!("use `kill -9 {pid}`"));
            let _ = error.report();
            std::process::exit(Code::Failure as i32);
        }
    }
    context.out.done("cluster", "local", "is stopped")
}
