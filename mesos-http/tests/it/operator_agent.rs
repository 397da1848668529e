//! Each call of the agent's operator API: the message that is sent, and what is returned.

use std::time::Duration;

use mesos_http::operator::{AgentClient, ContainerFilter, ContainerLaunch, Launched};
use mesos_proto::v1::agent::{Call, Response, call, call::Type, response};
use mesos_proto::v1::*;

use crate::operator_calls::*;

type Client = AgentClient;

fn parent() -> ContainerId {
    ContainerId::from("p")
}

fn child() -> ContainerId {
    parent().child("c")
}

fn provider() -> ResourceProviderInfo {
    ResourceProviderInfo {
        r#type: "org.apache.mesos.rp.local.storage".to_owned(),
        name: "disks".to_owned(),
        ..Default::default()
    }
}

/// A type without an arm in one of the functions does not compile.
#[tokio::test]
async fn every_call_has_a_method_that_sends_exactly_its_message() {
    let all: Vec<Type> = (0..200).filter_map(|n| Type::try_from(n).ok()).collect();
    assert_eq!(all.len(), 33, "{all:?}");
    for r#type in all {
        one(r#type).await;
    }
}

#[allow(deprecated)]
async fn one(r#type: Type) {
    match r#type {
        // The agent answers 501.
        Type::Unknown => {}
        // Streams: `exec` and `attach`, in `operator_exec`.
        Type::LaunchNestedContainerSession
        | Type::AttachContainerInput
        | Type::AttachContainerOutput => {}
        Type::GetHealth
        | Type::GetFlags
        | Type::GetVersion
        | Type::GetMetrics
        | Type::GetLoggingLevel
        | Type::SetLoggingLevel
        | Type::ListFiles
        | Type::ReadFile
        | Type::PruneImages => process(r#type).await,
        Type::GetState
        | Type::GetFrameworks
        | Type::GetExecutors
        | Type::GetOperations
        | Type::GetTasks
        | Type::GetAgent => state(r#type).await,
        Type::GetContainers
        | Type::LaunchContainer
        | Type::WaitContainer
        | Type::KillContainer
        | Type::RemoveContainer => containers(r#type).await,
        Type::LaunchNestedContainer
        | Type::WaitNestedContainer
        | Type::KillNestedContainer
        | Type::RemoveNestedContainer => nested(r#type).await,
        Type::GetResourceProviders
        | Type::AddResourceProviderConfig
        | Type::UpdateResourceProviderConfig
        | Type::RemoveResourceProviderConfig
        | Type::MarkResourceProviderGone => providers(r#type).await,
    }
}

async fn process(r#type: Type) {
    match r#type {
        Type::GetHealth => {
            let body = response::GetHealth { healthy: true };
            reads!(call!(GetHealth), get_health: body, get_health(), true);
        }
        Type::GetFlags => {
            let flags = vec![Flag {
                name: "work_dir".to_owned(),
                value: Some("/w".to_owned()),
            }];
            let body = response::GetFlags {
                flags: flags.clone(),
            };
            lists!(call!(GetFlags), get_flags: body, get_flags(), flags);
        }
        Type::GetVersion => {
            let version_info = VersionInfo {
                version: "1.11.0".to_owned(),
                ..Default::default()
            };
            let body = response::GetVersion {
                version_info: version_info.clone(),
            };
            reads!(call!(GetVersion), get_version: body, get_version(), version_info);
        }
        Type::GetMetrics => {
            let metrics = vec![Metric {
                name: "slave/uptime_secs".to_owned(),
                value: Some(1.0),
            }];
            let body = response::GetMetrics {
                metrics: metrics.clone(),
            };
            let second = DurationInfo {
                nanoseconds: 1_000_000_000,
            };
            let message = call::GetMetrics {
                timeout: Some(second),
            };
            let call = call!(GetMetrics, get_metrics: message);
            lists!(call, get_metrics: body, get_metrics(Duration::from_secs(1)), metrics);
        }
        Type::GetLoggingLevel => {
            let body = response::GetLoggingLevel { level: 2 };
            reads!(call!(GetLoggingLevel), get_logging_level: body, get_logging_level(), 2);
        }
        Type::SetLoggingLevel => {
            let message = call::SetLoggingLevel {
                level: 3,
                duration: DurationInfo {
                    nanoseconds: 60_000_000_000,
                },
            };
            let call = call!(SetLoggingLevel, set_logging_level: message);
            writes!(call, set_logging_level(3, Duration::from_secs(60)));
        }
        Type::ListFiles => {
            let file_infos = vec![FileInfo {
                path: "/slave/log".to_owned(),
                ..Default::default()
            }];
            let message = call::ListFiles {
                path: "/slave".to_owned(),
            };
            let body = response::ListFiles {
                file_infos: file_infos.clone(),
            };
            let call = call!(ListFiles, list_files: message);
            lists!(call, list_files: body, list_files("/slave"), file_infos);
        }
        Type::ReadFile => {
            let body = response::ReadFile {
                size: 9,
                data: "log".into(),
            };
            let message = call::ReadFile {
                path: "/log".to_owned(),
                offset: 6,
                length: Some(3),
            };
            let call = call!(ReadFile, read_file: message);
            reads!(call, read_file: body.clone(), read_file("/log", 6, 3), body);
        }
        Type::PruneImages => {
            let message = call::PruneImages {
                excluded_images: vec![Image::default()],
            };
            let call = call!(PruneImages, prune_images: message);
            writes!(call, prune_images([Image::default()]));
        }
        other => panic!("{other:?} has no method"),
    }
}

async fn state(r#type: Type) {
    match r#type {
        Type::GetState => {
            let body = response::GetState {
                get_tasks: Some(response::GetTasks::default()),
                ..Default::default()
            };
            lists!(call!(GetState), get_state: body.clone(), get_state(), body);
        }
        Type::GetFrameworks => {
            let body = response::GetFrameworks {
                frameworks: vec![response::get_frameworks::Framework::default()],
                ..Default::default()
            };
            lists!(call!(GetFrameworks), get_frameworks: body.clone(), get_frameworks(), body);
        }
        Type::GetExecutors => {
            let body = response::GetExecutors {
                executors: vec![response::get_executors::Executor::default()],
                ..Default::default()
            };
            lists!(call!(GetExecutors), get_executors: body.clone(), get_executors(), body);
        }
        Type::GetOperations => {
            let operations = vec![Operation::default()];
            let body = response::GetOperations {
                operations: operations.clone(),
            };
            lists!(call!(GetOperations), get_operations: body, get_operations(), operations);
        }
        Type::GetTasks => {
            let body = response::GetTasks {
                launched_tasks: vec![Task::default()],
                ..Default::default()
            };
            lists!(call!(GetTasks), get_tasks: body.clone(), get_tasks(), body);
        }
        Type::GetAgent => {
            let body = response::GetAgent {
                agent_info: Some(AgentInfo::default()),
                ..Default::default()
            };
            lists!(call!(GetAgent), get_agent: body.clone(), get_agent(), body);
        }
        other => panic!("{other:?} has no method"),
    }
}

async fn containers(r#type: Type) {
    match r#type {
        Type::GetContainers => {
            let containers = vec![response::get_containers::Container {
                container_id: child(),
                ..Default::default()
            }];
            let body = response::GetContainers {
                containers: containers.clone(),
            };
            let call = call!(GetContainers);
            lists!(call, get_containers: body.clone(), get_containers(), containers.clone());
            let filter = ContainerFilter::new().nested().standalone();
            let message = call::GetContainers {
                show_nested: Some(true),
                show_standalone: Some(true),
            };
            let call = call!(GetContainers, get_containers: message);
            lists!(call, get_containers: body, get_containers_with(filter), containers);
        }
        Type::LaunchContainer => {
            let launch = || {
                ContainerLaunch::new(parent())
                    .command(CommandInfo::sh("true"))
                    .container(ContainerInfo::default())
                    .resources([Resource::scalar("cpus", 0.1)])
                    .limit("cpus", 1.0)
            };
            let message = call::LaunchContainer {
                container_id: parent(),
                command: Some(CommandInfo::sh("true")),
                container: Some(ContainerInfo::default()),
                resources: vec![Resource::scalar("cpus", 0.1)],
                limits: [("cpus".to_owned(), value::Scalar { value: 1.0 })].into(),
            };
            let call = call!(LaunchContainer, launch_container: message);
            writes!(call.clone(), launch_container(launch()), Launched::New);
            let method = |client: Client| async move { client.launch_container(launch()).await };
            let again = exchange(call, "202 Accepted", None::<&Response>, &method).await;
            assert_eq!(again.unwrap(), Launched::AlreadyExists);
        }
        Type::WaitContainer => {
            let body = response::WaitContainer {
                exit_status: Some(9),
                ..Default::default()
            };
            let message = call::WaitContainer {
                container_id: child(),
            };
            let call = call!(WaitContainer, wait_container: message);
            reads!(call, wait_container: body.clone(), wait_container(child()), body);
        }
        Type::KillContainer => {
            let mut message = call::KillContainer {
                container_id: child(),
                signal: Some(15),
            };
            let call = call!(KillContainer, kill_container: message.clone());
            writes!(call, kill_container(child(), 15));
            message.signal = None;
            let call = call!(KillContainer, kill_container: message);
            writes!(call, kill_container(child(), None));
        }
        Type::RemoveContainer => {
            let message = call::RemoveContainer {
                container_id: child(),
            };
            let call = call!(RemoveContainer, remove_container: message);
            writes!(call, remove_container(child()));
        }
        other => panic!("{other:?} has no method"),
    }
}

#[allow(deprecated)]
async fn nested(r#type: Type) {
    let container_id = child();
    match r#type {
        Type::LaunchNestedContainer => {
            let command = || CommandInfo::sh("true");
            let message = call::LaunchNestedContainer {
                container_id,
                command: Some(command()),
                container: None,
            };
            let call = call!(LaunchNestedContainer, launch_nested_container: message);
            writes!(
                call,
                launch_nested_container(child(), command(), None),
                Launched::New
            );
        }
        Type::WaitNestedContainer => {
            let body = response::WaitNestedContainer {
                exit_status: Some(256),
                ..Default::default()
            };
            let message = call::WaitNestedContainer { container_id };
            let call = call!(WaitNestedContainer, wait_nested_container: message);
            reads!(call, wait_nested_container: body.clone(), wait_nested_container(child()), body);
        }
        Type::KillNestedContainer => {
            let message = call::KillNestedContainer {
                container_id,
                signal: Some(15),
            };
            let call = call!(KillNestedContainer, kill_nested_container: message);
            writes!(call, kill_nested_container(child(), 15));
        }
        Type::RemoveNestedContainer => {
            let message = call::RemoveNestedContainer { container_id };
            let call = call!(RemoveNestedContainer, remove_nested_container: message);
            writes!(call, remove_nested_container(child()));
        }
        other => panic!("{other:?} has no method"),
    }
}

