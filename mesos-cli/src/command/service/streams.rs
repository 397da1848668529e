//! Answers that are sent part by part.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::unfold;
use mesos::framework::{ServiceHandle, ServiceStatus};
use mesos::operator::MasterClient;

use super::api::{Output, Service};
use crate::command::task::reader;

/// The present state of a service and each change, as lines of JSON. The last one is that of a removed
/// service.
pub(super) fn changes(service: ServiceHandle) -> Response {
    let line = |status: &ServiceStatus| {
        let mut line = serde_json::to_vec(&Service::from(status)).unwrap_or_default();
        line.push(b'\n');
        Bytes::from(line)
    };
    let states = unfold((service, true), move |(mut service, first)| async move {
        let status = match first {
            true => service.status(),
            false => service.changed().await.ok()?,
        };
        Some((Ok::<_, Infallible>(line(&status)), (service, false)))
    });
    Response::new(Body::from_stream(states))
}

/// A file of a task's sandbox. A failure while the file is read ends the connection.
pub(super) async fn file(
    master: &MasterClient,
    task: String,
    file: &str,
    output: Output,
) -> mesos::Result<Response> {
    let sandbox = master.sandbox(task).await?;
    let reader = reader(&sandbox, file, output.tail, output.follow).await?;
    Ok(Response::new(Body::from_stream(reader)))
}
