//! `mesos service stop|down`.

use axum::http::Method;

use super::client::{Client, path_of, select};
use crate::confirm::confirm;
use crate::context::Context;
use crate::error::Error;
use crate::output::count;
use crate::progress::Progress;

#[derive(Debug, clap::Args)]
pub(crate) struct Stop {
    /// The names of the services, or unique beginnings of the names
    #[arg(required = true, value_name = "SERVICE")]
    services: Vec<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Down {
    /// End only the scheduler, and let the services continue until the failover timeout
    #[arg(long)]
    leave: bool,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn stop(args: &Stop, client: &Client, context: &Context) -> Result<(), Error> {
    let services = client.services().await?;
    // All names are checked before the first service is stopped.
    let mut found = Vec::new();
    for wanted in &args.services {
        let service = select(wanted, &services)?;
        if !found.contains(&service) {
            found.push(service);
        }
    }
    let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
    let instances: usize = found.iter().map(|one| one.instances.len()).sum();
    let question = format!(
        "Stop {} with {}, and remove {}?",
        names.join(", "),
        count(instances as u64, "instance"),
        if names.len() == 1 {
            "the service"
        } else {
            "the services"
        }
    );
    confirm(&question, args.yes)?;
    for name in names {
        let mut progress = Progress::new();
        progress.set(format!("waiting for the end of the instances of {name}"));
        let _: () = client.call(Method::DELETE, &path_of(name, ""), &()).await?;
        drop(progress);
        context.out.done("service", name, "is stopped")?;
    }
    Ok(())
}

pub(super) async fn down(args: &Down, client: &Client, context: &Context) -> Result<(), Error> {
    let scheduler = client.scheduler().await?;
    let name = &scheduler.framework;
    let (path, result) = match args.leave {
        true => ("/leave", "has ended, and its services continue"),
        false => {
            let services = count(client.services().await?.len() as u64, "service");
            let question = format!("Stop {services}, and end the scheduler {name}?");
            confirm(&question, args.yes)?;
            ("/end", "has ended with its services")
        }
    };
    let _: () = client.call(Method::POST, path, &()).await?;
    context.out.done("scheduler", name, result)
}
