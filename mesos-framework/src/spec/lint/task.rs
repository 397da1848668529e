//! What contradicts itself in a task, and what a file or a command cannot express.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use mesos_core::lint::Lint;

use super::error;
use super::policy::text_form;
use crate::spec::{CheckSpec, Command, Containerizer, NetworkSpec, TaskSpec, VolumeSpec};

/// The limit for all files of a task. Linux accepts 128 KiB for one argument of a program, and the
/// JSON in which an agent passes the command can be six times as long.
const MAX_FILES: usize = 16 * 1024;

pub(super) fn outside_of_pod(task: &TaskSpec) -> Vec<Lint> {
    let mut lints = anywhere(task);
    if task.volumes.iter().any(|volume| volume.parent.is_some()) {
        let message = "only a task of a pod has a parent sandbox";
        let remedy = "use host or sandbox, or make the task a part of a pod";
        lints.push(error("invalid-volume", "volumes", message, remedy));
    }
    lints
}

pub(super) fn in_pod(task: &TaskSpec) -> Vec<Lint> {
    let mut lints = anywhere(task);
    let mut of_pod = |field, is_set: bool, remedy| {
        if is_set {
            let message = format!("a task of a pod cannot have {field}");
            lints.push(error("contradiction", field, message, remedy));
        }
    };
    of_pod("executor", task.executor.is_some(), "use a command");
    of_pod(
        "constraints",
        !task.constraints.is_empty(),
        "move them to the pod",
    );
    of_pod("role", task.role.is_some(), "move it to the pod");
    of_pod(
        "networks",
        !task.networks.is_empty(),
        "move them to the pod",
    );
    lints
}

fn anywhere(task: &TaskSpec) -> Vec<Lint> {
    let mut lints = Vec::new();
    for mistake in &task.mistakes {
        let remedy = "use a number of 0.001 or more";
        lints.push(error("invalid-resource", "resources", mistake, remedy));
    }
    lints.extend(text_form("resources", &task.resources));
    program(&mut lints, task);
    environment(&mut lints, task);
    files(&mut lints, task);
    ports(&mut lints, task);
    if let Some(one) = &task.check {
        check(&mut lints, "check", one);
        let only_health = [
            ("grace", one.grace.is_some()),
            ("failures", one.failures.is_some()),
            ("http.tls", one.http.as_ref().is_some_and(|http| http.tls)),
        ];
        for (field, _) in only_health.iter().filter(|(_, set)| *set) {
            let message = format!("a check has no {field}; only a health check has it");
            let remedy = format!("remove {field}, or move it to health_check");
            lints.push(error(
                "invalid-check",
                format!("check.{field}"),
                message,
                remedy,
            ));
        }
    }
    if let Some(one) = &task.health_check {
        check(&mut lints, "health_check", one);
    }
    networks(&mut lints, &task.networks);
    let image = task.image.as_ref().map(|image| image.containerizer);
    if image == Some(Containerizer::Docker) && task.networks.len() > 1 {
        let message = "a container of the Docker daemon joins one network";
        let remedy = "keep one of them";
        lints.push(error("contradiction", "networks", message, remedy));
    }
    for (place, one) in task.volumes.iter().enumerate() {
        volume(&mut lints, &format!("volumes[{place}]"), one);
    }
    lints
}

pub(super) fn networks(lints: &mut Vec<Lint>, networks: &[NetworkSpec]) {
    for (place, network) in networks.iter().enumerate() {
        let path = format!("networks[{place}]");
        if network.name.is_empty() {
            let message = "the network has no name";
            lints.push(error("invalid-network", path, message, "add a name"));
        } else if networks[..place].iter().any(|one| one.name == network.name) {
            let message = format!("the network {:?} is listed twice", network.name);
            let remedy = "remove one of them";
            lints.push(error("duplicate-name", path, message, remedy));
        }
    }
}

