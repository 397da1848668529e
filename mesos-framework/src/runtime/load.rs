//! Reads the jobs that have ended for the requests that are about them.
//!
//! The state can be slow, such as a ZooKeeper without a leader, and updates of tasks must be handled
//! meanwhile. So a request waits for its part of the state outside of the event loop. The requests
//! behind it wait, too, because two of them can be about the same name.

use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use mesos_core::{BoxError, Error, ErrorKind, Result};

use super::writer::Reader;
use super::{Command, Driver, Runtime};
use crate::JobSpec;
use crate::engine::DONE_JOB;
use crate::engine::job::DoneRecord;

/// What is stored about names that are not those of live jobs; `None` for a name that is not known.
pub(crate) type Loaded = BTreeMap<String, Option<DoneRecord>>;

/// The requests that wait, while one is on its way.
pub(super) type Waiting = Option<VecDeque<Command>>;

impl Runtime {
    /// Answers a request, now or when the state was read.
    pub(super) fn request(&mut self, driver: &Driver, command: Command) {
        match (&mut self.waiting, names(&command)) {
            (Some(waiting), Some(_)) => waiting.push_back(command),
            _ => self.load(driver, command, Loaded::new()),
        }
    }

    /// The state was read for a request.
    pub(super) fn loaded(
        &mut self,
        driver: &Driver,
        command: Command,
        loaded: Loaded,
        result: Result<()>,
    ) {
        let waiting = self.waiting.take().unwrap_or_default();
        match result {
            // A job that was live may have ended meanwhile.
            Ok(()) => self.load(driver, command, loaded),
            Err(error) => refuse(command, error),
        }
        for command in waiting {
            self.request(driver, command);
        }
    }

    /// Answers the request if nothing has to be read, and reads otherwise.
    fn load(&mut self, driver: &Driver, command: Command, mut loaded: Loaded) {
        let names = names(&command).unwrap_or_default();
        let missing = |name: &String| {
            let is_live = self.engine.job(name).is_some() || self.engine.service(name).is_some();
            !is_live && !loaded.contains_key(name)
        };
        let missing: Vec<String> = names.into_iter().filter(missing).collect();
        if missing.is_empty() {
            return self.answer(driver, command, &loaded);
        }
        let reader = self.writer.reader();
        let mut read = Box::pin(async move {
            let result = read_all(&reader, missing, &mut loaded).await;
            (loaded, result)
        });
        // A state in memory answers at once.
        let mut at_once = Context::from_waker(Waker::noop());
        if let Poll::Ready((loaded, result)) = pin!(&mut read).poll(&mut at_once) {
            return match result {
                Ok(()) => self.load(driver, command, loaded),
                Err(error) => refuse(command, error),
            };
        }
        self.waiting = Some(VecDeque::new());
        let driver = driver.clone();
        tokio::spawn(async move {
            let (loaded, result) = read.await;
            // Fails if the driver has ended. The program then receives the reason for that.
            let _ = driver.send(Command::Loaded(Box::new(command), loaded, result));
        });
    }
}

/// The names that a request is about; `None` for requests that do not have to keep their order.
fn names(command: &Command) -> Option<Vec<String>> {
    Some(match command {
        Command::Submit(spec, _) => with_dependencies([&**spec]),
        Command::SubmitAll(specs, ..) => with_dependencies(specs),
        Command::Watch { name, .. } | Command::Describe(name, _) => vec![name.clone()],
        Command::Keep(spec, _) => vec![spec.name.clone()],
        // A job that was submitted before must be stored before the reply.
        Command::Forget(..) | Command::Flush(_) => Vec::new(),
        _ => return None,
    })
}

fn with_dependencies<'a>(specs: impl IntoIterator<Item = &'a JobSpec>) -> Vec<String> {
    specs
        .into_iter()
        .flat_map(|spec| std::iter::once(&spec.name).chain(&spec.after).cloned())
        .collect()
}

/// Adds the records of jobs that have ended.
async fn read_all(reader: &Reader, names: Vec<String>, loaded: &mut Loaded) -> Result<()> {
    let keys: Vec<String> = names
        .iter()
        .map(|name| format!("{DONE_JOB}{name}"))
        .collect();
    let failed = |key: &str, error: BoxError| {
        let message = format!("cannot read the entry {key:?} of the state");
        Error::new(ErrorKind::Store, message).with_source(error)
    };
    let first = keys.first().map_or(DONE_JOB, String::as_str);
    let values = reader.read_all(&keys).await;
    let values = values.map_err(|error| failed(first, error))?;
    for ((name, key), value) in names.into_iter().zip(&keys).zip(values) {
        let record = value.map(|value| serde_json::from_slice(&value));
        let record = record
            .transpose()
            .map_err(|error| failed(key, error.into()));
        loaded.insert(name, record?);
    }
    Ok(())
}

/// Answers a request with an error. The program may not wait any more.
fn refuse(command: Command, error: Error) {
    match command {
        Command::Submit(_, reply) | Command::Watch { reply, .. } => drop(reply.send(Err(error))),
        Command::SubmitAll(_, _, listener, _) => drop(listener.send(Err(error))),
        Command::Describe(_, reply) => drop(reply.send(Err(error))),
        Command::Keep(_, reply) => drop(reply.send(Err(error))),
        _ => {}
    }
}
