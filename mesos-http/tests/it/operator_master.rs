//! Each call of the master's operator API: the message that is sent, and what is returned.

use std::time::Duration;

use mesos_http::operator::{DrainOptions, MasterClient};
use mesos_proto::v1::master::{Call, Response, call, call::Type, response};
use mesos_proto::v1::*;

use crate::operator_calls::*;

type Client = MasterClient;

fn disk(size: f64) -> Resource {
    Resource::scalar("disk", size)
}

fn machine() -> MachineId {
    MachineId {
        hostname: Some("h".to_owned()),
        ip: None,
    }
}

fn schedule() -> maintenance::Schedule {
    let window = maintenance::Window {
        machine_ids: vec![machine()],
        ..Default::default()
    };
    maintenance::Schedule {
        windows: vec![window],
    }
}

fn quota_config() -> quota::QuotaConfig {
    quota::QuotaConfig {
        role: "r".to_owned(),
        limits: [("cpus".to_owned(), value::Scalar { value: 4.0 })].into(),
        ..Default::default()
    }
}

fn quota_request() -> quota::QuotaRequest {
    quota::QuotaRequest {
        role: Some("r".to_owned()),
        guarantee: vec![disk(1.0)],
        force: None,
    }
}

fn weight() -> WeightInfo {
    WeightInfo {
        role: Some("r".to_owned()),
        weight: 2.0,
    }
}

/// A type without an arm in one of the functions does not compile.
#[tokio::test]
async fn every_call_has_a_method_that_sends_exactly_its_message() {
    let all: Vec<Type> = (0..200).filter_map(|n| Type::try_from(n).ok()).collect();
    assert_eq!(all.len(), 40, "{all:?}");
    for r#type in all {
        one(r#type).await;
    }
}

#[allow(deprecated)]
async fn one(r#type: Type) {
    match r#type {
        // The master answers 501.
        Type::Unknown => {}
        // A stream: `operator_watch` shows it.
        Type::Subscribe => {}
        Type::GetHealth
        | Type::GetFlags
        | Type::GetVersion
        | Type::GetMetrics
        | Type::GetLoggingLevel
        | Type::SetLoggingLevel
        | Type::ListFiles
        | Type::ReadFile => process(r#type).await,
        Type::GetState
        | Type::GetAgents
        | Type::GetFrameworks
        | Type::GetExecutors
        | Type::GetOperations
        | Type::GetTasks
        | Type::GetRoles
        | Type::GetMaster => state(r#type).await,
        Type::ReserveResources
        | Type::UnreserveResources
        | Type::CreateVolumes
        | Type::DestroyVolumes
        | Type::GrowVolume
        | Type::ShrinkVolume => resources(r#type).await,
        Type::GetWeights
        | Type::UpdateWeights
        | Type::GetQuota
        | Type::UpdateQuota
        | Type::SetQuota
        | Type::RemoveQuota => roles(r#type).await,
        Type::GetMaintenanceStatus
        | Type::GetMaintenanceSchedule
        | Type::UpdateMaintenanceSchedule
        | Type::StartMaintenance
        | Type::StopMaintenance => maintenance(r#type).await,
        Type::DrainAgent
        | Type::DeactivateAgent
        | Type::ReactivateAgent
        | Type::MarkAgentGone
        | Type::Teardown => removals(r#type).await,
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
                name: "quorum".to_owned(),
                value: Some("2".to_owned()),
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
                name: "master/uptime_secs".to_owned(),
                value: Some(1.0),
            }];
            let body = response::GetMetrics {
                metrics: metrics.clone(),
            };
            let message = call::GetMetrics { timeout: None };
            let call = call!(GetMetrics, get_metrics: message);
            lists!(call, get_metrics: body.clone(), get_metrics(None), metrics.clone());
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
                path: "/master/log".to_owned(),
                ..Default::default()
            }];
            let message = call::ListFiles {
                path: "/master".to_owned(),
            };
            let body = response::ListFiles {
                file_infos: file_infos.clone(),
            };
            let call = call!(ListFiles, list_files: message);
            lists!(call, list_files: body, list_files("/master"), file_infos);
        }
        Type::ReadFile => {
            let body = response::ReadFile {
                size: 9,
                data: "log".into(),
            };
            let mut message = call::ReadFile {
                path: "/log".to_owned(),
                offset: 6,
                length: Some(3),
            };
            let call = call!(ReadFile, read_file: message.clone());
            reads!(call, read_file: body.clone(), read_file("/log", 6, 3), body.clone());
            message.length = None;
            let call = call!(ReadFile, read_file: message);
            reads!(call, read_file: body.clone(), read_file("/log", 6, None), body);
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
        Type::GetAgents => {
            let body = response::GetAgents {
                recovered_agents: vec![AgentInfo::default()],
                ..Default::default()
            };
            lists!(call!(GetAgents), get_agents: body.clone(), get_agents(), body);
        }
        Type::GetFrameworks => {
            let body = response::GetFrameworks {
                frameworks: vec![response::get_frameworks::Framework::default()],
                ..Default::default()
            };
            lists!(call!(GetFrameworks), get_frameworks: body.clone(), get_frameworks(), body);
        }
        Type::GetExecutors => {
            let executors = vec![response::get_executors::Executor::default()];
            let body = response::GetExecutors {
                executors: executors.clone(),
                ..Default::default()
            };
            lists!(call!(GetExecutors), get_executors: body, get_executors(), executors);
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
                tasks: vec![Task::default()],
                ..Default::default()
            };
            lists!(call!(GetTasks), get_tasks: body.clone(), get_tasks(), body);
        }
        Type::GetRoles => {
            let roles = vec![Role {
                name: "r".to_owned(),
                ..Default::default()
            }];
            let body = response::GetRoles {
                roles: roles.clone(),
            };
            lists!(call!(GetRoles), get_roles: body, get_roles(), roles);
        }
        Type::GetMaster => {
            let body = response::GetMaster {
                elected_time: Some(1.5),
                ..Default::default()
            };
            lists!(call!(GetMaster), get_master: body.clone(), get_master(), body);
        }
        other => panic!("{other:?} has no method"),
    }
}