/// The command, the executor and the image.
fn program(lints: &mut Vec<Lint>, task: &TaskSpec) {
    match (&task.command, &task.executor, &task.image) {
        (None, None, None) => {
            let message = "the task has nothing to run";
            let remedy = "add a command, an executor, or an image with a program";
            lints.push(error("missing-command", "command", message, remedy));
        }
        (Some(Command::Shell(line)), ..) if line.trim().is_empty() => {
            let message = "the shell line is empty";
            lints.push(error(
                "missing-command",
                "command",
                message,
                "add a shell line",
            ));
        }
        (Some(Command::Argv(argv)), ..) if argv.first().is_some_and(String::is_empty) => {
            let message = "the program is an empty text";
            lints.push(error(
                "missing-command",
                "command[0]",
                message,
                "add a program",
            ));
        }
        (Some(Command::Argv(argv)), _, None) if argv.is_empty() => {
            let message = "the list has no program, and there is no image with a program";
            lints.push(error(
                "missing-command",
                "command",
                message,
                "add a program",
            ));
        }
        _ => {}
    }
    if task.executor.is_some() {
        let ignored = [
            ("command", task.command.is_some()),
            ("image", task.image.is_some()),
            ("env", !task.env.is_empty()),
            ("secrets", !task.secrets.is_empty()),
            ("networks", !task.networks.is_empty()),
            ("uris", !task.uris.is_empty()),
            ("files", !task.files.is_empty()),
        ];
        for (field, _) in ignored.into_iter().filter(|(_, set)| *set) {
            let message = format!("the task has both an executor and {field}");
            let remedy = format!("move {field} to the executor if it has this key, or remove one");
            lints.push(error("contradiction", field, message, remedy));
        }
    }
    if let Some(image) = &task.image {
        if image.name.trim().is_empty() {
            let message = "the image has no name";
            lints.push(error("invalid-image", "image.name", message, "add a name"));
        }
        if image.privileged && image.containerizer == Containerizer::Mesos {
            let message = "the Mesos containerizer has no privileged containers";
            let remedy = "remove privileged, or set containerizer to docker";
            lints.push(error("contradiction", "image.privileged", message, remedy));
        }
    }
}

fn environment(lints: &mut Vec<Lint>, task: &TaskSpec) {
    let executor = task.executor.iter().flat_map(|executor| &executor.env);
    for (name, value) in task.env.iter().chain(executor) {
        if name.is_empty() || name.contains(['=', '\0']) || value.contains('\0') {
            let message = format!("{name:?} cannot be a variable with this value");
            let remedy = "use a name without =, and no null characters";
            lints.push(error("invalid-variable", "env", message, remedy));
        }
    }
    for (name, secret) in &task.secrets {
        let path = format!("secrets[{name:?}]");
        if name.is_empty() || name.contains(['=', '\0']) {
            let message = format!("{name:?} cannot be a variable");
            let remedy = "use a name without =, and no null characters";
            lints.push(error("invalid-variable", &path, message, remedy));
        }
        if secret.is_empty() {
            let message = "the secret has no name";
            let remedy = "add the name of the secret";
            lints.push(error("invalid-secret", &path, message, remedy));
        }
        if task.env.contains_key(name) {
            let message = format!("the variable {name:?} is also in env");
            let remedy = "remove one of them";
            lints.push(error("contradiction", &path, message, remedy));
        }
    }
}

fn files(lints: &mut Vec<Lint>, task: &TaskSpec) {
    const RULE: &str = "invalid-file";
    let mut total = 0;
    for (path, file) in &task.files {
        let field = format!("files[{path:?}]");
        total += path.len() + file.content.len();
        let parts = Path::new(path).components();
        let plain = parts
            .into_iter()
            .all(|part| matches!(part, Component::Normal(_)));
        if path.is_empty() || path.ends_with('/') || path.contains('\0') || !plain {
            let message = format!("{path:?} is not a path of a file inside the sandbox");
            let remedy = "use a relative path without ..";
            lints.push(error(RULE, &field, message, remedy));
        }
        if matches!(path.as_str(), "stdout" | "stderr") {
            let message = format!("{path} is the output of the task");
            lints.push(error(RULE, &field, message, "use another name"));
        }
        if file.content.contains('\0') {
            let message = "the content has a null character";
            lints.push(error(RULE, &field, message, "use uris for binary files"));
        }
    }
    if total > MAX_FILES {
        let message = format!("the files have {total} bytes, but {MAX_FILES} bytes are possible");
        lints.push(error(RULE, "files", message, "use uris for large files"));
    }
    let no_program = match &task.command {
        None => task.executor.is_none(),
        Some(Command::Argv(argv)) => argv.is_empty(),
        Some(Command::Shell(_)) => false,
    };
    if !task.files.is_empty() && no_program {
        let message = "the command of the task writes the files, but the task has no command";
        lints.push(error(RULE, "files", message, "add a command"));
    }
}

