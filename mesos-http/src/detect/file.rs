//! A file that contains an address.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mesos_core::address::read_file;
use mesos_core::backend::blocking;
use mesos_core::{Error, ErrorKind, Master, Result, error_chain};
use tokio::sync::watch;

use super::{Detection, Detector, detector};
use crate::lock::lock;

/// Finds the leader with the address in a file.
#[derive(Clone, Debug)]
pub(super) struct File {
    path: PathBuf,
    /// Has the settings for the address in the file.
    settings: Master,
    current: Arc<Mutex<Option<Current>>>,
}

/// The content of the file when it was last read.
#[derive(Clone, Debug)]
struct Current {
    master: Master,
    detector: Arc<dyn Detector>,
}

impl File {
    pub(super) fn new(path: PathBuf, settings: Master) -> Self {
        Self {
            path,
            settings,
            current: Arc::default(),
        }
    }

    async fn detector(&self) -> Result<Arc<dyn Detector>> {
        let path = self.path.clone();
        let read = match blocking(move || read_file(&path)).await {
            Ok(read) => read,
            Err(source) => {
                let message = format!("cannot read the address in {}", self.path.display());
                Err(Error::new(ErrorKind::Backend, message).with_source(source))
            }
        };
        let mut current = lock(&self.current);
        match read {
            Ok(master) => {
                let master = master.with_settings_of(&self.settings);
                // The detector is kept while the content stays the same, so that there is one
                // ZooKeeper session, and not one for each subscription.
                if current
                    .as_ref()
                    .is_none_or(|current| current.master != master)
                {
                    tracing::info!(file = %self.path.display(), %master, "address read");
                    *current = Some(Current {
                        detector: detector(&master),
                        master,
                    });
                }
            }
            Err(error) if current.is_some() => {
                tracing::warn!(error = %error_chain(&error), "the previous address stays in effect");
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
        let reading = format!(
            "the address in {} has not been read yet",
            self.path.display()
        );
        let (sender, receiver) = watch::channel(Err(Error::new(ErrorKind::NotLeader, reading)));
        let file = self.clone();
        tokio::spawn(async move {
            let mut detected = match file.detector().await {
                Ok(detector) => detector.watch(),
                Err(error) => {
                    let _ = sender.send(Err(error));
                    return;
                }
            };
            loop {
                let latest = detected.borrow_and_update().clone();
                if sender.send(latest).is_err() {
                    return;
                }
                tokio::select! {
                    () = sender.closed() => return,
                    changed = detected.changed() => if changed.is_err() {
                        return;
                    },
                }
            }
        });
        receiver
    }
}
