//! Tasks that keep others away.

use std::time::Duration;

use mesos::Framework;
use mesos::framework::{Runner, TaskSpec};
use mesos::http::HttpBackend;
use mesos::placement::{Constraint, Field};
use mesos_testing::{Agent, Behavior, FakeMaster};

use crate::cluster::until;

#[tokio::test]
async fn a_running_task_keeps_later_tasks_away_that_it_avoids() {
    let master = FakeMaster::builder()
        .agent(Agent::new("a1").having("cpus:8;mem:8192;disk:8192"))
        .tasks(|_| Behavior::runs())
        .start()
        .await
        .unwrap();
    let framework = Framework::with_failover_timeout("avoid", Duration::from_secs(600));
    let backend = HttpBackend::new(master.url().parse().unwrap());
    let runner = Runner::builder(framework).start(backend).await.unwrap();
    let quiet = TaskSpec::shell("quiet", "sleep 1000");
    let quiet = quiet.constraint(Constraint::avoid(Field::AgentId, "noisy", "yes"));
    runner.submit(quiet).await.unwrap();
    assert_eq!(master.expect_launched().await.name, "quiet");
    runner
        .submit(TaskSpec::shell("noisy", "sleep 1000").label("noisy", "yes"))
        .await
        .unwrap();
    until("a report", || async {
        !runner.reports("noisy").await.unwrap().is_empty()
    })
    .await;
    // A task that nobody avoids is placed.
    runner
        .submit(TaskSpec::shell("other", "sleep 1000"))
        .await
        .unwrap();
    assert_eq!(master.expect_launched().await.name, "other");
    assert_eq!(master.launched().len(), 2);
    runner.stop().await.unwrap();
}
