//! Lints of requests.

use mesos::Framework;
use mesos::lint::{Linter, Severity};
use mesos::placement::{Constraint, Field, Ports, Request, TaskTemplate};
use mesos::v1::{CommandInfo, ExecutorInfo, HealthCheck, TaskInfo};

fn task() -> TaskTemplate {
    TaskTemplate::new("web", "cpus:1;mem:32".parse().unwrap()).command(CommandInfo::sh("serve"))
}

fn linter() -> Linter {
    Linter::new().framework(Framework::ephemeral("shop").role("shop").info())
}

fn rules(request: &Request) -> Vec<&'static str> {
    let lints = request.lint(&linter());
    assert!(
        lints.iter().all(|lint| lint.severity == Severity::Error),
        "{lints:#?}"
    );
    lints.iter().map(|lint| lint.rule).collect()
}

#[test]
fn a_request_that_can_be_placed_and_launched_has_no_findings() {
    assert!(rules(&Request::new(task()).role("shop")).is_empty());
    let executor = ExecutorInfo::builder("e")
        .framework("f")
        .cpus(0.1)
        .mem(32.0)
        .disk(1.0)
        .build();
    let executor = ExecutorInfo {
        r#type: Some(mesos::v1::executor_info::Type::Default as i32),
        ..executor
    };
    let sidecar = TaskTemplate::new("log", "cpus:1;mem:32".parse().unwrap());
    let sidecar = sidecar.command(CommandInfo::sh("log"));
    let group = Request::group("pod", executor, [task(), sidecar]);
    assert!(rules(&group).is_empty());
}

#[test]
fn the_mistakes_of_a_request_are_found_before_there_are_offers() {
    assert_eq!(
        rules(&Request::new(task()).role("web")),
        ["role-not-subscribed"]
    );
    let gpus = TaskTemplate::new("train", "cpus:1;mem:32;gpus:1".parse().unwrap());
    let gpus = gpus.command(CommandInfo::sh("train"));
    assert_eq!(rules(&Request::new(gpus)), ["missing-capability"]);
    let none = Constraint::max_per(Field::Hostname, 0);
    assert_eq!(
        rules(&Request::new(task()).constraint(none)),
        ["invalid-request"]
    );
    let nothing = TaskTemplate::new("nothing", "cpus:1;mem:32".parse().unwrap());
    assert_eq!(rules(&Request::new(nothing)), ["command-or-executor"]);
}

#[test]
fn a_check_of_a_port_that_a_round_will_add_is_not_reported() {
    let check = HealthCheck::http(8080, "/");
    let info = TaskInfo::builder("web")
        .command(CommandInfo::sh("serve"))
        .health_check(check);
    let spec = task().template(info.build());
    let lints = Request::new(spec.clone()).lint(&linter());
    assert_eq!(lints[0].rule, "check-port");
    assert!(rules(&Request::new(spec.ports(Ports::any(1)))).is_empty());
}
