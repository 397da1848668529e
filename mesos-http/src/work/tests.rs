//! The consumer and the standby. `tests/it/one_task.rs` has the effects on events and calls.

use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{self, yield_now};
use tokio::time::timeout;

use super::*;

type Found = Arc<Mutex<Vec<usize>>>;

/// Waits for an item.
async fn next(work: &Work, found: &Found, at: &mut usize) -> usize {
    let _attention = work.attention();
    poll_fn(|context| {
        work.poll(context, || {
            lock(found).get(*at).copied().inspect(|_| *at += 1)
        })
    })
    .await
}

/// A reader that moves numbers from a channel to a list, and reports the tasks that ran it.
fn reader(
    mut numbers: mpsc::UnboundedReceiver<usize>,
    found: &Found,
    tasks: &Arc<Mutex<Vec<Option<task::Id>>>>,
) -> impl Future<Output = ()> + Send + use<> {
    let (found, tasks) = (Arc::clone(found), Arc::clone(tasks));
    async move {
        while let Some(number) = numbers.recv().await {
            lock(&tasks).push(task::try_id());
            lock(&found).push(number);
        }
    }
}

async fn polled_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await
}

async fn soon<F: Future>(future: F) -> F::Output {
    let limit = Duration::from_secs(10);
    timeout(limit, future).await.expect("this takes too long")
}

#[tokio::test]
async fn a_consumer_that_waits_runs_the_work_itself() {
    let (sender, numbers) = mpsc::unbounded_channel();
    let (found, tasks) = (Found::default(), Arc::default());
    let work = Work::start(reader(numbers, &found, &tasks), pending());
    let (seen, shared) = (Arc::clone(&tasks), Arc::clone(&work.0));
    let consumer = tokio::spawn(async move {
        let mut at = 0;
        for _ in 0..100 {
            next(&work, &found, &mut at).await;
        }
        let id = task::try_id();
        assert!(lock(&seen).iter().all(|task| *task == id), "another task");
    });
    for number in 0..100 {
        soon(async {
            while !lock(&shared.state).parked {
                yield_now().await;
            }
        })
        .await;
        sender.send(number).expect("a reader");
    }
    soon(consumer).await.expect("the consumer");
}

#[tokio::test]
async fn the_standby_runs_the_work_while_the_consumer_does_not_wait() {
    let (sender, numbers) = mpsc::unbounded_channel();
    let (called, call) = oneshot::channel();
    let (found, tasks) = (Found::default(), Arc::default());
    let writer = async move { called.send(()).expect("the test") };
    let work = Work::start(reader(numbers, &found, &tasks), writer);
    soon(call).await.expect("the writer");
    for number in 0..10 {
        sender.send(number).expect("a reader");
        soon(async {
            while lock(&found).len() <= number {
                yield_now().await;
            }
        })
        .await;
    }
    drop(work);
}

#[tokio::test]
async fn a_wait_that_is_dropped_leaves_the_work_to_the_standby() {
    let (sender, numbers) = mpsc::unbounded_channel();
    let (found, tasks) = (Found::default(), Arc::default());
    let work = Work::start(reader(numbers, &found, &tasks), pending());
    let mut at = 0;
    for number in 0..10 {
        {
            let mut waiting = std::pin::pin!(next(&work, &found, &mut at));
            assert!(polled_once(waiting.as_mut()).await.is_pending());
            // Wakes the consumer, which does not continue to wait.
            sender.send(number).expect("a reader");
        }
        soon(async {
            while lock(&found).len() <= number {
                yield_now().await;
            }
        })
        .await;
        assert_eq!(soon(next(&work, &found, &mut at)).await, number);
    }
}

#[tokio::test]
async fn the_writer_continues_after_the_reader_was_stopped() {
    struct Dropped(Option<oneshot::Sender<()>>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let _ = self.0.take().map(|sender| sender.send(()));
        }
    }
    let (sender, dropped) = oneshot::channel();
    let (release, released) = oneshot::channel::<()>();
    let (wrote, written) = oneshot::channel();
    let held = Dropped(Some(sender));
    let reader = async move {
        let _held = held;
        pending().await
    };
    let writer = async move {
        dropped.await.expect("the reader");
        released.await.expect("the test");
        wrote.send(()).expect("the test");
    };
    let work = Work::start(reader, writer);
    yield_now().await;
    drop(work);
    release.send(()).expect("the writer");
    soon(written).await.expect("the writer");
}

#[tokio::test]
async fn a_reader_that_panics_ends_and_the_writer_continues() {
    let (release, released) = oneshot::channel::<()>();
    let (wrote, written) = oneshot::channel();
    let writer = async move {
        released.await.expect("the test");
        wrote.send(()).expect("the test");
    };
    let work = Work::start(async { panic!("this panic is part of a test") }, writer);
    let ended = || work.has_ended().then_some(());
    let _attention = work.attention();
    soon(poll_fn(|context| work.poll(context, ended))).await;
    release.send(()).expect("the writer");
    soon(written).await.expect("the writer");
}

#[test]
fn the_end_of_the_runtime_ends_the_work() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let work = runtime.block_on(async { Work::start(pending(), pending()) });
    drop(runtime);
    assert!(work.has_ended());
    let parts = lock(&work.0.parts);
    assert!(parts.reader.is_none() && parts.writer.is_none());
}

/// A wake-up that is lost would end this test with a timeout.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn nothing_is_lost_whatever_the_consumer_does_meanwhile() {
    const NUMBERS: usize = 20_000;
    let (sender, numbers) = mpsc::unbounded_channel();
    let (calls, mut queue) = mpsc::unbounded_channel::<usize>();
    let (found, tasks) = (Found::default(), Arc::default());
    let written = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&written);
    let writer = async move {
        while queue.recv().await.is_some() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    };
    let work = Work::start(reader(numbers, &found, &tasks), writer);
    tokio::spawn(async move {
        for number in 0..NUMBERS {
            let _ = sender.send(number);
            if fastrand::u8(..) < 64 {
                yield_now().await;
            }
        }
        // The reader stays.
        sender.closed().await;
    });
    let consumer = tokio::spawn(async move {
        let mut at = 0;
        for expected in 0..NUMBERS {
            while fastrand::u8(..) < 32 {
                let polled = {
                    let waiting = std::pin::pin!(next(&work, &found, &mut at));
                    polled_once(waiting).await
                };
                if let Poll::Ready(number) = polled {
                    assert_eq!(number, expected);
                    at -= 1;
                }
            }
            assert_eq!(soon(next(&work, &found, &mut at)).await, expected);
            calls.send(expected).expect("a writer");
            // The standby has to make the call.
            if fastrand::u8(..) < 16 {
                soon(async {
                    while written.load(Ordering::Relaxed) <= expected {
                        yield_now().await;
                    }
                })
                .await;
            }
        }
    });
    consumer.await.expect("the consumer");
}
