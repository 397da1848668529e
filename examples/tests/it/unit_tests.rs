//! The examples that need no Mesos.

use crate::program::outcome;

#[tokio::test]
async fn the_examples_of_tests_pass() {
    for example in ["unit_test_your_scheduler", "unit_test_your_executor"] {
        let end = outcome(example, &[]).await;
        assert_eq!(end.code, Some(0), "{example}: {end:?}");
    }
}

#[tokio::test]
async fn a_simulation_finds_the_bug_and_nothing_else() {
    let end = outcome("simulate_your_scheduler", &[]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
    assert!(end.stdout.starts_with("5 weeks"), "{end:?}");
    let end = outcome("simulate_your_scheduler", &["--bug"]).await;
    assert_eq!(end.code, Some(101), "{end:?}");
    assert!(end.stderr.contains("MESOS_SEED="), "{end:?}");
    assert!(end.stderr.contains("ran twice"), "{end:?}");
}
