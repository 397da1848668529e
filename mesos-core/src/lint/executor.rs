//! `executor::internal` in src/master/validation.cpp.

use mesos_proto::v1::{ExecutorInfo, container_info, executor_info};

use super::report::Report;
use super::rules::INVALID_EXECUTOR;
use super::{command, container, resources, task};

/// The least resources of an executor (`MIN_CPUS` and `MIN_MEM` in src/master/constants.hpp).
const MIN_CPUS: f64 = 0.01;
const MIN_MEM: f64 = 32.0;

pub(super) fn executor(report: &mut Report<'_>, executor: &ExecutorInfo) {
    task::id(report, "executor_id", executor.executor_id.as_str());
    kind(report, executor);
    if let Some(grace) = &executor.shutdown_grace_period {
        task::duration(report, "shutdown_grace_period", grace);
    }
    if let Some(info) = &executor.command {
        command::command(report, "command", info);
    }
    if let Some(info) = &executor.container {
        container::container(report, info);
    }
    let own = report
        .framework()
        .and_then(|framework| framework.id.as_ref());
    if let (Some(own), Some(given)) = (own, &executor.framework_id)
        && own != given
    {
        let message = format!("the executor belongs to framework {given}, not to {own}");
        let remedy = "remove framework_id, or set it to the id of the framework";
        report.add(&INVALID_EXECUTOR, "framework_id", message, remedy);
    }
    resources::list(report, &executor.resources);
    resources::together(report, "resources", &[&executor.resources]);
}

/// `validateType`.
fn kind(report: &mut Report<'_>, executor: &ExecutorInfo) {
    match executor.r#type() {
        executor_info::Type::Default => {
            if executor.command.is_some() {
                let message = "an executor of type DEFAULT must not have a command";
                let remedy = "remove command, or set type to CUSTOM";
                report.add(&INVALID_EXECUTOR, "command", message, remedy);
            }
            let Some(container) = &executor.container else {
                return;
            };
            if container.r#type() != container_info::Type::Mesos {
                let message = "the container of an executor of type DEFAULT must be of type MESOS";
                report.add(
                    &INVALID_EXECUTOR,
                    "container.type",
                    message,
                    "set type to MESOS",
                );
            }
            if container::has_image(Some(container)) {
                let message = "the container of an executor of type DEFAULT must not have an image";
                let remedy = "move the image to the tasks";
                report.add(&INVALID_EXECUTOR, "container.mesos.image", message, remedy);
            }
        }
        executor_info::Type::Custom if executor.command.is_none() => {
            let message = "an executor of type CUSTOM must have a command";
            report.add(&INVALID_EXECUTOR, "command", message, "set command");
        }
        executor_info::Type::Custom | executor_info::Type::Unknown => {}
    }
}

/// What an executor has too little of.
pub(super) fn below_minimum(executor: &ExecutorInfo) -> Option<String> {
    let sum = resources::sum(&executor.resources);
    let cpus = sum.cpus().unwrap_or_default();
    let mem = sum.mem().unwrap_or_default();
    if cpus < MIN_CPUS {
        Some(format!(
            "the executor has {cpus} cpus; the minimum of Mesos is {MIN_CPUS}"
        ))
    } else if mem < MIN_MEM {
        Some(format!(
            "the executor has {mem} MB of memory; the minimum of Mesos is {MIN_MEM} MB"
        ))
    } else {
        None
    }
}

/// Whether a master regards the executors as one: resources may be in another order.
pub(super) fn same(left: &ExecutorInfo, right: &ExecutorInfo) -> bool {
    let without = |executor: &ExecutorInfo| ExecutorInfo {
        resources: Vec::new(),
        ..executor.clone()
    };
    without(left) == without(right)
        && resources::sum(&left.resources) == resources::sum(&right.resources)
}
