//! The example `middleware`, over both backends.

use crate::program::{cluster, outcome};

#[tokio::test]
async fn middleware_sees_every_event_and_call_of_a_scheduler_over_either_backend() {
    let Some(cluster) = cluster().await else {
        return;
    };
    for backend in ["http", "native"] {
        let arguments = [&cluster.master_url(), "--backend", backend];
        let end = outcome("middleware", &arguments).await;
        assert_eq!(end.code, Some(0), "{end:#?}");
        let lines: Vec<&str> = end.stdout.lines().collect();
        assert_eq!(lines.first(), Some(&"< SUBSCRIBED"), "{lines:?}");
        assert_eq!(lines.last(), Some(&"> TEARDOWN"), "{lines:?}");
        let count = |line| lines.iter().filter(|one| **one == line).count();
        assert_eq!(count("> ACCEPT"), 1, "{lines:?}");
        // STARTING, RUNNING and FINISHED.
        assert_eq!(count("< UPDATE"), 3, "{lines:?}");
        assert_eq!(count("> ACKNOWLEDGE"), 3, "{lines:?}");
        assert!(count("< OFFERS") >= 1, "{lines:?}");
    }
}