async fn resources(r#type: Type) {
    match r#type {
        Type::ReserveResources => {
            let mut message = call::ReserveResources {
                agent_id: "a".into(),
                source: vec![],
                resources: vec![disk(8.0)],
            };
            let call = call!(ReserveResources, reserve_resources: message.clone());
            writes!(call, reserve_resources("a", [disk(8.0)]));
            message.source = vec![disk(9.0)];
            let call = call!(ReserveResources, reserve_resources: message);
            writes!(call, re_reserve_resources("a", [disk(9.0)], [disk(8.0)]));
        }
        Type::UnreserveResources => {
            let message = call::UnreserveResources {
                agent_id: "a".into(),
                resources: vec![disk(8.0)],
            };
            let call = call!(UnreserveResources, unreserve_resources: message);
            writes!(call, unreserve_resources("a", [disk(8.0)]));
        }
        Type::CreateVolumes => {
            let message = call::CreateVolumes {
                agent_id: "a".into(),
                volumes: vec![disk(8.0)],
            };
            let call = call!(CreateVolumes, create_volumes: message);
            writes!(call, create_volumes("a", [disk(8.0)]));
        }
        Type::DestroyVolumes => {
            let message = call::DestroyVolumes {
                agent_id: "a".into(),
                volumes: vec![disk(8.0)],
            };
            let call = call!(DestroyVolumes, destroy_volumes: message);
            writes!(call, destroy_volumes("a", [disk(8.0)]));
        }
        Type::GrowVolume => {
            let message = call::GrowVolume {
                agent_id: Some("a".into()),
                volume: disk(8.0),
                addition: disk(1.0),
            };
            let call = call!(GrowVolume, grow_volume: message);
            writes!(call, grow_volume("a", disk(8.0), disk(1.0)));
        }
        Type::ShrinkVolume => {
            let message = call::ShrinkVolume {
                agent_id: Some("a".into()),
                volume: disk(8.0),
                subtract: value::Scalar { value: 1.0 },
            };
            let call = call!(ShrinkVolume, shrink_volume: message);
            writes!(call, shrink_volume("a", disk(8.0), 1.0));
        }
        other => panic!("{other:?} has no method"),
    }
}

