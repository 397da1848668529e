//! Reading one file as it grows.

use std::sync::Arc;

use bytes::Bytes;
use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::agent::{self, call, response};

use super::{INTERVAL, is_missing};
use crate::operator::OperatorClient;

/// Reads a file as it grows, like `tail -F`.
///
/// When the file is rotated, the rest of the old file is read from `PATH.1`, where Mesos'
/// `LogrotateContainerLogger` moves it (src/slave/container_loggers/logrotate.cpp). Then reading
/// continues at the start of the new file.
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
    offset: u64,
    /// Whether `offset` is a position in the rotated file.
    rotated: bool,
}

impl Follow {
    /// Follows the file at `path` from its start. The file need not exist yet.
    pub fn new(agent: impl Into<Arc<OperatorClient>>, path: impl Into<String>) -> Self {
        Self {
            agent: agent.into(),
            path: path.into(),
            offset: 0,
            rotated: false,
        }
    }

    /// The bytes that were added since the last read: at most 64 KiB at once on most machines (16
    /// pages, src/files/files.cpp). Empty at the end of the file, and while the file does not
    /// exist. A file that became shorter was rotated or replaced. A file that was replaced by one that is
    /// longer than what was read is not noticed: reading continues at the same position of the new
    /// file. Rotation to `PATH.1` in time avoids this.
    ///
    /// Cancel safe: the next read returns the bytes of a dropped read.
    ///
    /// # Errors
    /// The errors of [`OperatorClient::call_agent`]. The position does not change, so the caller
    /// can retry after a retryable error.
    pub async fn read(&mut self) -> Result<Bytes> {
        if self.rotated {
            let old = format!("{}.1", self.path);
            match self.read_file(&old).await? {
                Some(file) if !file.data.is_empty() => return Ok(self.advance(file)),
                _ => (self.rotated, self.offset) = (false, 0),
            }
        }
        let Some(file) = self.read_file(&self.path).await? else {
            return Ok(Bytes::new());
        };
        if file.size < self.offset {
            self.rotated = true;
            return Ok(Bytes::new());
        }
        Ok(self.advance(file))
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
            if !self.rotated {
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }

    /// Whether anything was read.
    pub(super) fn has_started(&self) -> bool {
        self.offset > 0 || self.rotated
    }

    /// Whether the next read may return more although the last one was empty.
    pub(super) fn is_between_files(&self) -> bool {
        self.rotated
    }

    fn advance(&mut self, file: response::ReadFile) -> Bytes {
        self.offset += file.data.len() as u64;
        file.data
    }

    /// The content from the offset on; `None` if the file does not exist.
    async fn read_file(&self, path: &str) -> Result<Option<response::ReadFile>> {
        let call = agent::Call {
            r#type: Some(call::Type::ReadFile.into()),
            read_file: Some(call::ReadFile {
                path: path.to_owned(),
                offset: self.offset,
                length: None,
            }),
            ..Default::default()
        };
        match self.agent.call_agent(&call).await {
            Ok(answer) if answer.read_file.is_some() => Ok(answer.read_file),
            Ok(_) => Err(Error::new(
                ErrorKind::Protocol,
                format!("the response to READ_FILE of {path} does not contain a file"),
            )),
            // The agent answers the same for a sandbox that does not exist yet.
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
