//! Planned maintenance of machines.

use mesos_core::Result;
use mesos_proto::v1::MachineId;
use mesos_proto::v1::maintenance::{ClusterStatus, Schedule};
use mesos_proto::v1::master::{Call, call, call::Type};

use super::{MasterClient, of};

impl MasterClient {
    /// GET_MAINTENANCE_STATUS: the machines that are draining or down.
    pub async fn get_maintenance_status(&self) -> Result<ClusterStatus> {
        let call = of(Type::GetMaintenanceStatus);
        let body = self.get(call, |response| response.get_maintenance_status);
        Ok(body.await?.status)
    }

    /// GET_MAINTENANCE_SCHEDULE: the schedule; empty without planned maintenance.
    pub async fn get_maintenance_schedule(&self) -> Result<Schedule> {
        let call = of(Type::GetMaintenanceSchedule);
        let body = self.get(call, |response| response.get_maintenance_schedule);
        Ok(body.await?.schedule)
    }

    /// UPDATE_MAINTENANCE_SCHEDULE: replaces the whole schedule. Machines that are new in the
    /// schedule begin to drain; a machine that is down must stay in the schedule.
    pub async fn update_maintenance_schedule(&self, schedule: Schedule) -> Result<()> {
        self.set(Call {
            update_maintenance_schedule: Some(call::UpdateMaintenanceSchedule { schedule }),
            ..of(Type::UpdateMaintenanceSchedule)
        })
        .await
    }

    /// START_MAINTENANCE: takes machines down. The master shuts down and removes their agents, with
    /// all their tasks. The machines are at least one, each only once, in the schedule and not down.
    pub async fn start_maintenance(
        &self,
        machines: impl IntoIterator<Item = MachineId>,
    ) -> Result<()> {
        self.set(Call {
            start_maintenance: Some(call::StartMaintenance {
                machines: machines.into_iter().collect(),
            }),
            ..of(Type::StartMaintenance)
        })
        .await
    }

    /// STOP_MAINTENANCE: brings machines back. They leave the schedule, and their agents can
    /// register again. The machines are at least one, each only once, and down.
    pub async fn stop_maintenance(
        &self,
        machines: impl IntoIterator<Item = MachineId>,
    ) -> Result<()> {
        self.set(Call {
            stop_maintenance: Some(call::StopMaintenance {
                machines: machines.into_iter().collect(),
            }),
            ..of(Type::StopMaintenance)
        })
        .await
    }
}
