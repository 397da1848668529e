//! One real cluster, and the actions of cases on it.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use mesos_conformance::{Cluster, ClusterKind};
use mesos_core::BoxError;
use mesos_http::{OperatorClient, TlsConfig};
use mesos_local::LocalCluster;
use mesos_proto::v1::maintenance::Schedule;
use mesos_proto::v1::master::call::{self, Type};
use mesos_proto::v1::{CommandInfo, master};

use crate::pool::Shared;

/// How long the tasks of a finished case may take to end.
const CLEANUP_TIMEOUT: Duration = Duration::from_secs(10);

/// A running cluster.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) cluster: LocalCluster,
    /// The shell command of executors.
    pub(crate) executor: String,
    pub(crate) authority: Option<PathBuf>,
}

impl Running {
    async fn operator(&self, call: &master::Call) -> Result<master::Response, BoxError> {
        let mut client = OperatorClient::new(self.cluster.master_url().parse()?);
        if let Some(authority) = &self.authority {
            client = client.tls(TlsConfig::new().ca_file(authority));
        }
        Ok(client.call_master(call).await?)
    }

    async fn operator_call(
        &self,
        r#type: Type,
        body: impl FnOnce(&mut master::Call),
    ) -> Result<master::Response, BoxError> {
        let mut call = master::Call {
            r#type: Some(r#type as i32),
            ..Default::default()
        };
        body(&mut call);
        self.operator(&call).await
    }

    /// Removes what cases have left, and waits until it is gone.
    pub(crate) async fn clean(&self) -> Result<(), BoxError> {
        let plan = |call: &mut master::Call| {
            call.update_maintenance_schedule = Some(call::UpdateMaintenanceSchedule {
                schedule: Schedule::default(),
            });
        };
        self.operator_call(Type::UpdateMaintenanceSchedule, plan)
            .await?;
        let frameworks = self.operator_call(Type::GetFrameworks, |_| {}).await?;
        let frameworks = frameworks.get_frameworks.unwrap_or_default().frameworks;
        for framework in frameworks {
            let Some(framework_id) = framework.framework_info.id else {
                continue;
            };
            // The framework may be gone already, and Mesos before 1.5 has no such call.
            let torn_down = self.operator_call(Type::Teardown, |call| {
                call.teardown = Some(call::Teardown { framework_id });
            });
            let _ = torn_down.await;
        }
        let left = self.operator_call(Type::GetFrameworks, |_| {}).await?;
        if !left
            .get_frameworks
            .unwrap_or_default()
            .frameworks
            .is_empty()
        {
            return Err("cannot remove all frameworks".into());
        }
        let gone = async {
            loop {
                let agents = self.operator_call(Type::GetAgents, |_| {}).await?;
                let agents = agents.get_agents.unwrap_or_default().agents;
                let free = |agent: &master::response::get_agents::Agent| {
                    agent.active
                        && agent.allocated_resources.is_empty()
                        && agent
                            .total_resources
                            .iter()
                            .all(|resource| resource.reservations.is_empty())
                };
                if agents.len() == self.cluster.agents() && agents.iter().all(free) {
                    return Ok(());
                }
                // sleep: the operator API has no event for this; bounded below.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(CLEANUP_TIMEOUT, gone).await?
    }
}

/// A cluster for one case alone. Dropping it returns the cluster to the pool, unless it is dirty.
#[derive(Debug)]
pub(crate) struct Leased {
    wanted: ClusterKind,
    /// `None` only during drop.
    running: Option<Running>,
    pool: Arc<Shared>,
    dirty: AtomicBool,
}

impl Leased {
    pub(crate) fn new(wanted: ClusterKind, running: Running, pool: Arc<Shared>) -> Self {
        Self {
            wanted,
            running: Some(running),
            pool,
            dirty: AtomicBool::new(false),
        }
    }

    fn running(&self) -> &Running {
        match &self.running {
            Some(running) => running,
            None => unreachable!("it is taken only on drop"),
        }
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        if let Some(running) = self.running.take()
            && !*self.dirty.get_mut()
        {
            self.pool.give_back(self.wanted, running);
        }
    }
}

#[async_trait]
impl Cluster for Leased {
    fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.running().cluster.port()))
    }

    fn url(&self) -> String {
        self.running().cluster.master_url()
    }

    fn authority(&self) -> Option<PathBuf> {
        self.running().authority.clone()
    }

    fn executor(&self) -> CommandInfo {
        CommandInfo::sh(self.running().executor.as_str())
    }

    async fn kill(&self) -> Result<(), BoxError> {
        Ok(self.running().cluster.kill().await?)
    }

    async fn restart(&self) -> Result<(), BoxError> {
        Ok(self.running().cluster.restart().await?)
    }

    async fn forget(&self) -> Result<(), BoxError> {
        self.mark_dirty();
        let mesos = self.running().cluster.work_dir().join("mesos");
        let agents = std::fs::read_dir(mesos.join("agents"))?;
        for agent in agents {
            // The agents recover from this directory (src/slave/paths.hpp).
            std::fs::remove_dir_all(agent?.path().join("work/meta"))?;
        }
        Ok(())
    }

    async fn pause(&self) -> Result<(), BoxError> {
        Ok(self.running().cluster.pause().await?)
    }

    async fn resume(&self) -> Result<(), BoxError> {
        Ok(self.running().cluster.resume().await?)
    }

    async fn operator(&self, call: master::Call) -> Result<master::Response, BoxError> {
        self.running().operator(&call).await
    }

    fn mark_dirty(&self) {
        self.dirty.store(true, Ordering::Relaxed);
    }

    fn save_log(&self) -> PathBuf {
        self.mark_dirty();
        let log = self.running().cluster.work_dir().join("cluster.log");
        let kept = self.pool.log();
        match std::fs::copy(&log, &kept) {
            Ok(_) => kept,
            Err(_) => log,
        }
    }
}
