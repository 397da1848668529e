//! `mesos task logs`.

use std::io::Write as _;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::files::copy;
use super::find::sandbox;
use super::tail::reader;
use crate::context::Context;
use crate::error::Error;
use crate::output::prefix_style;

/// A longer line is printed in several parts, so that memory stays bounded.
const LONGEST: usize = 64 << 10;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The tasks: ids, unique beginnings of ids, or names. The lines of several tasks begin with the
    /// id
    #[arg(required = true, value_name = "TASK")]
    tasks: Vec<String>,
    /// Print new output until the tasks have ended
    #[arg(long, short)]
    follow: bool,
    /// Begin with the last lines
    #[arg(long, short = 'n', value_name = "LINES")]
    tail: Option<usize>,
    /// Print the error output
    #[arg(long, conflicts_with = "file")]
    stderr: bool,
    /// Print another file of the sandbox
    #[arg(long, value_name = "PATH")]
    file: Option<String>,
}

pub(super) async fn run(args: &Args, context: &Context) -> Result<(), Error> {
    let file = match &args.file {
        Some(file) => file.as_str(),
        None if args.stderr => "stderr",
        None => "stdout",
    };
    let mut logs = Vec::new();
    for task in &args.tasks {
        let sandbox = sandbox(task, context).await?;
        let reader = reader(&sandbox, file, args.tail, args.follow).await?;
        let id = sandbox.task().map(|task| task.task_id.to_string());
        logs.push((id.unwrap_or_default(), reader));
    }
    match logs.len() {
        1 => copy(logs.remove(0).1).await,
        _ => merged(logs).await,
    }
}

/// Prints the lines of several files as they arrive.
pub(crate) async fn merged<P, E>(logs: Vec<(String, P)>) -> Result<(), Error>
where
    P: Stream<Item = Result<Bytes, E>> + Unpin + Send + 'static,
    E: Into<Error> + Send + 'static,
{
    let width = logs.iter().map(|(id, _)| id.len()).max().unwrap_or(0);
    let (sender, mut lines) = mpsc::channel(64);
    for (index, (id, parts)) in logs.into_iter().enumerate() {
        let style = prefix_style(index);
        let prefix = format!("{style}{id:<width$} |{style:#} ");
        tokio::spawn(split(prefix, parts, sender.clone()));
    }
    drop(sender);
    let mut failure = None;
    while let Some(line) = lines.recv().await {
        match line {
            Ok(line) => {
                let mut stdout = anstream::stdout().lock();
                stdout.write_all(&line)?;
                stdout.flush()?;
            }
            // The other tasks continue.
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Sends each line with the prefix.
async fn split<P, E>(prefix: String, mut parts: P, lines: mpsc::Sender<Result<Vec<u8>, Error>>)
where
    P: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Error>,
{
    let line = |text: &[u8]| Ok([prefix.as_bytes(), text, b"\n"].concat());
    let mut rest = Vec::new();
    while let Some(part) = parts.next().await {
        match part {
            Ok(part) => rest.extend_from_slice(&part),
            Err(error) => {
                // A closed receiver means that the program ends.
                let _ = lines.send(Err(error.into())).await;
                return;
            }
        }
        let mut start = 0;
        while let Some(length) = next(&rest[start..]) {
            let text = &rest[start..start + length];
            start += length + usize::from(rest.get(start + length) == Some(&b'\n'));
            if lines.send(line(text)).await.is_err() {
                return;
            }
        }
        rest.drain(..start);
    }
    if !rest.is_empty() {
        let _ = lines.send(line(&rest)).await;
    }
}

/// The length of the next line, if it is complete or too long.
fn next(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|byte| *byte == b'\n');
    match end {
        Some(end) if end <= LONGEST => Some(end),
        _ => (text.len() > LONGEST).then_some(LONGEST),
    }
}
