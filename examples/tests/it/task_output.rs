//! The example `task_output`, over both backends.

use crate::program::{cluster, outcome};

#[tokio::test]
async fn the_output_of_a_task_is_shown_over_either_backend() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let command = "echo hello from Mesos; echo to stderr >&2";
    for backend in ["http", "native"] {
        let end = outcome("task_output", &[&url, command, "--backend", backend]).await;
        assert_eq!(end.code, Some(0), "{end:#?}");
        assert_eq!(end.stdout, "hello from Mesos\n");
        for line in ["TaskRunning", "TaskFinished", "to stderr"] {
            assert!(end.stderr.lines().any(|one| one == line), "{end:#?}");
        }
    }
}
