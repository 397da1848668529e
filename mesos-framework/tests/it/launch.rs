//! What is made from specifications runs on a real Mesos as the specifications state.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::Duration;

use mesos::framework::{
    CheckSpec, FileSpec, JobSpec, Manifest, PodSpec, PortSpec, TaskSpec, UriSpec, Workload,
};
use mesos::http::HttpBackend;
use mesos::lint::Linter;
use mesos::placement::{Cluster, Placer, Request, Strategy};
use mesos::scheduler::Subscribed;
use mesos::v1::task_status::Reason;
use mesos::v1::{FrameworkId, TaskState};
use mesos::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_testing::answer_offers;

/// How long the test waits. Long, because the machines that run the tests are shared.
const TIMEOUT: Duration = Duration::from_secs(120);

const SECOND: Duration = Duration::from_secs(1);

/// The last update of a task.
#[derive(Debug)]
struct End {
    state: TaskState,
    message: String,
    reason: Option<Reason>,
}

/// Launches each job once, and kills a task when it is healthy, or has a result of its check.
struct Once {
    jobs: Vec<JobSpec>,
    waiting: Vec<Request>,
    live: BTreeSet<String>,
    ends: BTreeMap<String, End>,
    /// The exit codes of checks.
    checks: BTreeMap<String, i32>,
    labels: BTreeMap<String, String>,
}

#[mesos::async_trait]
impl Scheduler for Once {
    async fn subscribed(&mut self, _: &SchedulerDriver, granted: Subscribed) -> HandlerResult {
        let id: FrameworkId = granted.framework_id;
        let request = |job: &JobSpec| job.request(&id, [format!("{}.1", job.name).into()]);
        self.waiting = self.jobs.iter().map(request).collect();
        Ok(())
    }

    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        let placer = Placer::new(Strategy::FirstFit);
        let round = placer.place(offers, &self.waiting, &Cluster::new());
        let left: BTreeSet<String> = round
            .report
            .unplaced
            .iter()
            .flat_map(|unplaced| unplaced.requests.clone())
            .collect();
        self.waiting.retain(|request| left.contains(request.name()));
        for task in round.accepts.iter().flat_map(|accept| accept.tasks()) {
            let id = &task.task_id.value;
            self.live.insert(id.clone());
            if let Some(tier) = task.labels.as_ref().and_then(|labels| labels.get("tier")) {
                self.labels.insert(id.clone(), tier.to_owned());
            }
        }
        let accepts = round.accepts.into_iter();
        let accepts = accepts.map(|accept| (accept.offers, accept.operations));
        Ok(answer_offers(driver, accepts, round.unused).await?)
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        let id = update.task_id.value.clone();
        println!(
            "{id}: {:?} healthy {:?} {}",
            update.task_state()?,
            update.healthy,
            update.message()
        );
        let check = update
            .check_status
            .as_ref()
            .and_then(|check| check.command.as_ref());
        if let Some(code) = check.and_then(|command| command.exit_code) {
            self.checks.insert(id.clone(), code);
        }
        if update.is_terminal() {
            self.live.remove(&id);
            let end = End {
                state: update.task_state()?,
                message: update.message.clone().unwrap_or_default(),
                reason: update.reason.map(|_| update.reason()),
            };
            self.ends.insert(id, end);
            if self.waiting.is_empty() && self.live.is_empty() {
                driver.stop();
            }
        } else if update.healthy == Some(true) || self.checks.contains_key(&id) {
            driver.kill(update.task_id.clone()).await?;
        }
        Ok(())
    }
}

fn task(name: &str, line: &str) -> TaskSpec {
    TaskSpec::shell(name, line)
}

/// Text that the shell would change if it were not quoted.
const TRICKY: &str = "it's \"quoted\" $HOME `date` \\n %s\n\tümlaut ''\n";

