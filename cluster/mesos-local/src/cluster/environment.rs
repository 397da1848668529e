//! The flags of master and agents, which a local cluster takes from its environment
//! (src/local/local.cpp, src/master/flags.cpp, src/slave/flags.cpp in Mesos' tree).

use std::collections::BTreeMap;

use super::work_dir::{HELPERS_DIR, MESOS_DIR};

/// The environment of a cluster with these settings; the supervisor adds the port.
pub(super) fn of(work_dir: &str, agents: usize, resources: &str) -> BTreeMap<String, String> {
    let mesos = format!("{work_dir}/{MESOS_DIR}");
    let helpers = format!("{work_dir}/{HELPERS_DIR}");
    let agents = agents.to_string();
    let store = |name| format!("{mesos}/store/{name}");
    let fetcher_cache = format!("{mesos}/fetch");
    let (appc, docker, volumes) = (store("appc"), store("docker"), store("docker-volumes"));
    [
        ("LIBPROCESS_IP", "127.0.0.1"),
        // Without it Mesos asks the resolver for the name of this machine.
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
        // Anything else needs libraries (replicated_log) or rights (cgroups) that a plain
        // machine and user do not have.
        ("MESOS_REGISTRY", "in_memory"),
        ("MESOS_LAUNCHER", "posix"),
        // The last one gives the tasks of a group what they share, by symbolic links.
        (
            "MESOS_ISOLATION",
            "posix/cpu,posix/mem,posix/rlimits,volume/sandbox_path",
        ),
        ("MESOS_SYSTEMD_ENABLE_SUPPORT", "false"),
        // Tasks run as the user who runs the cluster.
        ("MESOS_SWITCH_USER", "false"),
        // Our mesos-executor speaks HTTP.
        ("MESOS_HTTP_COMMAND_EXECUTOR", "true"),
        // Containers of a local cluster have the agents' own stdout and stderr, unless our
        // mesos-containerizer sees to it.
        ("MESOS_CONTAINERIZER_SANDBOX_OUTPUT", "true"),
        // One machine has no thundering herd to spread out, and its user waits.
        ("MESOS_ALLOCATION_INTERVAL", "100ms"),
        ("MESOS_REGISTRATION_BACKOFF_FACTOR", "50ms"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
