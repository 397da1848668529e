//! Checks of requests that need no offers.

mod contradiction;

use std::collections::{BTreeSet, HashSet};

use mesos_core::resources::{Resources, roles, validate};

use crate::near::near;
use crate::ports::{Choice, Ports};
use crate::request::{Request, Revocable, TaskTemplate};
use crate::volume::DiskKind;

/// A request that no offer can satisfy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct InvalidRequest {
    text: String,
}

/// The length up to which a task's id, made of the name, an offer's id and a number, stays below
/// the 255 bytes that a file name can have; the agent makes a directory for each task.
const LONGEST_NAME: usize = 160;

/// `MIN_CPUS` and `MIN_MEM` in src/master/constants.hpp.
const MIN_CPUS: f64 = 0.01;
const MIN_MEM: f64 = 32.0;

fn fail<T>(text: impl Into<String>) -> Result<T, InvalidRequest> {
    Err(InvalidRequest { text: text.into() })
}

impl Request {
    /// Checks what can be checked without offers. A round does the same check, and reports the
    /// error.
    ///
    /// [`Placer::fits_never`](crate::Placer::fits_never) also compares with the agents of a
    /// cluster.
    ///
    /// # Errors
    /// [`InvalidRequest`] with the first reason why no offer can satisfy the request.
    pub fn check(&self) -> Result<(), InvalidRequest> {
        self.check_name()?;
        self.check_roles()?;
        self.check_executor()?;
        self.check_kinds()?;
        let mut fixed = HashSet::new();
        let mut volumes = HashSet::new();
        for task in &self.tasks {
            check_resources(task)?;
            check_ports(task, &mut fixed)?;
            for (volume, persistent) in task
                .volumes
                .iter()
                .filter_map(|one| Some((one, one.persistent.as_ref()?)))
            {
                let id = &persistent.id;
                if self.instances > 1 && !persistent.shared {
                    return fail(format!(
                        "volume {id} can belong to one instance, but there are {} instances; make \
                         a request for each instance, or share the volume",
                        self.instances
                    ));
                }
                if id.is_empty() || id.contains(['/', '\\']) {
                    return fail(format!(
                        "{id:?} is not the id of a volume; use a name without slashes"
                    ));
                }
                if persistent.path.is_empty() {
                    return fail(format!("volume {id} has an empty path"));
                }
                if !can_be_persistent(volume.disk) {
                    return fail(format!(
                        "volume {id} cannot be made on a {} disk: an agent ends when it mounts one; \
                         use another kind of disk",
                        volume.disk
                    ));
                }
                if !volumes.insert(id) {
                    return fail(format!("two volumes have the id {id}"));
                }
            }
        }
        contradiction::check(&self.constraints, self.instances)
    }

    fn check_name(&self) -> Result<(), InvalidRequest> {
        if self.tasks.is_empty() {
            return fail("the group has no tasks; add a task");
        }
        let names = self.tasks.iter().map(TaskTemplate::name);
        for name in names.clone().chain([self.name.as_str()]) {
            // validateID in src/common/validation.cpp.
            let wrong = |c: char| c == '/' || c == '\\' || c.is_ascii_control();
            if name.is_empty() || name.len() > LONGEST_NAME || name.contains(wrong) {
                return fail(format!(
                    "{name:?} cannot be a part of a task's id; use 1 to {LONGEST_NAME} bytes \
                     without slashes and control characters"
                ));
            }
        }
        let mut seen = HashSet::new();
        if let Some(name) = names.clone().find(|name| !seen.insert(*name)) {
            return fail(format!("two tasks of the group have the name {name}"));
        }
        let mut seen = HashSet::new();
        if let Some(id) = self.ids.iter().find(|id| !seen.insert(*id)) {
            return fail(format!("two instances have the id {}", id.value));
        }
        Ok(())
    }

    fn check_roles(&self) -> Result<(), InvalidRequest> {
        let reserve = self.reserve.as_ref().map(|reserve| reserve.role.as_str());
        for role in self.role.as_deref().into_iter().chain(reserve) {
            if let Err(error) = roles::validate(role) {
                return fail(error.to_string());
            }
        }
        match (reserve, self.role.as_deref()) {
            (Some("*"), _) => return fail("resources cannot be reserved for the role *"),
            (Some(reserve), Some(role)) if reserve != role => {
                return fail(format!(
                    "offers for role {role} cannot be reserved for role {reserve}; use one role"
                ));
            }
            _ => {}
        }
        let revocable = self.revocable.iter();
        let mut revocable = revocable.filter(|(_, setting)| *setting == Revocable::Only);
        if let (Some(_), Some((name, _))) = (reserve, revocable.next()) {
            return fail(format!("revocable {name} cannot be reserved"));
        }
        Ok(())
    }

