//! The sandboxes of tasks: listing, reading, following and downloading files.

mod disk;
mod download;
mod entry;
mod find;
mod reader;
mod walk;

use bytes::{Bytes, BytesMut};
use mesos_core::{Error, ErrorKind, Result};
use mesos_proto::v1::agent::response::ReadFile;
use mesos_proto::v1::{FileInfo, Task};

pub use self::download::{Download, DownloadEvent, Skipped};
pub use self::entry::{EntryKind, SandboxEntry};
pub use self::reader::SandboxReader;
use super::AgentClient;
use crate::files::is_missing;

/// The sandbox of a task, on its agent.
///
/// [`MasterClient::sandbox`](super::MasterClient::sandbox) finds the sandbox by the id of the task:
///
/// ```no_run
/// # use mesos::operator::MasterClient;
/// # async fn example(master: MasterClient) -> mesos::Result<()> {
/// let sandbox = master.sandbox("my-task").await?;
/// for entry in sandbox.list("").await? {
///     println!("{} {}", entry.name, entry.size);
/// }
/// let mut stdout = sandbox.follow("stdout");
/// while let Some(bytes) = stdout.next().await {
///     print!("{}", String::from_utf8_lossy(&bytes?));
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Paths
/// A path is relative to the sandbox; `""` and `"/"` are the sandbox itself. Names are separated by
/// `/`. A path with the name `..` is refused with [`ErrorKind::Config`].
///
/// # Links
/// The agent follows symbolic links and does not report them. A link to a file outside of the sandbox
/// is listed as that file, but reading it is refused with status 400
/// (`FilesProcess::resolve` in src/files/files.cpp).
///
/// # Errors
/// Each method returns the errors of [`AgentClient`]. A path that does not exist is
/// [`ErrorKind::Rejected`] with status 404.
#[derive(Clone, Debug)]
pub struct Sandbox {
    agent: AgentClient,
    /// The virtual path in the agent, without a slash at the end.
    root: String,
    task: Option<Task>,
}

impl Sandbox {
    /// The folder at a virtual path of an agent, such as [`files::sandbox`](crate::files::sandbox).
    /// Sends nothing.
    pub fn new(agent: AgentClient, path: impl Into<String>) -> Self {
        let mut root: String = path.into();
        root.truncate(root.trim_end_matches('/').len());
        Self {
            agent,
            root,
            task: None,
        }
    }

    /// The agent of the sandbox.
    pub fn agent(&self) -> &AgentClient {
        &self.agent
    }

    /// The task of the sandbox as it was when the sandbox was found; `None` for a sandbox from
    /// [`new`](Self::new).
    pub fn task(&self) -> Option<&Task> {
        self.task.as_ref()
    }

    /// The virtual path of the sandbox in the files API of the agent.
    pub fn path(&self) -> &str {
        &self.root
    }

    /// The files and folders in a folder, in the order of their names (LIST_FILES).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the path names a file. [`ErrorKind::Protocol`] if the agent lists a
    /// name that cannot be in this folder.
    pub async fn list(&self, path: &str) -> Result<Vec<SandboxEntry>> {
        let path = clean(path)?;
        let entries = self.entries(&path).await?;
        // The agent answers the same for a file and for an empty folder.
        if entries.is_empty() && !path.is_empty() {
            let entry = self.stat(&path).await?;
            if entry.kind != EntryKind::Directory {
                let message = format!("{path:?} is a file, not a folder");
                return Err(Error::new(ErrorKind::Config, message));
            }
        }
        Ok(entries)
    }

    /// A file or folder (LIST_FILES of the folder that contains it).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for the sandbox itself, about which the agent reports nothing.
    pub async fn stat(&self, path: &str) -> Result<SandboxEntry> {
        let path = clean(path)?;
        let (folder, name) = split(&path);
        if name.is_empty() {
            let message = "the agent reports nothing about the sandbox itself; name a file in it";
            return Err(Error::new(ErrorKind::Config, message));
        }
        let entries = self.entries(folder).await?;
        let found = entries.into_iter().find(|entry| entry.name == name);
        found.ok_or_else(|| self.missing(&path))
    }

