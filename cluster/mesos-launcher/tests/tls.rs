//! Tasks of an agent that uses TLS with Mesos' default cipher suites.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

#[path = "../../../mesos-http/tests/real/certificates.rs"]
mod certificates;
#[path = "../../mesos-local/tests/common/mod.rs"]
mod common;

use std::path::Path;

use async_trait::async_trait;
use mesos_core::{Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate};
use mesos_http::{HttpBackend, TlsConfig};
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_proto::v1::offer::Operation;
use mesos_proto::v1::{CommandInfo, ExecutorInfo, TaskInfo, TaskState, TaskStatus};
use tokio::sync::mpsc;

use certificates::Authority;

/// 3rdparty/libprocess/src/openssl.cpp
const MESOS_CIPHERS: &str = "AES128-SHA:AES256-SHA:RC4-SHA:DHE-RSA-AES128-SHA:\
                             DHE-DSS-AES128-SHA:DHE-RSA-AES256-SHA:DHE-DSS-AES256-SHA";

/// The programs of this test, which are built with OpenSSL.
const PROGRAMS: [(&str, &str); 4] = [
    (
        "mesos-containerizer",
        env!("CARGO_BIN_EXE_mesos-containerizer"),
    ),
    ("mesos-executor", env!("CARGO_BIN_EXE_mesos-executor")),
    (
        "mesos-default-executor",
        env!("CARGO_BIN_EXE_mesos-default-executor"),
    ),
    ("mesos-fetcher", env!("CARGO_BIN_EXE_mesos-fetcher")),
];

/// Copies the programs, because the start of a cluster builds them without OpenSSL.
fn copy_programs(directory: &Path) {
    for (name, program) in PROGRAMS {
        std::fs::copy(program, directory.join(name)).expect("a copy");
    }
}

/// Runs one task with the command executor, and one with the default executor.
struct Two {
    updates: mpsc::UnboundedSender<TaskStatus>,
    launched: bool,
}

#[async_trait]
impl Scheduler for Two {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        let task = |id: &str, offer: &Offer| {
            let command = CommandInfo::sh("true");
            let task = TaskInfo::builder(id).id(id).command(command);
            task.agent(offer.agent_id.clone())
                .cpus(0.1)
                .mem(32.0)
                .build()
        };
        for offer in offers {
            if std::mem::replace(&mut self.launched, true) {
                continue;
            }
            let framework = driver.framework_id().ok_or("no framework")?;
            let executor = ExecutorInfo::builder("group").framework(framework);
            let mut executor = executor.build();
            executor.resources =
                Vec::from("cpus:0.1;mem:32;disk:32".parse::<mesos_core::resources::Resources>()?);
            let operations = [
                Operation::launch([task("command", &offer)]),
                Operation::launch_group(executor, [task("in-a-group", &offer)]),
            ];
            driver.accept([offer], operations, None).await?;
        }
        Ok(())
    }

    async fn update(&mut self, _: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        self.updates.send(update.to_status())?;
        Ok(())
    }
}

#[tokio::test]
async fn both_executors_use_an_agent_with_default_ciphers() {
    let programs = tempfile::tempdir().expect("a directory");
    copy_programs(programs.path());
    let authority = Authority::new("ours");
    let builder = LocalCluster::builder()
        .tls(
            authority.sign("127.0.0.1"),
            authority.key(),
            authority.file(),
        )
        .env("MESOS_LAUNCHER_DIR", programs.path().to_string_lossy())
        .env("LIBPROCESS_SSL_CIPHERS", MESOS_CIPHERS);
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let master = cluster.master_url().parse().expect("a URL");
    let tls = TlsConfig::new().ca_file(authority.file()).openssl();
    let (sender, mut updates) = mpsc::unbounded_channel();
    let framework = Framework::ephemeral("an unchanged TLS agent");
    let backend = HttpBackend::new(master).tls(tls);
    let _driver = SchedulerDriver::start(
        Two {
            updates: sender,
            launched: false,
        },
        framework,
        backend,
    )
    .detach();
    let mut left = vec!["command", "in-a-group"];
    while !left.is_empty() {
        let status = tokio::time::timeout(common::TIMEOUT, updates.recv()).await;
        let status = status
            .expect("an update in time")
            .expect("the scheduler runs");
        match status.task_state() {
            Ok(TaskState::TaskStarting | TaskState::TaskRunning) => {}
            Ok(TaskState::TaskFinished) => left.retain(|id| status.task_id != *id),
            _ => panic!("{status:?}"),
        }
    }
    cluster.stop().await.expect("a clean stop");
}
