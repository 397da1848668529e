//! The reaction of the worker to a peer that does not behave. `tests/it/pipeline.rs` has the rest.

use bytes::Bytes;
use mesos_core::backend::{Answer as Pending, SchedulerApi};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

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

fn worker<'a>(
    endpoint: &'a Endpoint,
    settings: &'a Settings,
    queue: mpsc::Receiver<Job>,
    waiting: impl Into<VecDeque<Job>>,
) -> Worker<'a, SchedulerApi> {
    Worker {
        endpoint,
        address: None,
        settings,
        stream_id: None,
        queue,
        received: Vec::new(),
        waiting: waiting.into(),
        refused: Vec::new(),
        access: None,
        head: Vec::new(),
        pipe: None,
        window: 1,
        unanswered: 0,
        fatal_error: None,
        closing: false,
        api: PhantomData,
    }
}

/// Without this rule, two failures of masters would slow down a scheduler forever.
#[tokio::test(start_paused = true)]
async fn a_connection_that_lasts_permits_pipelining_again() {
    let settings = Settings::default();
    settings.breaks.store(MAX_BREAKS, Ordering::Relaxed);
    let endpoint: Endpoint = "http://h:1".parse().expect("an address");
    let (_sender, queue) = mpsc::channel(1);
    let mut worker = worker(&endpoint, &settings, queue, []);
    let (here, mut there) = tokio::io::duplex(1024);
    worker.pipe = Some(Pipe::over(Box::new(here), &settings));
    for (age, window) in [
        (FORGET_BREAKS / 2, 1),
        (FORGET_BREAKS / 2, settings.pipeline),
    ] {
        tokio::time::advance(age).await;
        let (job, answer) = call();
        worker.waiting.push_back(job);
        let response = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        let answered = async {
            // The whole call: a rest of it would look like the next call.
            let mut call = *b"0\r\n\r\n";
            there.read_exact(&mut call).await.expect("the call");
            there.write_all(response).await.expect("a connection");
            answer.await.expect("an accepted call");
        };
        tokio::select! {
            _ = poll_fn(|context| worker.poll(context)) => panic!("the connection lasts"),
            () = answered => {}
        }
        assert_eq!(worker.window, window);
    }
    assert_eq!(settings.breaks.load(Ordering::Relaxed), 0);
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
    let mut worker = worker(&endpoint, &settings, queue, [first, second]);
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