    /// At most `length` bytes of a file from `offset` on (READ_FILE, repeatedly for more than 64 KiB).
    /// Fewer at the end of the file.
    ///
    /// Reading a named pipe blocks the agent until another process opens the pipe. [`stat`](Self::stat)
    /// has the kind of a file; [`open`](Self::open), [`follow`](Self::follow) and
    /// [`download`](Self::download) check it.
    pub async fn read(&self, path: &str, offset: u64, length: u64) -> Result<Bytes> {
        let path = clean(path)?;
        let mut read = BytesMut::new();
        while (read.len() as u64) < length {
            let missing = length - read.len() as u64;
            let from = offset.saturating_add(read.len() as u64);
            let part = self.read_part(&path, from, Some(missing)).await?;
            if part.data.is_empty() {
                break;
            }
            // The agent may send more than was requested only by mistake.
            let wanted = (missing as usize).min(part.data.len());
            read.extend_from_slice(&part.data[..wanted]);
        }
        Ok(read.freeze())
    }

    /// One READ_FILE of a path that is clean.
    async fn read_part(&self, path: &str, offset: u64, length: Option<u64>) -> Result<ReadFile> {
        let read = self
            .agent
            .read_file(self.virtual_path(path), offset, length);
        read.await.map_err(|error| {
            if is_missing(&error) {
                self.missing(path).with_source(error)
            } else {
                error
            }
        })
    }

    /// The entries of a folder whose path is clean.
    async fn entries(&self, path: &str) -> Result<Vec<SandboxEntry>> {
        let folder = self.virtual_path(path);
        let listed = self.agent.list_files(&folder).await.map_err(|error| {
            if is_missing(&error) {
                self.missing(path).with_source(error)
            } else {
                error
            }
        })?;
        if listed.is_empty() && path.is_empty() {
            self.exists().await?;
        }
        let entry = |info: FileInfo| SandboxEntry::new(&folder, info);
        listed.into_iter().map(entry).collect()
    }

    /// Checks that an empty sandbox exists. The agent lists a sandbox that was deleted as an empty one
    /// until the agent removes its path. READ_FILE of a folder that exists is refused with 400
    /// (`FilesProcess::_read` in src/files/files.cpp).
    async fn exists(&self) -> Result<()> {
        match self.agent.read_file(&self.root, 0, 0).await {
            Err(error) if error.status() != Some(400) => match error.status() {
                Some(404 | 500) => Err(self.missing("").with_source(error)),
                _ => Err(error),
            },
            _ => Ok(()),
        }
    }

    fn virtual_path(&self, path: &str) -> String {
        match path {
            "" => self.root.clone(),
            path => format!("{}/{path}", self.root),
        }
    }

    /// The error for a path that does not exist.
    fn missing(&self, path: &str) -> Error {
        let whose = self.describe();
        let message = match (path, &self.task) {
            ("", Some(task)) if find::is_early(task) => format!(
                "{whose} does not exist yet: the task is {}",
                find::state(task)
            ),
            ("", Some(_)) => format!(
                "{whose} does not exist any more: the agent deletes sandboxes when --gc_delay has \
                 passed since the end of the executor, or earlier when its disk is full"
            ),
            ("", None) => format!("{whose} does not exist"),
            (path, _) => format!("{path:?} does not exist in {whose}"),
        };
        Error::new(ErrorKind::Rejected, message).with_status(404)
    }

    fn describe(&self) -> String {
        let at = match (self.agent.agent_id(), self.agent.endpoint()) {
            (Some(id), Some(endpoint)) => format!("agent {id} at {endpoint}"),
            (_, Some(endpoint)) => format!("the agent at {endpoint}"),
            _ => "the agent".to_owned(),
        };
        match &self.task {
            Some(task) => format!("the sandbox of task {} on {at}", task.task_id),
            None => format!("the folder {:?} of {at}", self.root),
        }
    }
}

/// The path without empty names and `.`.
fn clean(path: &str) -> Result<String> {
    let names = path.split('/').filter(|name| !matches!(*name, "" | "."));
    let mut clean = String::with_capacity(path.len());
    for name in names {
        if name == ".." {
            let message = format!("a path in a sandbox must not contain \"..\", but is {path:?}");
            return Err(Error::new(ErrorKind::Config, message));
        }
        if !clean.is_empty() {
            clean.push('/');
        }
        clean.push_str(name);
    }
    Ok(clean)
}

/// The folder and the name of a clean path.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The path of `name` in the folder `path`.
fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_relative_to_the_sandbox_and_cannot_leave_it() {
        for (path, expected) in [
            ("", ""),
            ("/", ""),
            ("./a//b/", "a/b"),
            ("/stdout", "stdout"),
            ("..a/b..", "..a/b.."),
        ] {
            assert_eq!(clean(path).unwrap(), expected);
        }
        for path in ["..", "a/../b", "/../etc"] {
            assert_eq!(clean(path).unwrap_err().kind(), ErrorKind::Config);
        }
    }
}
