//! The reaction of the worker to a peer that does not behave. `tests/it/pipeline.rs` has the rest.

use bytes::Bytes;
use mesos_core::backend::{Answer as Pending, SchedulerApi};

use super::*;

fn call() -> (Job, Pending) {
    let (answer, pending) = Pending::channel();
    let job = Job {
        name: "KILL",
        body: Bytes::new(),
        answer,
        alone: false,
        renewed: false,
    };
    (job, pending)
}

/// A peer that accepts connections and closes them: a balancer without a master, or the proxy
/// of a container without a program. Its FIN may be there before the first read.
#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_each_connection_at_once_fails_a_call_each_time_and_is_not_flooded() {
    let settings = Settings::default();
    let endpoint: Endpoint = "http://h:1".parse().expect("an address");
    let (_, queue) = mpsc::channel(1);
    let (first, first_answer) = call();
    let (second, second_answer) = call();
    let mut worker = Worker::<SchedulerApi> {
        endpoint: &endpoint,
        address: None,
        settings: &settings,
        stream_id: None,
        queue,
        waiting: VecDeque::from([first, second]),
        refused: Vec::new(),
        access: None,
        head: Vec::new(),
        pipe: None,
        window: 1,
        unanswered: 0,
        fatal_error: None,
        closing: false,
        api: PhantomData,
    };
    let mut delays = Vec::new();
    for answer in [first_answer, second_answer] {
        let (here, there) = tokio::io::duplex(64);
        drop(there);
        worker.pipe = Some(Pipe::over(Box::new(here), &settings));
        let next = poll_fn(|context| worker.poll(context)).await;
        assert!(matches!(next, Next::Open | Next::Done), "a new connection");
        // The clock is virtual.
        let answer = timeout(GRACE, answer).await.expect("an answer");
        let error = answer.expect_err("the connection was closed");
        assert_eq!(error.delivery(), Delivery::NotSent, "{error}");
        delays.push(worker.delay());
    }
    assert_eq!(delays, [REOPEN_DELAY, 2 * REOPEN_DELAY]);
    worker.unanswered = u32::MAX;
    assert_eq!(worker.delay(), REOPEN_DELAY_MAX);
}
