//! Reading one file as it grows.

use std::sync::Arc;

use bytes::Bytes;
use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::agent::{self, call, response};

use super::position::Position;
use super::{INTERVAL, is_missing};
use crate::operator::OperatorClient;

/// How often a read looks for the file again if the file is rotated meanwhile.
const ATTEMPTS: usize = 16;

/// The highest number of a rotated file that is searched.
const ROTATED: u32 = 9;

/// Reads a file as it grows, like `tail -F`.
///
/// A file is recognized by the bytes before the present position. If the file does not have them any
/// more, it was rotated, truncated or replaced:
/// * A rotated file is found at `PATH.1` to `PATH.9`, where Mesos' `LogrotateContainerLogger`
///   (src/slave/container_loggers/logrotate.cpp) and `logrotate` move it. Its rest and the newer files
///   are read first. Then reading continues at the start of the new file.
/// * Otherwise reading continues at the start of the file, and [`restarts`](Self::restarts) increases:
///   what was written between the last read and the truncation is lost.
///
/// ```no_run
/// use mesos::http::OperatorClient;
/// use mesos::http::files::{Follow, sandbox};
///
/// # async fn example(framework_id: mesos::v1::FrameworkId) -> mesos::Result<()> {
/// let agent = OperatorClient::for_endpoint("http://10.0.0.7:5051".parse()?);
/// let stdout = format!("{}/stdout", sandbox(&framework_id, &"my-task".into()));
/// let mut follow = Follow::new(agent, stdout);
/// loop {
///     let bytes = follow.next().await?;
///     print!("{}", String::from_utf8_lossy(&bytes));
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Follow {
    agent: Arc<OperatorClient>,
    path: String,
    /// 0 is the file itself, and a higher number is that of a rotated file.
    number: u32,
    position: Position,
    restarts: u64,
}

/// The part of a file behind a position.
enum Part {
    Missing,
    /// The file does not have the bytes before the position.
    Differs,
    Continues(Bytes),
}

impl Follow {
    /// Follows the file at `path` from its start. The file need not exist yet.
    pub fn new(agent: impl Into<Arc<OperatorClient>>, path: impl Into<String>) -> Self {
        Self {
            agent: agent.into(),
            path: path.into(),
            number: 0,
            position: Position::default(),
            restarts: 0,
        }
    }

    /// Continues at a position in the file.
    #[cfg(feature = "operator")]
    pub(crate) fn starting_at(self, position: Position) -> Self {
        Self { position, ..self }
    }

    /// The bytes that were added since the last read: at most 64 KiB at once on most machines (16
    /// pages, src/files/files.cpp). Empty at the end of the file, and while the file does not exist.
    ///
    /// The last 256 bytes are compared. A file that was replaced by one with the same bytes at the same
    /// position is not noticed.
    ///
    /// Cancel safe: the next read returns the bytes of a dropped read.
    ///
    /// # Errors
    /// The errors of [`OperatorClient::call_agent`]. The position does not change, so the caller
    /// can retry after a retryable error.
    pub async fn read(&mut self) -> Result<Bytes> {
        for _ in 0..ATTEMPTS {
            match self.part(self.number, &self.position).await? {
                Part::Continues(bytes) if !bytes.is_empty() || self.number == 0 => {
                    self.position.advance(&bytes);
                    return Ok(bytes);
                }
                // The end of a rotated file.
                Part::Continues(_) => {
                    let newer = self.number - 1;
                    let start = Position::default();
                    let Part::Continues(bytes) = self.part(newer, &start).await? else {
                        return Ok(Bytes::new());
                    };
                    if bytes.is_empty() && newer == 0 {
                        return Ok(bytes);
                    }
                    // Another rotation between the two requests would have moved both files.
                    let again = self.part(self.number, &self.position).await?;
                    if matches!(again, Part::Continues(rest) if rest.is_empty()) {
                        (self.number, self.position) = (newer, start);
                        self.position.advance(&bytes);
                        if !bytes.is_empty() {
                            return Ok(bytes);
                        }
                    }
                }
                Part::Missing if self.position.offset() == 0 => return Ok(Bytes::new()),
                part => match self.search().await? {
                    Some(number) => self.number = number,
                    // The new file does not exist yet.
                    None if self.number == 0 && matches!(part, Part::Missing) => {
                        return Ok(Bytes::new());
                    }
                    None => {
                        (self.number, self.position) = (0, Position::default());
                        self.restarts += 1;
                    }
                },
            }
        }
        Ok(Bytes::new())
    }

    /// Waits for new bytes and returns them. Reads every 200 ms.
    ///
    /// Cancel safe, as [`read`](Self::read).
    ///
    /// # Errors
    /// The errors of [`read`](Self::read).
    pub async fn next(&mut self) -> Result<Bytes> {
        loop {
            let new = self.read().await?;
            if !new.is_empty() {
                return Ok(new);
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// How often reading continued at the start of the file because the file was truncated or
    /// replaced, and the rest of the old content was not found.
    pub fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Whether anything was read.
    pub(crate) fn has_started(&self) -> bool {
        self.position.offset() > 0 || self.restarts > 0
    }

    /// The number of the rotated file that has the bytes before the position.
    async fn search(&self) -> Result<Option<u32>> {
        for number in self.number + 1..=ROTATED {
            match self.part(number, &self.position).await? {
                Part::Continues(_) => return Ok(Some(number)),
                Part::Differs => {}
                Part::Missing => break,
            }
        }
        Ok(None)
    }

    async fn part(&self, number: u32, position: &Position) -> Result<Part> {
        let path = match number {
            0 => self.path.clone(),
            _ => format!("{}.{number}", self.path),
        };
        let Some(file) = self.read_file(path, position.request()).await? else {
            return Ok(Part::Missing);
        };
        let continuation = position.continuation(&file);
        Ok(continuation.map_or(Part::Differs, Part::Continues))
    }

    /// The content from the offset on; `None` if the file does not exist.
    async fn read_file(&self, path: String, offset: u64) -> Result<Option<response::ReadFile>> {
        let call = agent::Call {
            r#type: Some(call::Type::ReadFile.into()),
            read_file: Some(call::ReadFile {
                path,
                offset,
                length: None,
            }),
            ..Default::default()
        };
        match self.agent.call_agent(&call).await {
            Ok(answer) if answer.read_file.is_some() => Ok(answer.read_file),
            Ok(_) => {
                let path = call.read_file.unwrap_or_default().path;
                Err(Error::new(
                    ErrorKind::Protocol,
                    format!("the response to READ_FILE of {path} does not contain a file"),
                ))
            }
            // The agent answers the same for a sandbox that does not exist yet.
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
