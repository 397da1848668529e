//! Shows the output of a running task.

use mesos::BoxError;
use mesos::http::files::{Line, Output, Stream};

/// Waits for a line of output and shows it. Never completes without a task, and after the last
/// line.
pub(crate) async fn show_next(output: &mut Option<Output>) -> Result<(), BoxError> {
    let Some(running) = output else {
        return std::future::pending().await;
    };
    match running.next().await? {
        Some(line) => show(&line),
        None => *output = None,
    }
    Ok(())
}

/// Shows the remaining output after the task has ended.
pub(crate) async fn show_rest(output: Option<Output>) -> Result<(), BoxError> {
    if let Some(mut output) = output {
        output.finish();
        while let Some(line) = output.next().await? {
            show(&line);
        }
    }
    Ok(())
}

fn show(line: &Line) {
    match line.stream {
        Stream::Stdout => println!("{line}"),
        Stream::Stderr => eprintln!("{line}"),
    }
}
