//! `mesos service scale|update|pause|resume|rollback|restart`.

use std::path::PathBuf;

use axum::http::Method;
use http_body_util::BodyExt as _;
use mesos::framework::Manifest;

use super::Name;
use super::api::{Number, Service, Updated};
use super::client::{Client, path_of};
use super::{framework, lines};
use crate::context::Context;
use crate::error::{Code, Error};
use crate::output::{line, note};

#[derive(Debug, clap::Args)]
pub(crate) struct Scale {
    #[command(flatten)]
    service: Name,
    /// The number of instances. The number holds until the next update
    instances: u32,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Update {
    /// The file with the services: YAML, TOML or JSON by its ending; `-` reads YAML or JSON from stdin.
    /// Services that are not in the file stay as they are
    #[arg(long, short, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Waiting {
    #[command(flatten)]
    service: Name,
    #[command(flatten)]
    wait: Wait,
}

#[derive(Debug, clap::Args)]
struct Wait {
    /// Wait until all instances are ready; the exit code is 1 if an update fails
    #[arg(long, short)]
    wait: bool,
}

pub(super) async fn scale(args: &Scale, client: &Client, context: &Context) -> Result<(), Error> {
    let name = client.find(&args.service.service).await?.name;
    let number = Number {
        instances: args.instances,
    };
    let path = path_of(&name, "/scale");
    let _: Service = client.call(Method::POST, &path, &number).await?;
    let instances = crate::output::count(args.instances.into(), "instance");
    context
        .out
        .done("service", &name, &format!("is scaled to {instances}"))?;
    args.wait.until_ready(&[name], client).await
}

pub(super) async fn update(args: &Update, client: &Client, context: &Context) -> Result<(), Error> {
    let (source, manifest): (String, Manifest) = framework::read(&args.file)?;
    if manifest.services.is_empty() {
        return Err(Error::usage(format!("{source} has no services")));
    }
    let updated: Updated = client
        .call(Method::PUT, "/services", &manifest)
        .await
        .map_err(|error| error.context(&source))?;
    for warning in updated.warnings {
        note(&warning);
    }
    let services = updated.services.into_iter();
    let names: Vec<String> = services.map(|service| service.name).collect();
    context.out.done_all("service", &names, "is updated")?;
    args.wait.until_ready(&names, client).await
}

pub(super) async fn pause(args: &Name, client: &Client, context: &Context) -> Result<(), Error> {
    let name = post(&args.service, "pause", client).await?;
    context.out.done("service", &name, "is paused")
}

/// Resumes, rolls back or restarts.
pub(super) async fn act(
    args: &Waiting,
    action: &str,
    client: &Client,
    context: &Context,
) -> Result<(), Error> {
    let name = post(&args.service.service, action, client).await?;
    let result = match action {
        "resume" => "continues its update",
        "rollback" => "is rolled back",
        _ => "is restarted",
    };
    context.out.done("service", &name, result)?;
    args.wait.until_ready(&[name], client).await
}

async fn post(wanted: &str, action: &str, client: &Client) -> Result<String, Error> {
    let name = client.find(wanted).await?.name;
    let path = path_of(&name, &format!("/{action}"));
    let _: Service = client.call(Method::POST, &path, &()).await?;
    Ok(name)
}

impl Wait {
    async fn until_ready(&self, names: &[String], client: &Client) -> Result<(), Error> {
        if self.wait {
            for name in names {
                until_ready(name, client).await?;
            }
        }
        Ok(())
    }
}

/// Describes the changes of a service until it is ready.
async fn until_ready(name: &str, client: &Client) -> Result<(), Error> {
    let path = path_of(name, "/changes");
    let mut answer = client.stream(Method::GET, &path, &()).await?.into_body();
    let mut rest = Vec::new();
    let mut last: Option<Service> = None;
    while let Some(frame) = answer.frame().await {
        let data = frame.ok().and_then(|frame| frame.into_data().ok());
        let Some(data) = data else { break };
        rest.extend_from_slice(&data);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let text: Vec<u8> = rest.drain(..=end).collect();
            let Ok(service) = serde_json::from_slice::<Service>(&text) else {
                continue;
            };
            for text in lines::changes(last.as_ref(), &service) {
                note(line(&text).trim_end());
            }
            if let Some(result) = decided(&service) {
                return result;
            }
            last = Some(service);
        }
    }
    Err(Error::new(
        Code::Unreachable,
        format!("the scheduler ended before the service {name} was ready"),
    ))
}

/// Whether the service is ready, or will not become ready by itself.
fn decided(service: &Service) -> Option<Result<(), Error>> {
    let name = &service.name;
    let failed = |message: String| Some(Err(Error::new(Code::Failure, message)));
    if service.removing {
        return failed(format!("the service {name} is being removed"));
    }
    match (&service.update, &service.rolled_back) {
        (Some(update), _) if update.paused => {
            let why = match &update.failure {
                Some(failure) => format!("has failed and is paused: {failure}"),
                None => "is paused".to_owned(),
            };
            let error = Error::new(Code::Failure, format!("the update of {name} {why}"));
            Some(Err(error.hint(
                "`mesos service resume` continues the update, `mesos service rollback` reverts it",
            )))
        }
        (None, Some(reason)) if service.is_ready => {
            failed(format!("the update of {name} was rolled back: {reason}"))
        }
        _ => service.is_ready.then_some(Ok(())),
    }
}
