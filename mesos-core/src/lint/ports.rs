//! Ports that a task uses or announces without having them.

use mesos_proto::v1::container_info::docker_info::PortMapping;
use mesos_proto::v1::{ExecutorInfo, Resource, TaskInfo, check_info, health_check};

use super::check::health_check_type;
use super::report::Report;
use super::rules::{CHECK_PORT, DISCOVERY_PORT, INVALID_CONTAINER, INVALID_PORT};
use super::{Rule, container, resources};
use crate::resources::Ranges;

/// Checks the ports of a task; the executor may bring ports and a network.
pub(super) fn task(report: &mut Report<'_>, task: &TaskInfo, own: Option<&ExecutorInfo>) {
    let of_executor = own.into_iter().flat_map(|own| &own.resources);
    let all: Vec<Resource> = task.resources.iter().chain(of_executor).cloned().collect();
    let ports = resources::sum(&all).ports().unwrap_or_default();
    let docker = task
        .container
        .as_ref()
        .and_then(|info| info.docker.as_ref());
    let mappings = docker.map_or(&[][..], |docker| &docker.port_mappings);
    for (place, mapping) in mappings.iter().enumerate() {
        // `RunOptions::create` in src/docker/docker.cpp
        if !ports.contains(mapping.host_port.into()) {
            let message = format!("the task does not have the port {}", mapping.host_port);
            let remedy = format!("map one of its ports ({})", print(&ports));
            let field = format!("container.docker.port_mappings[{place}].host_port");
            report.add(&INVALID_CONTAINER, field, message, remedy);
        }
    }
    let of_agent = container::has_ports_of_agent(task.container.as_ref())
        && container::has_ports_of_agent(own.and_then(|own| own.container.as_ref()));
    for (field, port) in checked(task) {
        number(report, field, port);
        if of_agent {
            known(report, &CHECK_PORT, field, port, &ports);
        }
    }
    let announced = task.discovery.iter().flat_map(|info| &info.ports);
    for (place, port) in announced.flat_map(|ports| &ports.ports).enumerate() {
        let field = format!("discovery.ports.ports[{place}].number");
        number(report, &field, port.number);
        if of_agent || mapped(mappings, port.number) == Some(false) {
            known(report, &DISCOVERY_PORT, &field, port.number, &ports);
        }
    }
}

/// Whether a port of a container with mappings is one of them; `None` without mappings.
fn mapped(mappings: &[PortMapping], port: u32) -> Option<bool> {
    let is_mapped = mappings
        .iter()
        .any(|mapping| mapping.container_port == port);
    (!mappings.is_empty()).then_some(is_mapped)
}

/// The ports that the checks of a task connect to.
fn checked(task: &TaskInfo) -> Vec<(&'static str, u32)> {
    let mut ports = Vec::new();
    if let Some(check) = &task.check {
        match (check.r#type(), &check.http, &check.tcp) {
            (check_info::Type::Http, Some(http), _) => ports.push(("check.http.port", http.port)),
            (check_info::Type::Tcp, _, Some(tcp)) => ports.push(("check.tcp.port", tcp.port)),
            _ => {}
        }
    }
    if let Some(check) = &task.health_check {
        match (health_check_type(check), &check.http, &check.tcp) {
            (health_check::Type::Http, Some(http), _) => {
                ports.push(("health_check.http.port", http.port));
            }
            (health_check::Type::Tcp, _, Some(tcp)) => {
                ports.push(("health_check.tcp.port", tcp.port));
            }
            _ => {}
        }
    }
    ports
}

fn number(report: &mut Report<'_>, field: &str, port: u32) {
    if port == 0 || port > u16::MAX.into() {
        let message = format!("{port} is not a port");
        report.add(
            &INVALID_PORT,
            field,
            message,
            "use a number from 1 to 65535",
        );
    }
}

fn known(report: &mut Report<'_>, rule: &'static Rule, field: &str, port: u32, ports: &Ranges) {
    if (1..=u16::MAX.into()).contains(&port) && !ports.contains(port.into()) {
        let message = format!(
            "the task does not have the port {port}, so another task of the agent may use it"
        );
        let remedy = match ports.is_empty() {
            true => "take a port out of the offer, and use its number".to_owned(),
            false => format!("use one of its ports ({})", print(ports)),
        };
        report.add(rule, field, message, remedy);
    }
}

pub(super) fn print(ports: &Ranges) -> String {
    if ports.is_empty() {
        return "the task has no ports".to_owned();
    }
    let ranges = ports
        .iter()
        .map(|range| match range.start() == range.end() {
            true => range.start().to_string(),
            false => format!("{}-{}", range.start(), range.end()),
        });
    Vec::from_iter(ranges).join(", ")
}
