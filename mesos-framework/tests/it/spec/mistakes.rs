//! What the validation finds.

use mesos_core::Framework;
use mesos_core::lint::{Lint, Linter};
use mesos_framework::{JobSpec, Manifest, RetryPolicy, TaskSpec};

use super::yaml;

fn lints(manifest: &Manifest) -> Vec<String> {
    let framework = Framework::ephemeral("test");
    let linter = Linter::new().framework(framework.info());
    let lints = manifest.lint(&linter);
    lints.iter().map(Lint::to_string).collect()
}

/// Each row is a task, and a finding.
#[test]
fn a_task_that_contradicts_itself_is_an_error() {
    let rows = [
        ("{}", "error[missing-command] jobs[0].task.command: "),
        ("{command: ' '}", "error[missing-command] "),
        ("{command: []}", "error[missing-command] "),
        ("{command: ['']}", "error[missing-command] "),
        (
            "{command: ls, executor: {id: e, command: e}}",
            "error[contradiction] jobs[0].task.command: the task has both an executor and command",
        ),
        (
            "{executor: {id: e, command: e}, env: {A: 1}}",
            "error[contradiction] jobs[0].task.env: ",
        ),
        ("{command: ls, env: {A=B: 1}}", "error[invalid-variable] "),
        (
            "{command: ls, env: {A: \"\\0\"}}",
            "error[invalid-variable] ",
        ),
        (
            "{command: ls, data: x}",
            "[ignored-field] jobs[0].task.data: ",
        ),
        ("{command: ls, image: ' '}", "error[invalid-image] "),
        (
            "{command: ls, image: {name: a, privileged: true}}",
            "error[contradiction] ",
        ),
        (
            "{command: ls, files: {/etc/x: a}}",
            "error[invalid-file] jobs[0].task.files[\"/etc/x\"]: ",
        ),
        ("{command: ls, files: {../x: a}}", "error[invalid-file] "),
        ("{command: ls, files: {stdout: a}}", "error[invalid-file] "),
        ("{command: ls, files: {a: \"\\0\"}}", "error[invalid-file] "),
        (
            "{image: a, files: {a: b}}",
            "error[invalid-file] jobs[0].task.files: ",
        ),
        (
            "{executor: {id: e, command: e}, secrets: {A: a}}",
            "error[contradiction] jobs[0].task.secrets: ",
        ),
        (
            "{command: ls, secrets: {A=B: a}}",
            "error[invalid-variable] jobs[0].task.secrets[\"A=B\"]: ",
        ),
        ("{command: ls, secrets: {A: ''}}", "error[invalid-secret] "),
        (
            "{command: ls, env: {A: 1}, secrets: {A: a}}",
            "error[contradiction] jobs[0].task.secrets[\"A\"]: ",
        ),
        (
            "{command: ls, networks: ['']}",
            "error[invalid-network] jobs[0].task.networks[0]: ",
        ),
        (
            "{command: ls, networks: [a, {name: a}]}",
            "error[duplicate-name] jobs[0].task.networks[1]: ",
        ),
        (
            "{image: {name: a, containerizer: docker}, networks: [a, b]}",
            "error[contradiction] jobs[0].task.networks: ",
        ),
        (
            "{command: ls, volumes: [{persistent: a, path: b, read_only: true}]}",
            "error[contradiction] jobs[0].task.volumes[0].read_only: ",
        ),
        (
            "{command: ls, volumes: [{persistent: a/b, path: b}]}",
            "\"a/b\" is not the id of a volume",
        ),
        ("{command: ls, ports: [{number: 0}]}", "needs port 0"),
        (
            "{command: ls, ports: [{number: 80, range: 1-9}]}",
            "error[contradiction] ",
        ),
        (
            "{command: ls, ports: [a.b, a-b]}",
            "are both in the variable PORT_A_B",
        ),
        ("{command: ls, ports: [a, a]}", "two ports named a"),
        (
            "{command: ls, check: {}}",
            "error[invalid-check] jobs[0].task.check: ",
        ),
        (
            "{command: ls, check: {tcp: 1, command: ls}}",
            "the check has tcp and command",
        ),
        (
            "{command: ls, check: {command: ls, failures: 1}}",
            "a check has no failures",
        ),
        (
            "{command: ls, health_check: {tcp: http}}",
            "connects to the port \"http\"",
        ),
        (
            "{command: ls, ports: [http], health_check: {http: {port: htp}}}",
            "no port of the task has this name; use http",
        ),
        (
            "{command: ls, health_check: {http: {port: 80, path: x}}}",
            "does not start with a slash",
        ),
        (
            "{command: ls, health_check: {command: ls, interval: 0s}}",
            "without a pause",
        ),
        (
            "{command: ls, volumes: [{path: a}]}",
            "the volume has no source",
        ),
        (
            "{command: ls, volumes: [{path: a, host: /b, secret: c}]}",
            "has host and secret",
        ),
        (
            "{command: ls, volumes: [{path: a, host: b}]}",
            "is not absolute",
        ),
        (
            "{command: ls, volumes: [{path: a, parent: b}]}",
            "only a task of a pod",
        ),
        ("{command: ls, resources: '{}'}", "needs no resources"),
        (
            "{command: ls, resources: cpus:0;mem:0}",
            "needs no resources",
        ),
        (
            "{command: ls, role: other}",
            "error[role-not-subscribed] jobs[0].task.role: ",
        ),
        (
            "{command: ls, resources: cpus:1;mem:32;gpus:1}",
            "error[missing-capability] ",
        ),
        (
            "{command: ls, constraints: [{is: {field: zone, value: a}}, {is_not: {field: zone, value: a}}]}",
            "no zone satisfies all constraints",
        ),
        (
            "{command: ls, constraints: [{max_per: {field: zone, max: 0}}]}",
            "at most 0 tasks",
        ),
    ];
    for (task, wrong) in rows {
        let manifest = yaml(&format!("jobs: [{{name: a, task: {task}}}]"));
        let lints = lints(&manifest);
        assert!(
            lints.iter().any(|lint| lint.contains(wrong)),
            "{task}: {lints:#?}"
        );
    }
}

