//! The framework that services need, and whether services fit it.

use std::path::Path;
use std::time::Duration;

use mesos::Framework;
use mesos::framework::{Manifest, ServiceSpec};
use mesos::lint::Linter;
use mesos::v1::framework_info::capability::Type::GpuResources;

use super::directory::Settings;
use crate::error::Error;

/// The name of a framework without `--name`.
const NAME: &str = "mesos service";

/// The name of the source, for messages, and the services that it describes.
pub(super) fn read(path: &Path) -> Result<(String, Manifest), Error> {
    let (source, manifest) = crate::command::run::manifest(path)?;
    if let Some(job) = manifest.jobs.first() {
        let message = format!(
            "{source} has the job {:?}, which ends; `mesos service` only keeps services",
            job.name
        );
        return Err(Error::usage(message)
            .hint("move the jobs to another file, and run them with `mesos run -f FILE`"));
    }
    Ok((source, manifest))
}

/// Finds mistakes in services before one of them is kept. Returns the warnings.
///
/// # Errors
/// All mistakes, and what the framework lacks.
pub(super) fn check(manifest: &Manifest, framework: &Framework) -> Result<Vec<String>, Error> {
    let info = framework.info();
    let services = manifest.services.iter();
    let mut roles = services.filter_map(|one| one.workload.role());
    if let Some(role) = roles.find(|role| !info.roles.iter().any(|known| known == role)) {
        let message = format!("the scheduler does not have the role {role:?}");
        let hint = format!(
            "start the scheduler again with `mesos service run --role {role}`; the services \
             continue meanwhile"
        );
        return Err(Error::usage(message).hint(hint));
    }
    let mut capabilities = info.capabilities.iter();
    let gpus = capabilities.any(|one| one.r#type() == GpuResources);
    if !gpus && manifest.services.iter().any(needs_gpus) {
        let message = "the scheduler does not have the capability for GPUs";
        return Err(Error::usage(message).hint(
            "start the scheduler again with `mesos service run --gpus`; the services continue \
             meanwhile",
        ));
    }
    let warnings = manifest.validate(&Linter::new().framework(info));
    let warnings = warnings.map_err(|error| Error::usage(error.to_string()))?;
    Ok(warnings.iter().map(ToString::to_string).collect())
}

/// Adds what the services of a manifest need, and the given roles, to the settings of a scheduler.
pub(super) fn extend(settings: &mut Settings, manifest: &Manifest, roles: &[String]) {
    let of_services = || manifest.services.iter().map(|one| one.workload.role());
    // Services without a role use any role of the framework.
    let any = of_services().any(|role| role.is_none());
    if any && settings.roles.is_empty() && roles.is_empty() {
        settings.roles.push("*".to_owned());
    }
    let all = &mut settings.roles;
    all.extend(of_services().flatten().map(str::to_owned));
    all.extend(roles.iter().cloned());
    all.sort_unstable();
    all.dedup();
    settings.gpus |= manifest.services.iter().any(needs_gpus);
}

pub(super) fn framework(settings: &Settings, failover: Duration) -> Framework {
    let name = settings.name.as_deref().unwrap_or(NAME);
    let mut framework = Framework::with_failover_timeout(name, failover);
    // The first role replaces the default role, which is therefore the last one.
    let (default, named): (Vec<_>, Vec<_>) = settings.roles.iter().partition(|role| *role == "*");
    for role in named.into_iter().chain(default) {
        framework = framework.role(role);
    }
    if settings.gpus {
        framework = framework.capability(GpuResources);
    }
    match settings.subscribed {
        true => framework,
        // Probably the address is wrong, and a person waits at a terminal.
        false => framework.subscribe_timeout(Duration::ZERO),
    }
}

fn needs_gpus(service: &ServiceSpec) -> bool {
    let tasks = service.workload.tasks();
    tasks.iter().any(|task| task.resources.gpus().is_some())
}

#[cfg(test)]
mod tests {
    use mesos::framework::Format;

    use super::*;

    fn manifest(roles: &[&str]) -> Manifest {
        let service = |role: &&str| {
            let role = match *role {
                "" => String::new(),
                role => format!(", role: {role}"),
            };
            format!("- {{name: 'a', task: {{command: x{role}}}}}\n")
        };
        let services: String = roles.iter().map(service).collect();
        Manifest::parse(&format!("services:\n{services}"), Format::Yaml).expect("a manifest")
    }

    #[test]
    fn the_framework_keeps_its_roles_and_gets_those_of_new_services() {
        let mut settings = Settings::default();
        let mut roles = |services: &[&str], options: &[&str]| {
            let options: Vec<String> = options.iter().map(|role| (*role).to_owned()).collect();
            extend(&mut settings, &manifest(services), &options);
            framework(&settings, Duration::from_secs(1))
                .info()
                .roles
                .clone()
        };
        assert_eq!(roles(&[""], &[]), ["*"]);
        assert_eq!(roles(&["dev"], &[]), ["dev", "*"]);
        assert_eq!(
            roles(&["", "batch"], &["web"]),
            ["batch", "dev", "web", "*"]
        );
        let mut settings = Settings::default();
        extend(&mut settings, &manifest(&[""]), &["web".to_owned()]);
        assert_eq!(settings.roles, ["web"]);
    }

    #[test]
    fn only_a_framework_that_mesos_does_not_know_ends_when_the_master_is_not_reachable() {
        let text = |subscribed| {
            let settings = Settings {
                subscribed,
                ..Settings::default()
            };
            format!("{:?}", framework(&settings, Duration::from_secs(1)))
        };
        assert!(
            text(false).contains("subscribe_timeout: Some(0ns)"),
            "{}",
            text(false)
        );
        assert!(
            text(true).contains("subscribe_timeout: None"),
            "{}",
            text(true)
        );
    }
}