fn jobs(fetched: &str) -> Vec<Workload> {
    // Tasks compare with what they were given in the environment.
    let with_files = |task: TaskSpec| {
        task.file("conf/deep/app.txt", TRICKY)
            .file("it's.txt", "")
            .file(
                "run.sh",
                FileSpec::new("#!/bin/sh\nexit 0\n").executable(true),
            )
            .env("WANTED", TRICKY)
    };
    let compare = "test \"$(cat conf/deep/app.txt; echo .)\" = \"$(printf '%s.' \"$WANTED\"; echo)\" \
                   && test -e \"it's.txt\" && test ! -s \"it's.txt\" && ./run.sh";
    let ports = "test \"$PORT0\" = \"$PORT_HTTP\" && test \"$PORT1\" = \"$PORT_ADMIN_X\" \
                 && test \"$PORT_ADMIN_X\" -ge 31500 && test \"$PORT2\" = 31007";
    let serve = "python3 -c 'import http.server,os; http.server.test(\
                 HandlerClass=http.server.SimpleHTTPRequestHandler,port=int(os.environ[\"PORT_WEB\"]))'";
    let health = CheckSpec::http("web", "/")
        .delay(SECOND / 10)
        .interval(SECOND / 5)
        .grace(60 * SECOND);
    let check = CheckSpec::command("exit 3")
        .delay(SECOND / 10)
        .interval(SECOND / 5);
    let ready = CheckSpec::command("test -e ready")
        .delay(SECOND / 10)
        .interval(SECOND / 5);
    let pod = PodSpec::new(
        "pod",
        [
            with_files(task("left", compare)),
            TaskSpec::argv("right", ["sh", "-c", "test \"$A\" = b"]).env("A", "b"),
        ],
    );
    vec![
        task("shell", "test \"$A\" = 'b c'").env("A", "b c").into(),
        TaskSpec::argv(
            "argv",
            ["/bin/sh", "-c", "test \"$1\" = '$HOME x'", "sh", "$HOME x"],
        )
        .into(),
        with_files(task("files", compare)).into(),
        with_files(TaskSpec::argv("argv-files", ["/bin/sh", "-c", compare])).into(),
        // A character that JSON writes with six bytes, and the most that the lints permit.
        task("large", "test \"$(wc -c < big)\" -eq 16381")
            .file("big", &*"\u{1}".repeat(16 * 1024 - 3))
            .into(),
        task("ports", ports)
            .port("http")
            .port(PortSpec::named("admin-x").range(31500..=31600))
            .port(PortSpec::any().number(31007))
            .into(),
        task("fetch", "test \"$(cat got)\" = fetched")
            .uri(UriSpec::new(fetched).extract(false).output("got"))
            .into(),
        task("health", serve)
            .port("web")
            .health_check(health)
            .into(),
        task("check", "sleep 1000").check(check).into(),
        // The default grace period is 3 s.
        task(
            "kill",
            "trap 'sleep 4; exit 7' TERM; touch ready; while :; do sleep 0.1; done",
        )
        .health_check(ready)
        .kill_grace(60 * SECOND)
        .into(),
        task("time", "sleep 1000")
            .max_completion_time(SECOND)
            .into(),
        task("label", ":").label("tier", "front").into(),
        task("fails", "exit 5").into(),
        pod.into(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_key_has_its_effect_on_a_real_mesos() {
    let resources = "cpus:8;mem:2048;disk:2048;ports:[31000-31999]";
    let builder = LocalCluster::builder().agents(1).resources(resources);
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "fetched").unwrap();
    let workloads = jobs(&format!("file://{}", file.display()));
    let mut manifest = Manifest::default();
    manifest.jobs = workloads.into_iter().map(JobSpec::from).collect();
    let framework = Framework::ephemeral("spec");
    let linter = Linter::new().framework(framework.info());
    manifest.validate(&linter).unwrap();

    let scheduler = Once {
        jobs: manifest.jobs,
        waiting: Vec::new(),
        live: BTreeSet::new(),
        ends: BTreeMap::new(),
        checks: BTreeMap::new(),
        labels: BTreeMap::new(),
    };
    let backend = HttpBackend::new(cluster.master_url().parse().unwrap());
    let running = SchedulerDriver::start(scheduler, framework, backend);
    let limit = tokio::time::timeout(TIMEOUT, running.into_handler());
    let (end, scheduler) = limit.await.unwrap();
    end.unwrap();
    let scheduler = scheduler.unwrap();
    let ends = &scheduler.ends;
    for name in [
        "shell.1",
        "argv.1",
        "files.1",
        "argv-files.1",
        "large.1",
        "ports.1",
        "fetch.1",
        "label.1",
        "pod.1.left",
        "pod.1.right",
    ] {
        let end = &ends[name];
        assert_eq!(end.state, TaskState::TaskFinished, "{name}: {end:?}");
    }
    assert_eq!(
        ends["health.1"].state,
        TaskState::TaskKilled,
        "{:?}",
        ends["health.1"]
    );
    assert_eq!(
        ends["check.1"].state,
        TaskState::TaskKilled,
        "{:?}",
        ends["check.1"]
    );
    assert_eq!(scheduler.checks["check.1"], 3);
    let kill = &ends["kill.1"];
    assert!(kill.message.contains("exited with status 7"), "{kill:?}");
    let time = &ends["time.1"];
    assert_eq!(time.state, TaskState::TaskFailed, "{time:?}");
    assert_eq!(
        time.reason,
        Some(Reason::MaxCompletionTimeReached),
        "{time:?}"
    );
    let fails = &ends["fails.1"];
    assert_eq!(fails.state, TaskState::TaskFailed);
    assert!(fails.message.contains("exited with status 5"), "{fails:?}");
    assert_eq!(scheduler.labels["label.1"], "front");
    assert_eq!(ends.len(), 15);
}
