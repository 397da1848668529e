//! `mesos service logs`.

use axum::http::Method;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::api::Service;
use super::client::{Client, segment};
use crate::command::task::merged;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::note;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    service: super::Name,
    /// Only these instances; by default all that have a task. May be repeated
    #[arg(long, short, value_name = "NUMBER")]
    instance: Vec<u32>,
    /// Print new output until the present tasks have ended
    #[arg(long, short)]
    follow: bool,
    /// Begin with the last lines
    #[arg(long, short = 'n', value_name = "LINES")]
    tail: Option<usize>,
    /// Print the error output
    #[arg(long)]
    stderr: bool,
}

pub(super) async fn run(args: &Args, client: &Client, _: &Context) -> Result<(), Error> {
    let service = client.find(&args.service.service).await?;
    let tasks = tasks(&service, &args.instance)?;
    if tasks.is_empty() {
        note(&format!("no instance of {} has a task now", service.name));
        return Ok(());
    }
    let file = if args.stderr { "stderr" } else { "stdout" };
    let mut query = format!("follow={}", args.follow);
    if let Some(lines) = args.tail {
        query.push_str(&format!("&tail={lines}"));
    }
    let mut outputs = Vec::new();
    for (label, task) in tasks {
        let path = format!("/tasks/{}/{file}?{query}", segment(&task));
        let answer = client.stream(Method::GET, &path, &()).await;
        let answer = answer.map_err(|error| error.context(&label))?;
        outputs.push((label, Box::pin(parts(answer.into_body()))));
    }
    merged(outputs).await
}

/// The tasks with what is in front of their lines.
fn tasks(service: &Service, wanted: &[u32]) -> Result<Vec<(String, String)>, Error> {
    let exists = |number: &u32| service.instances.iter().any(|one| one.number == *number);
    if let Some(number) = wanted.iter().find(|number| !exists(number)) {
        let numbers: Vec<String> = service
            .instances
            .iter()
            .map(|one| one.number.to_string())
            .collect();
        let message = format!("the service {} has no instance {number}", service.name);
        return Err(Error::new(Code::NotFound, message)
            .hint(format!("the instances are {}", numbers.join(", "))));
    }
    let mut tasks = Vec::new();
    for one in &service.instances {
        if !wanted.is_empty() && !wanted.contains(&one.number) {
            continue;
        }
        let label = format!("{}/{}", service.name, one.number);
        match one.tasks.as_slice() {
            [task] => tasks.push((label, task.clone())),
            pod => tasks.extend(
                pod.iter()
                    .enumerate()
                    .map(|(place, task)| (format!("{label}.{}", place + 1), task.clone())),
            ),
        }
    }
    Ok(tasks)
}

fn parts(body: Incoming) -> impl Stream<Item = Result<Bytes, Error>> + Send {
    unfold(body, |mut body| async move {
        loop {
            match body.frame().await? {
                Ok(frame) => {
                    if let Ok(data) = frame.into_data() {
                        return Some((Ok(data), body));
                    }
                }
                Err(error) => {
                    let message = format!("the output cannot be read to its end: {error}");
                    return Some((Err(Error::new(Code::Unreachable, message)), body));
                }
            }
        }
    })
}
