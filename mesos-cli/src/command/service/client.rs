//! Requests to the scheduler.

use std::fmt::Display;
use std::io;

use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Method, Request, Response, StatusCode};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use super::api::{Failure, Scheduler, Service};
use super::directory::Directory;
use crate::error::{Code, Error};
use crate::resolve::{Candidate, resolve};

/// The scheduler of a directory. Each request has a connection of its own.
#[derive(Debug)]
pub(super) struct Client {
    directory: Directory,
}

impl Client {
    pub(super) fn new(directory: &Directory) -> Self {
        Self {
            directory: directory.clone(),
        }
    }

    pub(super) async fn scheduler(&self) -> Result<Scheduler, Error> {
        self.get("/scheduler").await
    }

    pub(super) async fn services(&self) -> Result<Vec<Service>, Error> {
        self.get("/services").await
    }

    /// The service that an argument means.
    pub(super) async fn find(&self, wanted: &str) -> Result<Service, Error> {
        let services = self.services().await?;
        select(wanted, &services).cloned()
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.call(Method::GET, path, &()).await
    }

    /// Makes a request and decodes the answer.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Error> {
        let response = self.stream(method, path, body).await?;
        let answer = response.into_body().collect().await.map_err(broken)?;
        serde_json::from_slice(&answer.to_bytes()).map_err(broken)
    }

    /// Makes a request whose answer is read part by part.
    pub(super) async fn stream(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> Result<Response<Incoming>, Error> {
        let stream = UnixStream::connect(self.directory.socket()).await;
        let stream = stream.map_err(|error| self.not_connected(&error))?;
        let io = TokioIo::new(stream);
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io)
            .await
            .map_err(broken)?;
        // The end of the connection is also the result of the request.
        tokio::spawn(connection);
        let body = serde_json::to_vec(body).map_err(broken)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, "scheduler")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))
            .map_err(broken)?;
        let response = sender.send_request(request).await.map_err(broken)?;
        if response.status() == StatusCode::OK {
            return Ok(response);
        }
        let answer = response.into_body().collect().await.map_err(broken)?;
        let failure: Failure = serde_json::from_slice(&answer.to_bytes()).map_err(broken)?;
        Err(failure.into())
    }

    fn not_connected(&self, error: &io::Error) -> Error {
        let directory = self.directory.path().display();
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Error::new(
                Code::Unreachable,
                format!("a scheduler of services is not running in {directory}"),
            )
            .hint("`mesos service run -f FILE` starts one; --state selects another directory"),
            io::ErrorKind::PermissionDenied => Error::new(
                Code::Unauthorized,
                format!("cannot use the scheduler in {directory}: {error}"),
            )
            .hint("run the command as the user who runs the scheduler"),
            _ => Error::new(
                Code::Unreachable,
                format!("cannot connect to the scheduler in {directory}: {error}"),
            ),
        }
    }
}

/// The path of a service, or of a part of it.
pub(super) fn path_of(service: &str, rest: &str) -> String {
    format!("/services/{}{rest}", segment(service))
}

/// A text as one segment of a path.
pub(super) fn segment(text: &str) -> impl Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

/// The service that `wanted` means.
pub(super) fn select<'a>(wanted: &str, services: &'a [Service]) -> Result<&'a Service, Error> {
    let candidates = services.iter().map(|service| Candidate {
        id: &service.name,
        name: "",
        value: service,
    });
    resolve("service", wanted, candidates)
}

fn broken(error: impl Into<mesos::BoxError>) -> Error {
    let error = error.into();
    let message = format!(
        "the scheduler did not answer: {}",
        mesos::error_chain(&*error)
    );
    Error::new(Code::Unreachable, message)
        .hint("the scheduler may have ended; `mesos service status` shows it")
}