#[test]
fn a_correct_task_has_no_findings() {
    let rows = [
        "{command: ls}",
        "{command: [ls, -l]}",
        "{image: library/redis:7}",
        "{command: ls, ports: [http], health_check: {http: {port: http}}}",
        "{executor: {id: e, command: ./e}, data: x}",
        "{command: ls, files: {a/b: c}, kill_grace: 10s}",
    ];
    for task in rows {
        let manifest = yaml(&format!("jobs: [{{name: a, task: {task}}}]"));
        assert_eq!(lints(&manifest), Vec::<String>::new(), "{task}");
    }
}

/// Each row is a manifest, and a finding.
#[test]
fn jobs_and_services_that_contradict_themselves_are_errors() {
    let rows = [
        ("{}", "error[empty-manifest] "),
        (
            "jobs: [{name: a/b, task: {command: ls}}]",
            "error[invalid-name] jobs[0].name: ",
        ),
        (
            "jobs: [{name: '', task: {command: ls}}]",
            "error[invalid-name] ",
        ),
        (
            "jobs: [{name: .a, task: {command: ls}}]",
            "error[invalid-name] ",
        ),
        (
            "{jobs: [{name: a, task: {command: ls}}], services: [{name: a, task: {command: ls}}]}",
            "error[duplicate-name] services[0].name: the name \"a\" is also the name of jobs[0]",
        ),
        (
            "jobs: [{name: first, task: {command: ls}}, {name: b, after: [frist], task: {command: ls}}]",
            "error[unknown-job] jobs[1].after[0]: the job \"frist\" does not exist; did you mean \"first\"?",
        ),
        (
            "jobs: [{name: a, after: [a], task: {command: ls}}]",
            "the job waits for itself",
        ),
        (
            "jobs: [{name: a, after: [b], task: {command: ls}}, {name: b, after: [c], task: {command: ls}}, \
             {name: c, after: [b], task: {command: ls}}]",
            "error[dependency-cycle] jobs: each of the jobs waits for the next: b, c, b; ",
        ),
        (
            "jobs: [{name: a, timeout: 0s, task: {command: ls}}]",
            "no time to run",
        ),
        (
            "jobs: [{name: a, retry: {max_attempts: 0}, task: {command: ls}}]",
            "must be 1 or more",
        ),
        (
            "jobs: [{name: a, retry: {factor: .nan}, task: {command: ls}}]",
            "but is NaN",
        ),
        (
            "jobs: [{name: a, retry: {factor: 0.5}, task: {command: ls}}]",
            "but is 0.5",
        ),
        (
            "jobs: [{name: a, retry: {factor: -2}, task: {command: ls}}]",
            "but is -2",
        ),
        (
            "jobs: [{name: a, retry: {first_delay: 1h}, task: {command: ls}}]",
            "error[contradiction] jobs[0].retry.max_delay: ",
        ),
        ("jobs: [{name: a, pod: {tasks: []}}]", "has no tasks"),
        (
            "jobs: [{name: a, pod: {tasks: [{name: x, command: ls}, {name: x, command: ls}]}}]",
            "two tasks of the group have the name x",
        ),
        (
            "jobs: [{name: a, pod: {tasks: [{name: x, command: ls, role: web}]}}]",
            "error[contradiction] jobs[0].pod.tasks[0].role: ",
        ),
        (
            "jobs: [{name: a, pod: {tasks: [{name: x, command: ls, image: {name: i, containerizer: docker}}]}}]",
            "must not have a container of type DOCKER",
        ),
        (
            "jobs: [{name: a, pod: {executor_resources: cpus:0.1, tasks: [{name: x, command: ls}]}}]",
            "needs at least mem 32",
        ),
        (
            "services: [{name: a, update: {batch: 0}, task: {command: ls}}]",
            "error[invalid-policy] services[0].update.batch: ",
        ),
        (
            "services: [{name: a, update: {healthy_for: 1h}, task: {command: ls}}]",
            "error[contradiction] services[0].update.timeout: ",
        ),
        (
            "services: [{name: a, update: {strategy: blue_green, start_first: true}, task: {command: ls}}]",
            "always starts the new instances first",
        ),
        (
            "services: [{name: a, restart: {crash_loop_after: 0}, task: {command: ls}}]",
            "1 or more",
        ),
        (
            "services: [{name: a, instances: 3, task: {command: ls, constraints: \
             [{is: {field: zone, value: a}}, {unique: zone}]}}]",
            "there is room for 1 of 3 instances",
        ),
    ];
    for (text, wrong) in rows {
        let lints = lints(&yaml(text));
        assert!(
            lints.iter().any(|lint| lint.contains(wrong)),
            "{text}: {lints:#?}"
        );
    }
}