#[allow(deprecated)]
async fn roles(r#type: Type) {
    match r#type {
        Type::GetWeights => {
            let body = response::GetWeights {
                weight_infos: vec![weight()],
            };
            lists!(call!(GetWeights), get_weights: body, get_weights(), vec![weight()]);
        }
        Type::UpdateWeights => {
            let message = call::UpdateWeights {
                weight_infos: vec![weight()],
            };
            let call = call!(UpdateWeights, update_weights: message);
            writes!(call, update_weights([weight()]));
        }
        Type::GetQuota => {
            let status = quota::QuotaStatus {
                configs: vec![quota_config()],
                ..Default::default()
            };
            let body = response::GetQuota {
                status: status.clone(),
            };
            reads!(call!(GetQuota), get_quota: body, get_quota(), status);
        }
        Type::UpdateQuota => {
            let mut message = call::UpdateQuota {
                force: None,
                quota_configs: vec![quota_config()],
            };
            let call = call!(UpdateQuota, update_quota: message.clone());
            writes!(call, update_quota([quota_config()]));
            message.force = Some(true);
            let call = call!(UpdateQuota, update_quota: message);
            writes!(call, force_update_quota([quota_config()]));
        }
        Type::SetQuota => {
            let message = call::SetQuota {
                quota_request: quota_request(),
            };
            writes!(
                call!(SetQuota, set_quota: message),
                set_quota(quota_request())
            );
        }
        Type::RemoveQuota => {
            let message = call::RemoveQuota {
                role: "r".to_owned(),
            };
            writes!(call!(RemoveQuota, remove_quota: message), remove_quota("r"));
        }
        other => panic!("{other:?} has no method"),
    }
}

async fn maintenance(r#type: Type) {
    match r#type {
        Type::GetMaintenanceStatus => {
            let status = maintenance::ClusterStatus {
                down_machines: vec![machine()],
                ..Default::default()
            };
            let body = response::GetMaintenanceStatus {
                status: status.clone(),
            };
            let call = call!(GetMaintenanceStatus);
            reads!(call, get_maintenance_status: body, get_maintenance_status(), status);
        }
        Type::GetMaintenanceSchedule => {
            let body = response::GetMaintenanceSchedule {
                schedule: schedule(),
            };
            let call = call!(GetMaintenanceSchedule);
            reads!(call, get_maintenance_schedule: body, get_maintenance_schedule(), schedule());
        }
        Type::UpdateMaintenanceSchedule => {
            let message = call::UpdateMaintenanceSchedule {
                schedule: schedule(),
            };
            let call = call!(UpdateMaintenanceSchedule, update_maintenance_schedule: message);
            writes!(call, update_maintenance_schedule(schedule()));
        }
        Type::StartMaintenance => {
            let message = call::StartMaintenance {
                machines: vec![machine()],
            };
            let call = call!(StartMaintenance, start_maintenance: message);
            writes!(call, start_maintenance([machine()]));
        }
        Type::StopMaintenance => {
            let message = call::StopMaintenance {
                machines: vec![machine()],
            };
            let call = call!(StopMaintenance, stop_maintenance: message);
            writes!(call, stop_maintenance([machine()]));
        }
        other => panic!("{other:?} has no method"),
    }
}

async fn removals(r#type: Type) {
    let agent_id = AgentId::from("a");
    match r#type {
        Type::DrainAgent => {
            let mut message = call::DrainAgent {
                agent_id,
                ..Default::default()
            };
            writes!(
                call!(DrainAgent, drain_agent: message.clone()),
                drain_agent("a")
            );

            let period = Duration::from_millis(1500);
            let options = DrainOptions::new().max_grace_period(period).mark_gone(true);
            message.mark_gone = Some(true);
            message.max_grace_period = period.try_into().ok();
            assert_eq!(message.max_grace_period.unwrap().nanos, 500_000_000);
            let call = call!(DrainAgent, drain_agent: message.clone());
            writes!(call, drain_agent_with("a", options));

            let options = options.max_grace_period(Duration::MAX);
            message.max_grace_period = Duration::from_secs(315_576_000_000).try_into().ok();
            let call = call!(DrainAgent, drain_agent: message);
            writes!(call, drain_agent_with("a", options));
        }
        Type::DeactivateAgent => {
            let message = call::DeactivateAgent { agent_id };
            let call = call!(DeactivateAgent, deactivate_agent: message);
            writes!(call, deactivate_agent("a"));
        }
        Type::ReactivateAgent => {
            let message = call::ReactivateAgent { agent_id };
            let call = call!(ReactivateAgent, reactivate_agent: message);
            writes!(call, reactivate_agent("a"));
        }
        Type::MarkAgentGone => {
            let message = call::MarkAgentGone { agent_id };
            let call = call!(MarkAgentGone, mark_agent_gone: message);
            writes!(call, mark_agent_gone("a"));
        }
        Type::Teardown => {
            let message = call::Teardown {
                framework_id: "f".into(),
            };
            writes!(call!(Teardown, teardown: message), teardown("f"));
        }
        other => panic!("{other:?} has no method"),
    }
}
