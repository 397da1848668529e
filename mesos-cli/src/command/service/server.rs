//! Answers the requests of the other commands.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use mesos::framework::{Manifest, Runner};
use mesos::operator::MasterClient;
use mesos::{ErrorKind, Framework};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};

use super::api::{Details, Failure, Number, Output, Scheduler, Service, Updated};
use super::framework::check;
use super::lines::trouble;
use super::streams;
use crate::error::{Code, Error};

/// A request to end the scheduler.
pub(super) struct End {
    /// Whether the services continue.
    pub(super) leave: bool,
    /// Receives the result, before the process ends.
    pub(super) reply: oneshot::Sender<Result<(), Failure>>,
}

/// What all handlers use.
pub(super) struct Shared {
    pub(super) runner: Runner,
    pub(super) master: MasterClient,
    /// As it was at the start.
    pub(super) scheduler: Scheduler,
    pub(super) framework: Framework,
    pub(super) ends: mpsc::Sender<End>,
}

type Handler = State<Arc<Shared>>;
type Answer<T> = Result<Json<T>, Failed>;

/// Serves until `closed` ends, and then until the open requests are answered.
pub(super) async fn serve(
    listener: UnixListener,
    shared: Shared,
    closed: impl Future<Output = ()> + Send + 'static,
) {
    let router = Router::new()
        .route("/scheduler", get(scheduler))
        .route("/services", get(services).put(update))
        .route("/services/{name}", delete(remove).get(describe))
        .route("/services/{name}/changes", get(changes))
        .route("/services/{name}/scale", post(scale))
        .route("/services/{name}/{action}", post(act))
        .route("/tasks/{task}/{file}", get(file))
        .route("/end", post(end))
        .route("/leave", post(leave))
        .fallback(unknown)
        .with_state(Arc::new(shared));
    let served = axum::serve(listener, router).with_graceful_shutdown(closed);
    if let Err(error) = served.await {
        tracing::error!(%error, "the socket of the scheduler has failed");
    }
}

async fn scheduler(State(shared): Handler) -> Json<Scheduler> {
    let runner = &shared.runner;
    Json(Scheduler {
        framework_id: runner.framework_id().map(|id| id.value),
        connection: runner.health().state.to_string(),
        trouble: trouble(runner),
        ..shared.scheduler.clone()
    })
}

async fn services(State(shared): Handler) -> Answer<Vec<Service>> {
    let services = shared.runner.services().await?;
    Ok(Json(services.iter().map(Service::from).collect()))
}

async fn describe(State(shared): Handler, Path(name): Path<String>) -> Answer<Details> {
    let details = shared.runner.describe_service(name).await?;
    Ok(Json(Details::new(details, shared.runner.timeline())))
}

/// Keeps the services of a manifest. All are checked before one of them is changed.
async fn update(State(shared): Handler, Json(manifest): Json<Manifest>) -> Answer<Updated> {
    let warnings = check(&manifest, &shared.framework)?;
    let known = shared.runner.services().await?;
    let mut services = Vec::new();
    for spec in manifest.services {
        let name = spec.name.clone();
        let handle = match known.iter().any(|one| one.name == name) {
            true => {
                let handle = shared.runner.service(name).await?;
                // Also a specification that was rolled back, and a number that was scaled.
                handle.update(spec).await?;
                handle
            }
            false => shared.runner.keep(spec).await?,
        };
        services.push(Service::from(&*handle.status()));
    }
    Ok(Json(Updated { services, warnings }))
}

async fn changes(State(shared): Handler, Path(name): Path<String>) -> Result<Response, Failed> {
    Ok(streams::changes(shared.runner.service(name).await?))
}

async fn scale(
    State(shared): Handler,
    Path(name): Path<String>,
    Json(number): Json<Number>,
) -> Answer<Service> {
    let service = shared.runner.service(name).await?;
    service.scale(number.instances).await?;
    Ok(Json(Service::from(&*service.status())))
}

async fn act(
    State(shared): Handler,
    Path((name, action)): Path<(String, String)>,
) -> Answer<Service> {
    let service = shared.runner.service(name).await?;
    match action.as_str() {
        "pause" => service.pause().await?,
        "resume" => service.resume().await?,
        "rollback" => service.rollback().await?,
        "restart" => service.restart().await?,
        _ => return Err(unknown().await),
    }
    Ok(Json(Service::from(&*service.status())))
}

/// The answer arrives when all instances have ended.
async fn remove(State(shared): Handler, Path(name): Path<String>) -> Answer<()> {
    shared.runner.service(name).await?.remove().await?;
    Ok(Json(()))
}

async fn file(
    State(shared): Handler,
    Path((task, file)): Path<(String, String)>,
    Query(output): Query<Output>,
) -> Result<Response, Failed> {
    let read = streams::file(&shared.master, task, &file, output).await;
    read.map_err(|error| Failed(Error::from(error)))
}

async fn end(State(shared): Handler) -> Answer<()> {
    request_end(&shared, false).await
}

async fn leave(State(shared): Handler) -> Answer<()> {
    request_end(&shared, true).await
}

async fn request_end(shared: &Shared, leave: bool) -> Answer<()> {
    let ending = || Failed(Error::new(Code::Failure, "the scheduler is ending"));
    let (reply, answer) = oneshot::channel();
    let sent = shared.ends.send(End { leave, reply }).await;
    sent.map_err(|_| ending())?;
    match answer.await {
        Ok(result) => Ok(Json(result.map_err(|failure| Failed(failure.into()))?)),
        Err(_) => Err(ending()),
    }
}

async fn unknown() -> Failed {
    let message = "the scheduler does not know this request";
    let hint = "use the program of the same version as that of the scheduler";
    Failed(Error::new(Code::Failure, message).hint(hint))
}

/// An error for the other program.
struct Failed(Error);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let failure = Json(Failure::new(self.0));
        (StatusCode::UNPROCESSABLE_ENTITY, failure).into_response()
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

/// An error of the runner. Arguments were checked before.
impl From<mesos::Error> for Failed {
    fn from(error: mesos::Error) -> Self {
        Self(match error.kind() {
            ErrorKind::Config => Error::new(Code::Failure, error.to_string()),
            _ => error.into(),
        })
    }
}
