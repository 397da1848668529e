//! The messages of an instance: task infos and operations.

use std::collections::BTreeMap;

use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::{AgentId, Environment, ExecutorInfo, Port, Resource, TaskId, TaskInfo};

use crate::carve::{Carved, CarvedTask};
use crate::{Request, TaskTemplate};

/// The tasks of one instance.
pub(crate) fn task_infos(
    request: &Request,
    carved: &Carved,
    id: &TaskId,
    agent: &AgentId,
    executor: Option<&ExecutorInfo>,
) -> Vec<TaskInfo> {
    let tasks = request.tasks.iter().zip(&carved.tasks);
    tasks
        .map(|(spec, taken)| {
            let mut info = spec.template.clone();
            info.task_id = match request.grouped {
                true => TaskId::from(format!("{}.{}", id.value, spec.name())),
                false => id.clone(),
            };
            info.agent_id = agent.clone();
            info.resources = taken.resources.clone().into();
            // In a group, the executor is a field of the operation.
            info.executor = executor.filter(|_| !request.grouped).cloned();
            name_ports(spec, taken, &mut info);
            info
        })
        .collect()
}

/// Puts the ports into the environment, and the named ports into the discovery and the checks of
/// the task.
fn name_ports(spec: &TaskTemplate, taken: &CarvedTask, info: &mut TaskInfo) {
    let numbers = taken.ports.iter().flatten();
    if let Some(command) = &mut info.command {
        for (place, number) in numbers.enumerate() {
            let environment = command.environment.get_or_insert_with(Environment::default);
            environment.set(format!("PORT{place}"), number);
        }
    }
    for (ports, numbers) in spec.ports.iter().zip(&taken.ports) {
        for (name, number) in ports.names.iter().zip(numbers) {
            if let Some(command) = &mut info.command {
                let environment = command.environment.get_or_insert_with(Environment::default);
                environment.set(variable(name), number);
            }
            if let Some(discovery) = &mut info.discovery {
                discovery.ports.get_or_insert_default().ports.push(Port {
                    number: u32::from(*number),
                    name: Some(name.clone()),
                    ..Port::default()
                });
            }
            let number = u32::from(*number);
            if spec.check_port.as_ref() == Some(name)
                && let Some(check) = &mut info.check
            {
                set_port(&mut check.http, number, |http| &mut http.port);
                set_port(&mut check.tcp, number, |tcp| &mut tcp.port);
            }
            if spec.health_check_port.as_ref() == Some(name)
                && let Some(check) = &mut info.health_check
            {
                set_port(&mut check.http, number, |http| &mut http.port);
                set_port(&mut check.tcp, number, |tcp| &mut tcp.port);
            }
        }
    }
}

fn set_port<T>(message: &mut Option<T>, number: u32, port: impl FnOnce(&mut T) -> &mut u32) {
    if let Some(message) = message {
        *port(message) = number;
    }
}

/// The environment variable of a named port: `http-admin` is in `PORT_HTTP_ADMIN`.
fn variable(name: &str) -> String {
    let letter = |c: char| match c.is_ascii_alphanumeric() {
        true => c.to_ascii_uppercase(),
        false => '_',
    };
    format!("PORT_{}", name.chars().map(letter).collect::<String>())
}

/// The operations of one ACCEPT. All reservations come first, then the volumes, then the launches:
/// each operation uses the result of the operations before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operations {
    reserve: Vec<Resource>,
    create: Vec<Resource>,
    launch: Vec<TaskInfo>,
    groups: Vec<(ExecutorInfo, Vec<TaskInfo>)>,
}

impl Operations {
    pub(crate) fn add(
        &mut self,
        carved: Carved,
        tasks: Vec<TaskInfo>,
        group: Option<ExecutorInfo>,
    ) {
        self.reserve.extend(carved.reserve);
        self.create.extend(carved.create);
        match group {
            Some(executor) => self.groups.push((executor, tasks)),
            None => self.launch.extend(tasks),
        }
    }

    pub(crate) fn into_messages(self) -> Vec<Operation> {
        let mut operations = Vec::new();
        // The space of a volume is reserved as plain disk, and CREATE then makes the volume.
        operations.extend(by_provider(self.reserve).map(Operation::reserve));
        operations.extend(by_provider(self.create).map(Operation::create));
        if !self.launch.is_empty() {
            operations.push(Operation::launch(self.launch));
        }
        let groups = self.groups.into_iter();
        operations.extend(groups.map(|(executor, tasks)| Operation::launch_group(executor, tasks)));
        operations
    }
}

/// Groups resources by their provider: an operation has resources of one provider
/// (`validateSingleResourceProvider` in src/master/validation.cpp).
fn by_provider(resources: Vec<Resource>) -> impl Iterator<Item = Vec<Resource>> {
    let mut groups: BTreeMap<Option<String>, Vec<Resource>> = BTreeMap::new();
    for resource in resources {
        let provider = resource.provider_id.as_ref().map(|id| id.value.clone());
        groups.entry(provider).or_default().push(resource);
    }
    groups.into_values()
}