#[test]
fn large_files_are_refused() {
    let job = |size: usize| JobSpec::new(TaskSpec::shell("a", "ls").file("f", &*"x".repeat(size)));
    assert_eq!(job(16 * 1024 - 1).lint(&Linter::new()), []);
    let error = job(16 * 1024).validate(&Linter::new()).unwrap_err();
    assert_eq!(error.lints().len(), 1);
    assert!(
        error.to_string().contains("have 16385 bytes, but 16384"),
        "{error}"
    );
}

#[test]
fn a_number_that_a_builder_cannot_store_is_an_error_of_the_validation() {
    for (cpus, wrong) in [
        (f64::NAN, "cpus NaN: "),
        (-1.0, "cpus -1: "),
        (f64::INFINITY, "cpus inf: "),
    ] {
        let job = JobSpec::new(TaskSpec::shell("a", "ls").cpus(cpus));
        let error = job.validate(&Linter::new()).unwrap_err().to_string();
        assert!(error.contains(wrong), "{error}");
    }
}

#[test]
fn a_validation_reports_all_findings_with_the_name_of_the_job() {
    let job = JobSpec::new(
        TaskSpec::new("train")
            .file("/x", "")
            .kill_grace(std::time::Duration::ZERO),
    );
    let job = job.retry(RetryPolicy::attempts(0).factor(0.0));
    let error = job.validate(&Linter::new()).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines[0], "the job \"train\" is invalid:");
    for rule in ["missing-command", "invalid-file", "invalid-policy"] {
        let found = lines
            .iter()
            .any(|line| line.starts_with(&format!("error[{rule}] ")));
        assert!(found, "{rule}: {error}");
    }
}

#[test]
fn a_service_with_a_persistent_volume_has_one_instance_at_a_time() {
    let service = |rest: &str| {
        let volumes = "volumes: [{persistent: data, path: data}]";
        let text = format!("services: [{{name: db, task: {{command: ls, {volumes}}}{rest}}}]");
        lints(&yaml(&text)).join("\n")
    };
    assert_eq!(service(""), "");
    let text = service(", instances: 2");
    assert!(
        text.contains("volume data can belong to one instance"),
        "{text}"
    );
    let text = service(", update: {strategy: blue_green}");
    assert!(text.contains("services[0].update.strategy: "), "{text}");
    let text = service(", update: {start_first: true}");
    assert!(text.contains("services[0].update.start_first: "), "{text}");
}

#[test]
fn the_networks_of_a_pod_are_a_key_of_the_pod() {
    let pod = |networks: &str, of_task: &str| {
        let tasks = format!("tasks: [{{name: t, command: ls{of_task}}}]");
        let text = format!("jobs: [{{name: a, pod: {{{tasks}, networks: {networks}}}}}]");
        lints(&yaml(&text)).join("\n")
    };
    assert_eq!(pod("[a, b]", ""), "");
    let text = pod("[a]", ", networks: [a]");
    assert!(
        text.contains("jobs[0].pod.tasks[0].networks: a task of a pod cannot have"),
        "{text}"
    );
    let text = pod("[a, a]", "");
    assert!(text.contains("jobs[0].pod.networks[1]: "), "{text}");
}
