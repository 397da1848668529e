//! Downloads over HTTP.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// Downloads `url` into the file `target`. Fails if nothing is received for `stall_timeout`; the
/// whole download has no limit.
pub(super) fn download(url: &str, target: &Path, stall_timeout: Duration) -> Result<()> {
    let (progress, watch) = mpsc::channel();
    let (url, target) = (url.to_owned(), target.to_owned());
    // A channel can be waited for with a timeout that restarts with every piece.
    let worker = thread::spawn(move || get(&url, &target, &progress));
    loop {
        match watch.recv_timeout(stall_timeout) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => bail!("received nothing for {stall_timeout:?}"),
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let ended = worker.join();
    ended.unwrap_or_else(|_| bail!("the download panicked"))
}

fn get(url: &str, target: &Path, progress: &Sender<()>) -> Result<()> {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let response = config.build().new_agent().get(url).call()?;
    let status = response.status();
    ensure!(status.as_u16() == 200, "the server responded with {status}");
    let file = File::create(target);
    let mut file = file.with_context(|| format!("cannot create {}", target.display()))?;
    let mut body = response.into_body().into_reader();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = match body.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("the download was interrupted"),
        };
        file.write_all(&piece[..read])
            .with_context(|| format!("cannot write to {}", target.display()))?;
        // Without a receiver the download has been given up.
        let _ = progress.send(());
    }
}
