//! The examples about volumes, maintenance, security and the detection of the master.

use clap::Parser;
use mesos::operator::MasterClient;
use mesos::v1::allocator::inverse_offer_status;
use mesos::v1::maintenance::{Schedule, Window};
use mesos::v1::{MachineId, TimeInfo, Unavailability};
use mesos_local::arguments::ClusterArguments;
use mesos_local::testing::require_real;

use crate::program::{cluster, example, interrupt, outcome, start, within};

#[tokio::test]
async fn keep_data_reads_what_an_earlier_task_wrote_and_leaves_no_reservation() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let end = outcome("keep_data", &[&cluster.master_url()]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    let steps = end.stdout.lines();
    let steps: Vec<_> = steps.filter(|line| line.contains("Finished")).collect();
    let expected = [
        "write: TaskFinished",
        "read: TaskFinished",
        "unreserve: OperationFinished",
    ];
    assert_eq!(steps, expected, "{end:?}");
    let master = MasterClient::new(cluster.master_url().parse().unwrap());
    let agents = master.get_agents().await.unwrap().agents;
    let reserved = agents[0].total_resources.iter();
    let reserved: Vec<_> = reserved
        .filter(|one| !one.reservations.is_empty())
        .collect();
    assert!(reserved.is_empty(), "{reserved:?}");
}

#[tokio::test]
async fn maintenance_moves_its_task_when_a_maintenance_is_announced() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let (child, mut lines) = start("maintenance", &[&cluster.master_url()]);
    let mut expect = async |expected: &str| {
        loop {
            let line = within(expected, lines.next_line()).await.unwrap();
            let line = line.unwrap_or_else(|| panic!("no line {expected:?}"));
            if line.starts_with(expected) {
                return;
            }
        }
    };
    expect("TaskRunning").await;
    let master = MasterClient::new(cluster.master_url().parse().unwrap());
    let agents = master.get_agents().await.unwrap().agents;
    let machine = MachineId {
        hostname: Some(agents[0].agent_info.hostname.clone()),
        ip: Some("127.0.0.1".to_owned()),
    };
    let day = 24 * 3600 * 1_000_000_000;
    let window = Window {
        machine_ids: vec![machine],
        unavailability: Unavailability {
            start: TimeInfo {
                nanoseconds: i64::MAX - day,
            },
            duration: None,
        },
    };
    let windows = vec![window];
    let schedule = Schedule { windows };
    master.update_maintenance_schedule(schedule).await.unwrap();
    expect("leaving ").await;
    expect("TaskKilled").await;
    let accepted = async {
        loop {
            let status = master.get_maintenance_status().await.unwrap();
            let statuses = status
                .draining_machines
                .iter()
                .flat_map(|one| &one.statuses);
            let accepted = inverse_offer_status::Status::Accept;
            if statuses.into_iter().any(|one| one.status() == accepted) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    within("the accepted inverse offer", accepted).await;
    // The only agent is available again.
    let windows = Vec::new();
    let schedule = Schedule { windows };
    master.update_maintenance_schedule(schedule).await.unwrap();
    expect("TaskRunning").await;
    interrupt(child).await;
}

/// The options of `mesos-local`.
#[derive(Parser)]
struct Local {
    #[command(flatten)]
    cluster: ClusterArguments,
}

#[tokio::test]
async fn secure_runs_a_command_with_tls_and_credentials_only() {
    let folder = tempfile::tempdir().unwrap();
    let options = ["local", "--port", "0", "--tls", "--credential", "me:s3cret"];
    let local = Local::parse_from(options).cluster;
    let certificate = local.certificate().unwrap();
    let started = local.builder(certificate.as_ref()).start().await;
    let Some(cluster) = require_real(started) else {
        return;
    };
    let authority = certificate.as_ref().unwrap().authority().to_owned();
    let run = async |secret: &str| {
        let file = folder.path().join("secret");
        let json = r#"{"credentials": [{"principal": "me", "secret": "SECRET"}]}"#;
        std::fs::write(&file, json.replace("SECRET", secret)).unwrap();
        let url = cluster.master_url();
        let args = [
            &url,
            authority.to_str().unwrap(),
            "me",
            file.to_str().unwrap(),
        ];
        outcome("secure", &args).await
    };
    let end = run("s3cret").await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.stdout.contains("hello: TaskFinished"), "{end:?}");
    let end = run("wr0ng").await;
    assert_eq!(end.code, Some(1), "{end:?}");
    assert!(end.stderr.contains("Unauthorized"), "{end:?}");
    assert!(!end.stderr.contains("wr0ng"), "{end:?}");
}

#[tokio::test]
async fn custom_detector_waits_until_the_command_prints_the_master() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("leader");
    let command = format!("cat {}", file.display());
    let child = example("custom_detector", &[&command]).spawn().unwrap();
    // The first answers of the command are errors.
    std::fs::write(folder.path().join("new"), cluster.master_url()).unwrap();
    std::fs::rename(folder.path().join("new"), &file).unwrap();
    let output = within("the end", child.wait_with_output()).await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}");
    assert!(stdout.contains("hello: TaskFinished"), "{stdout}");
}