async fn providers(r#type: Type) {
    match r#type {
        Type::GetResourceProviders => {
            let found = response::get_resource_providers::ResourceProvider {
                resource_provider_info: provider(),
                ..Default::default()
            };
            let body = response::GetResourceProviders {
                resource_providers: vec![found.clone()],
            };
            let call = call!(GetResourceProviders);
            lists!(call, get_resource_providers: body, get_resource_providers(), vec![found]);
        }
        Type::AddResourceProviderConfig => {
            let message = call::AddResourceProviderConfig { info: provider() };
            let call = call!(AddResourceProviderConfig, add_resource_provider_config: message);
            writes!(call, add_resource_provider_config(provider()));
        }
        Type::UpdateResourceProviderConfig => {
            let message = call::UpdateResourceProviderConfig { info: provider() };
            let call =
                call!(UpdateResourceProviderConfig, update_resource_provider_config: message);
            writes!(call, update_resource_provider_config(provider()));
        }
        Type::RemoveResourceProviderConfig => {
            let message = call::RemoveResourceProviderConfig {
                r#type: "t".to_owned(),
                name: "n".to_owned(),
            };
            let call =
                call!(RemoveResourceProviderConfig, remove_resource_provider_config: message);
            writes!(call, remove_resource_provider_config("t", "n"));
        }
        Type::MarkResourceProviderGone => {
            let message = call::MarkResourceProviderGone {
                resource_provider_id: "rp".into(),
            };
            let call = call!(MarkResourceProviderGone, mark_resource_provider_gone: message);
            writes!(call, mark_resource_provider_gone("rp"));
        }
        other => panic!("{other:?} has no method"),
    }
}
