//! The checks in order. A check that others depend on ends the list when it fails.

use mesos::operator::MasterClient;
use mesos::v1::MasterInfo;
use mesos::v1::master::response::GetAgents;
use mesos::{Endpoint, ErrorKind};

use super::check::{Check, State};
use super::connection;
use super::network::{authority, reach_all, zookeeper_servers};
use crate::context::Context;

/// At most this many agents are connected to.
const MOST_AGENTS: usize = 20;

/// The oldest release with the operator API that this program uses.
const OLDEST: (u32, u32) = (1, 4);

pub(super) async fn checks(context: &Context) -> Vec<Check> {
    let mut checks = Vec::new();
    let advice = "use --master ADDRESS, or add a cluster with `mesos config set`";
    let (cluster, client) = match context.cluster().and_then(|cluster| {
        let client = context.master()?;
        Ok((cluster, client))
    }) {
        Ok(both) => both,
        Err(error) => return vec![Check::error("configuration", error, advice)],
    };
    let master = cluster.settings.master.as_deref().unwrap_or_default();
    // Not the address itself, which may contain a password of ZooKeeper.
    checks.push(Check::ok(
        "configuration",
        format!("the address comes from {}", cluster.source),
    ));
    let servers = zookeeper_servers(master);
    if !servers.is_empty() {
        let advice = "check the servers of the address zk://…, and whether ZooKeeper is running";
        let check = reach_all("zookeeper", &servers, advice).await;
        let failed = check.state == State::Failed;
        checks.push(check);
        if failed {
            return checks;
        }
    }
    let leader = match client.get_master().await {
        Ok(answer) => answer.master_info.unwrap_or_default(),
        Err(error) => {
            let advice = "check that a master is running at the address";
            checks.push(Check::error("leader", error, advice));
            return checks;
        }
    };
    let tls = cluster.is_secure();
    let tls = tls.then(|| cluster.tls().unwrap_or_default());
    let (host, address) = leader_address(&leader);
    checks.push(Check::ok("leader", address.clone()));
    checks.push(version(client).await);
    checks.extend(connection::checks(&host, &address, tls).await);
    checks.push(credentials(client, cluster.settings.principal.as_deref()).await);
    match client.get_agents().await {
        Ok(agents) => checks.push(agents_check(&agents).await),
        Err(error) => checks.push(Check::error(
            "agents",
            error,
            "use a principal that may view the agents",
        )),
    }
    checks
}

/// The host and `HOST:PORT` of the leader.
fn leader_address(leader: &MasterInfo) -> (String, String) {
    let address = leader.address.clone().unwrap_or_default();
    let host = [address.ip, leader.hostname.clone(), address.hostname]
        .into_iter()
        .flatten()
        .find(|host| !host.is_empty())
        .unwrap_or_default();
    let shown = authority(&host, leader.port);
    (host, shown)
}

async fn version(client: &MasterClient) -> Check {
    let advice = "upgrade Mesos";
    let version = match client.get_version().await {
        Ok(version) => version.version,
        Err(error) => return Check::error("version", error, advice),
    };
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if found < OLDEST {
        let detail = format!("Mesos {version} is older than {}.{}", OLDEST.0, OLDEST.1);
        return Check::warning("version", detail, advice);
    }
    Check::ok("version", format!("Mesos {version}"))
}

/// A call that a master with authentication does not answer without credentials.
async fn credentials(client: &MasterClient, principal: Option<&str>) -> Check {
    let name = "credentials";
    let shown = principal.unwrap_or("no principal");
    match client.get_flags().await {
        Ok(_) => Check::ok(name, format!("accepted ({shown})")),
        Err(error) if error.kind() == ErrorKind::Forbidden => Check::warning(
            name,
            format!("{shown} may not view the flags of the master"),
            "use a principal that the ACLs of the master permit to do this",
        ),
        Err(error) => Check::error(name, error, "set MESOS_PRINCIPAL and MESOS_SECRET"),
    }
}

/// The names and ports of the agents, from which output and files are read.
async fn agents_check(agents: &GetAgents) -> Check {
    let name = "agents";
    let active: Vec<_> = agents.agents.iter().filter(|agent| agent.active).collect();
    let addresses: Vec<String> = active
        .iter()
        .take(MOST_AGENTS)
        .filter_map(|agent| {
            let endpoint = Endpoint::from_pid(agent.pid.as_deref()?).ok()?;
            // The name that an agent advertises must resolve here, as well.
            let host = &agent.agent_info.hostname;
            let named = (!host.is_empty()).then(|| authority(host, endpoint.port()));
            named.or_else(|| Some(endpoint.authority()))
        })
        .collect();
    if addresses.is_empty() {
        return Check::warning(name, "0 agents are active", "start an agent");
    }
    let advice = "make the host names of the agents resolvable on this machine, or start the agents \
                  with --hostname; open their ports in the firewall";
    let mut check = reach_all(name, &addresses, advice).await;
    if active.len() > addresses.len() {
        let number = active.len();
        check.detail = format!("{}; {number} agents are active", check.detail);
    }
    check
}