fn ports(lints: &mut Vec<Lint>, task: &TaskSpec) {
    let mut variables = BTreeMap::new();
    for (place, port) in task.ports.iter().enumerate() {
        let field = format!("ports[{place}]");
        if port.number.is_some() && port.range.is_some() {
            let message = "the port has both a number and a range";
            lints.push(error(
                "contradiction",
                &field,
                message,
                "remove one of them",
            ));
        }
        let Some(name) = &port.name else { continue };
        if name.is_empty() {
            let remedy = "use a name, or no name";
            lints.push(error("invalid-port", &field, "the name is empty", remedy));
        }
        let letter = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let variable: String = name.chars().map(letter).collect();
        // Equal names are found by the check of the request.
        if let Some(other) = variables
            .insert(variable.clone(), name)
            .filter(|other| *other != name)
        {
            let message = format!(
                "the ports {other:?} and {name:?} are both in the variable PORT_{variable}"
            );
            lints.push(error("invalid-port", &field, message, "use another name"));
        }
    }
}

fn check(lints: &mut Vec<Lint>, field: &str, check: &CheckSpec) {
    let kinds = [
        ("http", check.http.is_some()),
        ("tcp", check.tcp.is_some()),
        ("command", check.command.is_some()),
    ];
    let set: Vec<&str> = kinds
        .into_iter()
        .filter(|(_, set)| *set)
        .map(|(kind, _)| kind)
        .collect();
    match set.as_slice() {
        [_] => {}
        [] => {
            let message = "the check checks nothing";
            let remedy = "add http, tcp or command";
            lints.push(error("invalid-check", field, message, remedy));
        }
        several => {
            let message = format!("the check has {}", several.join(" and "));
            let remedy = "keep one of them";
            lints.push(error("contradiction", field, message, remedy));
        }
    }
    if check.interval.is_some_and(|interval| interval.is_zero()) {
        let message = "the check would run without a pause";
        let path = format!("{field}.interval");
        lints.push(error(
            "invalid-check",
            path,
            message,
            "use a longer interval",
        ));
    }
    if matches!(&check.command, Some(Command::Argv(argv)) if argv.is_empty()) {
        let message = "the list has no program";
        let path = format!("{field}.command");
        lints.push(error("missing-command", path, message, "add a program"));
    }
}

fn volume(lints: &mut Vec<Lint>, field: &str, volume: &VolumeSpec) {
    const RULE: &str = "invalid-volume";
    match volume.sources().as_slice() {
        [_] => {}
        [] => {
            let message = "the volume has no source";
            let remedy = "add host, sandbox, parent, persistent, docker or secret";
            lints.push(error(RULE, field, message, remedy));
        }
        several => {
            let message = format!("the volume has {}", several.join(" and "));
            lints.push(error("contradiction", field, message, "keep one of them"));
        }
    }
    if volume.persistent.is_some() && volume.read_only {
        let message = "a persistent volume cannot be read only";
        let path = format!("{field}.read_only");
        lints.push(error("contradiction", path, message, "remove read_only"));
    }
    if volume.path.is_empty() {
        let message = "the path in the container is empty";
        lints.push(error(RULE, format!("{field}.path"), message, "add a path"));
    }
    if volume
        .host
        .as_ref()
        .is_some_and(|host| !host.starts_with('/'))
    {
        let message = "the path of the host is not absolute";
        let remedy = "use an absolute path, or sandbox";
        lints.push(error(RULE, format!("{field}.host"), message, remedy));
    }
    let inside = [("sandbox", &volume.sandbox), ("parent", &volume.parent)];
    for (name, path) in inside {
        if path
            .as_ref()
            .is_some_and(|path| path.is_empty() || path.starts_with('/'))
        {
            let message = "the path in the sandbox is not relative";
            lints.push(error(
                RULE,
                format!("{field}.{name}"),
                message,
                "use a relative path",
            ));
        }
    }
    if volume.sandbox.is_some() && !volume.path.starts_with('/') {
        let message = "a sandbox volume needs an absolute path in the container";
        lints.push(error(
            RULE,
            format!("{field}.path"),
            message,
            "use an absolute path",
        ));
    }
}
