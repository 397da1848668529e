//! A file in which an address is written.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use mesos_core::{Error, ErrorKind, Result, error_chain};
use tokio::sync::watch;

use super::master::{Address, Master};
use super::settings::Settings;
use super::{Detection, Detector};
use crate::endpoint::EndpointError;

/// How many files may be read until one has another form of address.
const FILES: usize = 8;

/// The longest content that is taken for an address, in bytes.
const LIMIT: u64 = 64 << 10;

/// Finds the leader with what a file says.
#[derive(Clone, Debug)]
pub(super) struct File {
    path: PathBuf,
    settings: Settings,
    current: Arc<Mutex<Option<Current>>>,
}

/// What the file said when it was last read.
#[derive(Clone, Debug)]
struct Current {
    master: Master,
    detector: Arc<dyn Detector>,
}

impl File {
    pub(super) fn new(path: PathBuf, settings: Settings) -> Self {
        Self {
            path,
            settings,
            current: Arc::default(),
        }
    }

    async fn detector(&self) -> Result<Arc<dyn Detector>> {
        let path = self.path.clone();
        let read = match tokio::task::spawn_blocking(move || read(path)).await {
            Ok(read) => read,
            Err(end) => {
                Err(Error::new(ErrorKind::Backend, "reading was ended early").with_source(end))
            }
        };
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(master) => {
                let master = master.with_settings(self.settings.clone());
                // The same detector as long as the file says the same, so that
                // there is one session with a ZooKeeper and not one for each
                // subscription.
                if current
                    .as_ref()
                    .is_none_or(|current| current.master != master)
                {
                    tracing::info!(file = %self.path.display(), %master, "address read");
                    *current = Some(Current {
                        detector: master.detector(),
                        master,
                    });
                }
            }
            Err(error) if current.is_some() => {
                tracing::warn!(error = %error_chain(&error), "what the file said before stays valid");
            }
            Err(error) => return Err(error),
        }
        match &*current {
            Some(current) => Ok(Arc::clone(&current.detector)),
            None => Err(Error::new(ErrorKind::Config, "no address was read")),
        }
    }
}

impl Detector for File {
    fn watch(&self) -> watch::Receiver<Detection> {
        let reading = format!("{} is being read", self.path.display());
        let (sender, receiver) = watch::channel(Err(Error::new(ErrorKind::NotLeader, reading)));
        let file = self.clone();
        tokio::spawn(async move {
            let mut news = match file.detector().await {
                Ok(detector) => detector.watch(),
                Err(error) => {
                    let _ = sender.send(Err(error));
                    return;
                }
            };
            loop {
                let latest = news.borrow_and_update().clone();
                if sender.send(latest).is_err() {
                    return;
                }
                tokio::select! {
                    () = sender.closed() => return,
                    more = news.changed() => if more.is_err() {
                        return;
                    },
                }
            }
        });
        receiver
    }
}

/// Reads one file after the other until one says something else than where the
/// next is.
fn read(mut path: PathBuf) -> Result<Master> {
    let first = path.clone();
    for _ in 0..FILES {
        let content = content(&path)?;
        let master: Master = content.parse().map_err(|source: EndpointError| {
            let message = format!("{} has no address of a Mesos in it", path.display());
            Error::new(ErrorKind::Config, message).with_source(source)
        })?;
        match master.address {
            Address::File(next) => path = next,
            _ => return Ok(master),
        }
    }
    let first = first.display();
    Err(Error::new(
        ErrorKind::Config,
        format!(
            "{first} leads to more than {FILES} files that each name another; write the address \
             of the masters into it"
        ),
    ))
}

fn content(path: &Path) -> Result<String> {
    let mut content = String::new();
    let read = std::fs::File::open(path)
        .and_then(|file| file.take(LIMIT + 1).read_to_string(&mut content));
    let path = path.display();
    match read {
        Err(source) => Err(Error::new(
            ErrorKind::Config,
            format!("cannot read the address of the masters from {path}"),
        )
        .with_source(source)),
        Ok(_) if content.len() as u64 > LIMIT => Err(Error::new(
            ErrorKind::Config,
            format!("{path} is longer than {LIMIT} bytes; it should have one address in it"),
        )),
        Ok(_) => Ok(content),
    }
}