    /// The resources with one name must be all revocable, or all not.
    fn check_kinds(&self) -> Result<(), InvalidRequest> {
        let names: BTreeSet<&str> = self.names().collect();
        for name in names {
            let of_executor = self.executor.iter().flat_map(|one| &one.resources);
            let of_executor = of_executor.filter(|one| one.name == name);
            let of_executor = of_executor.map(|one| self.kind(one));
            let kinds: Vec<Revocable> = self.kinds_of(name).chain(of_executor).collect();
            if kinds.contains(&Revocable::Only) && kinds.contains(&Revocable::Never) {
                return fail(format!(
                    "the request needs both revocable {name} and {name} that are not revocable, and \
                     Mesos does not accept both in a task and its executor; use one kind"
                ));
            }
        }
        Ok(())
    }

    fn check_executor(&self) -> Result<(), InvalidRequest> {
        let Some(executor) = &self.executor else {
            return Ok(());
        };
        let id = &executor.executor_id.value;
        for resource in &executor.resources {
            if let Err(error) = validate(resource) {
                return fail(format!("executor {id}: {error}"));
            }
        }
        if self.grouped && executor.framework_id.is_none() {
            return fail(format!(
                "executor {id} has no framework_id, which LAUNCH_GROUP needs; set it"
            ));
        }
        if self.grouped {
            let (resources, _) = Resources::from_valid(executor.resources.iter().cloned());
            let least = [("cpus", MIN_CPUS), ("mem", MIN_MEM), ("disk", 0.001)];
            for (name, least) in least {
                if resources
                    .get_scalar(name)
                    .is_none_or(|amount| amount < least)
                {
                    return fail(format!(
                        "the executor {id} of a group needs at least {name} {least}, which Mesos \
                         checks"
                    ));
                }
            }
        }
        let command = self
            .tasks
            .iter()
            .find(|task| task.template.command.is_some());
        match command {
            Some(task) if !self.grouped => fail(format!(
                "task {} has a command and an executor; Mesos accepts only one of them",
                task.name()
            )),
            _ => Ok(()),
        }
    }
}

/// `getPersistentVolumePath` in src/slave/paths.cpp.
fn can_be_persistent(disk: DiskKind) -> bool {
    match disk {
        DiskKind::Root | DiskKind::Path | DiskKind::Mount => true,
        DiskKind::Block | DiskKind::Raw => false,
    }
}

fn check_resources(task: &TaskTemplate) -> Result<(), InvalidRequest> {
    let name = task.name();
    let ports: u64 = task
        .ports
        .iter()
        .map(|ports| u64::from(ports.count()))
        .sum();
    if task.resources.is_empty() && task.volumes.is_empty() && ports == 0 {
        return fail(format!(
            "task {name} needs no resources, and Mesos does not accept such a task; add cpus or mem"
        ));
    }
    match task.resources.gpus() {
        Some(gpus) if gpus.fract() != 0.0 => fail(format!(
            "task {name} needs {gpus} gpus, but Mesos assigns only whole GPUs"
        )),
        _ => Ok(()),
    }
}

fn check_ports(task: &TaskTemplate, fixed: &mut HashSet<u64>) -> Result<(), InvalidRequest> {
    let name = task.name();
    let mut names = HashSet::new();
    let explicit = task.resources.ports().unwrap_or_default();
    for range in explicit.iter() {
        if *range.end() > 65535 || *range.start() == 0 {
            return fail(format!(
                "task {name} needs ports {}-{}, but ports are 1 to 65535",
                range.start(),
                range.end()
            ));
        }
    }
    fixed.extend(explicit.values());
    for ports in &task.ports {
        check_choice(name, ports, fixed)?;
        if ports.names.len() > ports.count() as usize {
            return fail(format!(
                "task {name} names {} ports, but needs {ports}",
                ports.names.len()
            ));
        }
        if let Some(port) = ports.names.iter().find(|port| !names.insert(*port)) {
            return fail(format!("task {name} has two ports named {port}"));
        }
    }
    for (what, port) in [
        ("check", &task.check_port),
        ("health check", &task.health_check_port),
    ] {
        if let Some(port) = port.as_ref().filter(|port| !names.contains(port)) {
            let near = near(port, names.iter().map(|name| name.as_str()));
            let hint = match near.first() {
                Some(near) => format!("use {near}, or add the port"),
                None => "add the port".to_owned(),
            };
            return fail(format!(
                "the {what} of task {name} connects to the port {port:?}, but no port of the task \
                 has this name; {hint}"
            ));
        }
    }
    Ok(())
}

fn check_choice(name: &str, ports: &Ports, fixed: &mut HashSet<u64>) -> Result<(), InvalidRequest> {
    if ports.count() == 0 {
        return fail(format!("task {name} needs 0 ports; remove the ports"));
    }
    match &ports.choice {
        Choice::Fixed(numbers) if numbers.contains(&0) => fail(format!(
            "task {name} needs port 0, but ports are 1 to 65535"
        )),
        Choice::Fixed(numbers) => {
            match numbers.iter().find(|port| !fixed.insert(u64::from(**port))) {
                Some(port) => fail(format!("port {port} is needed twice")),
                None => Ok(()),
            }
        }
        Choice::Within(count, ranges) if u128::from(*count) > ranges.count() => fail(format!(
            "task {name} needs {count} ports, but {ranges} has {}",
            ranges.count()
        )),
        Choice::Within(..) => Ok(()),
    }
}
