//! Reads a recording.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::time::Duration;

use mesos_core::{Capabilities, Error, ErrorKind, Result};
use mesos_proto::v1::scheduler::{Call, Event};

use crate::format::{Entry, Fault, Header, Line, VERSION};

/// A recording in memory, by attempts to subscribe.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) capabilities: Capabilities,
    pub(crate) attempts: Vec<Attempt>,
    /// The number of the last line, if it is incomplete.
    pub(crate) truncated: Option<usize>,
}

/// Where and when something was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) at: Duration,
}

#[derive(Debug)]
pub(crate) struct Attempt {
    pub(crate) place: Place,
    pub(crate) call: Call,
    /// The result: the peer, or the error. `None` if the driver gave up.
    pub(crate) result: Option<(Place, Result<String, Fault>)>,
    /// In the recorded order.
    pub(crate) steps: Vec<Step>,
}

#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) place: Place,
    pub(crate) what: What,
    /// Whether the event was delivered, or the call was made.
    pub(crate) done: bool,
}

#[derive(Debug)]
pub(crate) enum What {
    Event(Box<Event>),
    Disconnected(Fault),
    End(Fault),
    Call(Box<Call>, Option<Answered>),
}

/// The answer to a call: how long it took, and the error.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) after: Duration,
    pub(crate) error: Option<Fault>,
}

impl Script {
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = std::fs::File::open(path).map_err(|source| {
            let text = format!("cannot open the recording {}", path.display());
            Error::new(ErrorKind::Store, text).with_source(source)
        })?;
        Self::read(BufReader::new(file)).map_err(|(line, why)| {
            let text = format!("{}, line {line}: {why}", path.display());
            Error::new(ErrorKind::Config, text)
        })
    }

    /// An error has the number of the line.
    fn read(mut input: impl BufRead) -> Result<Self, (usize, String)> {
        let mut text = Vec::new();
        let unreadable = |error: io::Error| format!("cannot read: {error}");
        input
            .read_until(b'\n', &mut text)
            .map_err(|error| (1, unreadable(error)))?;
        let capabilities = header(&text).map_err(|why| (1, why))?;
        let mut script = Self {
            capabilities,
            attempts: Vec::new(),
            truncated: None,
        };
        // The places of the calls, by their numbers.
        let mut calls = HashMap::new();
        for line in 2.. {
            text.clear();
            let read = input.read_until(b'\n', &mut text);
            if read.map_err(|error| (line, unreadable(error)))? == 0 {
                break;
            }
            match serde_json::from_slice::<Line>(&text) {
                Ok(Line { at, entry }) => {
                    let place = Place {
                        line,
                        at: Duration::from_micros(at),
                    };
                    let added = script.add(place, entry, &mut calls);
                    added.map_err(|why| (line, why))?;
                }
                // The process was killed while it wrote the last line.
                Err(_) if !text.ends_with(b"\n") => {
                    script.truncated = Some(line);
                    break;
                }
                Err(error) => {
                    let why = format!("the line is not part of a recording: {error}");
                    return Err((line, why));
                }
            }
        }
        Ok(script)
    }

    fn add(
        &mut self,
        place: Place,
        entry: Entry,
        calls: &mut HashMap<u64, (usize, usize)>,
    ) -> Result<(), String> {
        let what = match entry {
            Entry::Subscribe { subscription, call } => {
                let next = self.attempts.len() as u64 + 1;
                if subscription != next {
                    return Err(format!(
                        "expected subscription {next}, but found subscription {subscription}; a \
                         line is missing"
                    ));
                }
                self.attempts.push(Attempt {
                    place,
                    call: *call,
                    result: None,
                    steps: Vec::new(),
                });
                return Ok(());
            }
            Entry::Open { subscription, peer } => {
                self.attempt(subscription)?.result = Some((place, Ok(peer)));
                return Ok(());
            }
            Entry::Refused {
                subscription,
                error,
            } => {
                self.attempt(subscription)?.result = Some((place, Err(error)));
                return Ok(());
            }
            Entry::Left { .. } => return Ok(()),
            Entry::Answer { number, error } => {
                let unknown = || format!("the answer to call {number}, which was not recorded");
                let &(attempt, step) = calls.get(&number).ok_or_else(unknown)?;
                let step = &mut self.attempts[attempt].steps[step];
                if let What::Call(_, answered) = &mut step.what {
                    let after = place.at.saturating_sub(step.place.at);
                    *answered = Some(Answered { after, error });
                }
                return Ok(());
            }
            Entry::Event {
                subscription,
                event,
            } => (subscription, What::Event(event)),
            Entry::Disconnected {
                subscription,
                error,
            } => (subscription, What::Disconnected(error)),
            Entry::End {
                subscription,
                error,
            } => (subscription, What::End(error)),
            Entry::Call {
                subscription,
                number,
                call,
            } => {
                let step = self.attempt(subscription)?.steps.len();
                calls.insert(number, (subscription as usize - 1, step));
                (subscription, What::Call(call, None))
            }
        };
        let (subscription, what) = what;
        self.attempt(subscription)?.steps.push(Step {
            place,
            what,
            done: false,
        });
        Ok(())
    }

    fn attempt(&mut self, subscription: u64) -> Result<&mut Attempt, String> {
        let index = usize::try_from(subscription).ok();
        let index = index.and_then(|number| number.checked_sub(1));
        let attempt = index.and_then(|index| self.attempts.get_mut(index));
        attempt.ok_or_else(|| format!("subscription {subscription} was not recorded"))
    }
}

fn header(text: &[u8]) -> Result<Capabilities, String> {
    let value: serde_json::Value = serde_json::from_slice(text)
        .map_err(|error| format!("the file is not a recording: {error}"))?;
    let version = &value["mesos-recording"];
    if version.is_null() {
        return Err("the file is not a recording: it does not begin with `mesos-recording`".into());
    }
    if *version != serde_json::json!(VERSION) {
        return Err(format!(
            "the recording has version {version}, but this program reads version {VERSION}; replay \
             it with the program of its time"
        ));
    }
    let header: Header =
        serde_json::from_value(value).map_err(|error| format!("the first line: {error}"))?;
    if header.api != "scheduler" {
        return Err(format!("the recording is of the API {:?}", header.api));
    }
    let named = |capability: &mesos_core::Capability| {
        let name = format!("{capability:?}");
        header.capabilities.contains(&name)
    };
    Ok(Capabilities::all().iter().filter(named).collect())
}
