//! More callbacks than an executor can handle, and drivers that are dropped while they are in use.

use std::fs;

use async_trait::async_trait;
use bytes::Bytes;
use mesos_core::{Executor, ExecutorDriver, HandlerResult};
use mesos_native::NativeBackend;
use mesos_testing::v1::TaskInfo;
use mesos_testing::{Handler, RecordedExecutorEvent as RecordedEvent};

use crate::support::{Agent, environment, library, scene, scene_with};

/// A number that a long run can set by an environment variable.
fn number(variable: &str, usual: u32) -> u32 {
    let set = std::env::var(variable).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// The resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let size = line.and_then(|line| line.split_whitespace().nth(1));
    size.and_then(|size| size.parse().ok()).unwrap()
}

/// Counts messages and checks that their numbers ascend.
struct Counter {
    next: u32,
    last: u32,
    resident: u64,
}

#[async_trait]
impl Executor for Counter {
    async fn launch(&mut self, _: &ExecutorDriver, _: TaskInfo) -> HandlerResult {
        Err("nothing is launched in this scenario".into())
    }

    async fn message(&mut self, driver: &ExecutorDriver, data: Bytes) -> HandlerResult {
        assert_eq!(*data, self.next.to_ne_bytes(), "out of order");
        self.next += 1;
        if self.next == self.last / 10 {
            self.resident = resident();
        }
        if self.next == self.last {
            let grown = resident().saturating_sub(self.resident);
            println!("GROWN {grown} KiB in {} callbacks", self.last);
            assert!(grown < 16 * 1024, "{grown} KiB in {} callbacks", self.last);
            driver.stop();
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_callbacks_arrive_in_order_and_do_not_use_more_memory() {
    let Some(library) = library().await else {
        return;
    };
    let last = number("MESOS_NATIVE_CALLBACKS", 20_000);
    let agent = Agent::start(0).await;
    let environment = environment(&format!("flood {last}"), &agent);
    let backend = NativeBackend::for_executor(library, &environment).unwrap();
    let counter = Counter {
        next: 0,
        last,
        resident: 0,
    };
    let end = ExecutorDriver::run(counter, environment, backend.event_queue(2)).await;
    end.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_blocks_libmesos_but_not_the_end_of_the_executor() {
    let Some(scene) = scene_with("endless", |_| {}, |backend| backend.event_queue(1)).await else {
        return;
    };
    let _gate = scene.recorder.hold(Handler::Message);
    let message = |told: &RecordedEvent| matches!(told, RecordedEvent::Message(_));
    scene.recorder.expect("a message", message).await;
    // The libmesos thread is blocked until the driver ends.
    scene.driver.abort();
    scene.driver.join().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn drivers_that_are_dropped_at_any_time_use_little_memory() {
    let cycles = number("MESOS_NATIVE_CYCLES", 200);
    let mut before = 0;
    for cycle in 0..cycles {
        let scenario = if cycle % 2 == 0 { "endless" } else { "short" };
        let Some(scene) = scene(scenario).await else {
            return;
        };
        // Before, during and after the subscription.
        match cycle % 3 {
            0 => {}
            1 => tokio::task::yield_now().await,
            _ => {
                let subscribed =
                    |told: &RecordedEvent| matches!(told, RecordedEvent::Subscribed(_));
                scene.recorder.expect("subscribed", subscribed).await;
            }
        }
        scene.driver.abort();
        scene.driver.join().await.unwrap();
        if cycle == cycles / 4 {
            before = resident();
        }
    }
    let grown = resident().saturating_sub(before);
    println!("GROWN {grown} KiB in {cycles} cycles");
    let bound = u64::from(cycles) * 32 + 32 * 1024;
    assert!(grown < bound, "{grown} KiB in {cycles} cycles");
}
