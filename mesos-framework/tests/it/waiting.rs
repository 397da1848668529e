//! Jobs that wait for offers.

use std::time::Duration;

use mesos::Framework;
use mesos::framework::{PoolPolicy, Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos_testing::{Agent, Behavior, FakeMaster};

use crate::cluster::until;

/// Each of them needs the whole agent.
fn job(name: &str) -> TaskSpec {
    TaskSpec::shell(name, format!("./work {name}")).cpus(1.0)
}

/// With an agent that has room for one job.
async fn master() -> FakeMaster {
    let master = FakeMaster::builder()
        .agent(Agent::new("a1").having("cpus:1.5;mem:1024;disk:1024"))
        .tasks(|_| Behavior::runs());
    master.start().await.unwrap()
}

#[tokio::test]
async fn equal_jobs_have_reports_and_start_one_after_the_other_when_there_is_room() {
    let master = master().await;
    let framework = Framework::with_failover_timeout("waiting", Duration::from_secs(600));
    let backend = HttpBackend::new(master.url().parse().unwrap());
    let runner = Runner::builder(framework).start(backend).await.unwrap();
    let names = ["first", "second", "third", "fourth"];
    for name in names {
        runner.submit(job(name)).await.unwrap();
    }
    for (at, name) in names.into_iter().enumerate() {
        assert_eq!(master.expect_launched().await.name, name);
        for waiting in &names[at + 1..] {
            until("a report", || async {
                let reports = runner.reports(*waiting).await.unwrap();
                let texts = reports.iter().map(ToString::to_string);
                let own = format!("{waiting}: 1 of 1 instance not placed");
                texts.into_iter().any(|text| text.starts_with(&own))
            })
            .await;
            let details = runner.describe(*waiting).await.unwrap();
            assert!(!details.reports.is_empty());
        }
        assert!(runner.reports(name).await.unwrap().is_empty());
        // The rest of the agent is offered again, and is not enough for another job.
        assert_eq!(master.launched().len(), at + 1);
        runner.kill(name).await.unwrap();
    }
    runner.stop().await.unwrap();
}

#[tokio::test]
async fn a_role_is_offered_agents_while_jobs_of_another_role_have_no_place() {
    let master = master().await;
    let framework = Framework::with_failover_timeout("roles", Duration::from_secs(600));
    let framework = framework.role("a").role("b");
    let backend = HttpBackend::new(master.url().parse().unwrap());
    // The role of the jobs without a place gives the agent back soon.
    let policy = PoolPolicy {
        hold: Duration::from_millis(100),
        ..PoolPolicy::default()
    };
    let runner = Runner::builder(framework).pool(policy);
    let runner = runner.start(backend).await.unwrap();
    let large = |n: u32| job(&format!("large-{n}")).cpus(f64::from(100 + n));
    let all = runner.run_all((0..60).map(|n| large(n).role("a")));
    let mut all = std::pin::pin!(all);
    assert!(futures_util::poll!(std::pin::pin!(all.next())).is_pending());
    until("a report of the last", || async {
        !runner.reports("large-59").await.unwrap().is_empty()
    })
    .await;
    runner.submit(job("small").role("b")).await.unwrap();
    assert_eq!(master.expect_launched().await.name, "small");
    runner.stop().await.unwrap();
}
