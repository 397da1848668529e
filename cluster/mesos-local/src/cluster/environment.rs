//! The flags of master and agents, which a local cluster reads from its environment
//! (src/local/local.cpp, src/master/flags.cpp, src/slave/flags.cpp in Mesos' tree).

use std::collections::BTreeMap;

use super::work_dir::{HELPERS_DIR, MESOS_DIR};

/// The environment of a cluster with these settings. The supervisor adds the port.
pub(super) fn variables(
    work_dir: &str,
    agents: usize,
    resources: &str,
) -> BTreeMap<String, String> {
    let mesos = format!("{work_dir}/{MESOS_DIR}");
    let helpers = format!("{work_dir}/{HELPERS_DIR}");
    let agents = agents.to_string();
    let store = |name| format!("{mesos}/store/{name}");
    let fetcher_cache = format!("{mesos}/fetch");
    let (appc, docker, volumes) = (store("appc"), store("docker"), store("docker-volumes"));
    [
        ("LIBPROCESS_IP", "127.0.0.1"),
        // Otherwise Mesos resolves the name of this machine.
        ("MESOS_HOSTNAME", "127.0.0.1"),
        ("MESOS_WORK_DIR", &mesos),
        ("MESOS_LAUNCHER_DIR", &helpers),
        ("MESOS_NUM_SLAVES", &agents),
        ("MESOS_RESOURCES", resources),
        // Their defaults are outside the work directory.
        ("MESOS_APPC_STORE_DIR", &appc),
        ("MESOS_DOCKER_STORE_DIR", &docker),
        ("MESOS_DOCKER_VOLUME_CHECKPOINT_DIR", &volumes),
        ("MESOS_FETCHER_CACHE_DIR", &fetcher_cache),
        // Other values need libraries (replicated_log) or permissions (cgroups) that a plain machine
        // and user do not have.
        ("MESOS_REGISTRY", "in_memory"),
        ("MESOS_LAUNCHER", "posix"),
        // volume/sandbox_path shares directories among the tasks of a group, by symbolic links.
        (
            "MESOS_ISOLATION",
            "posix/cpu,posix/mem,posix/rlimits,volume/sandbox_path",
        ),
        ("MESOS_SYSTEMD_ENABLE_SUPPORT", "false"),
        // Tasks run as the user who runs the cluster.
        ("MESOS_SWITCH_USER", "false"),
        // This workspace's mesos-executor uses HTTP.
        ("MESOS_HTTP_COMMAND_EXECUTOR", "true"),
        // Containers of a local cluster inherit the agents' stdout and stderr. This variable makes
        // this workspace's mesos-containerizer redirect them to the sandbox.
        ("MESOS_CONTAINERIZER_SANDBOX_OUTPUT", "true"),
        // A cluster of one machine need not spread its load, and its user waits.
        ("MESOS_ALLOCATION_INTERVAL", "100ms"),
        ("MESOS_REGISTRATION_BACKOFF_FACTOR", "50ms"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
