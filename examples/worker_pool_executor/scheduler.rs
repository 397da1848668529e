//! The scheduler: launches the tasks, and checks every update.

use std::collections::HashMap;
use std::fs;
use std::time::{Duration, Instant};

use mesos::resources::Resources;
use mesos::v1::{CommandInfo, ExecutorInfo, Filters, FrameworkId, TaskId, TaskInfo, TaskState};
use mesos::{
    BoxError, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate,
    backend::{Backend, SchedulerApi},
    http::HttpBackend,
    native::{LIBRARY_VARIABLE, Library, NativeBackend},
};
use mesos_local::LocalCluster;

use crate::Arguments;

const EXECUTOR: &str = "worker-pool";
/// The resources of a task, which limit the number of tasks on the agent. The agent's work for
/// one task grows with the number of tasks of the same executor
/// (`Executor::allocatedResources` in `src/slave/slave.cpp`).
const TASK: &str = "cpus:0.1";

struct Many {
    executor: ExecutorInfo,
    work: String,
    left: Vec<u32>,
    /// The states of each task, in order.
    states: HashMap<TaskId, Vec<TaskState>>,
    ended: usize,
    tasks: usize,
    repeated: usize,
    began: Option<Instant>,
}

/// Runs all tasks, and prints times and counts.
pub(crate) async fn run(arguments: Arguments) -> Result<(), BoxError> {
    let (cluster, master) = match arguments.master {
        Some(master) => (None, master),
        None => {
            let cluster = LocalCluster::builder().resources("cpus:10;mem:4096");
            // Free resources are offered again after this time.
            let cluster = cluster.env("MESOS_ALLOCATION_INTERVAL", "100ms");
            let cluster = cluster.start().await?;
            let master = cluster.master_url();
            (Some(cluster), master)
        }
    };
    let program = std::env::current_exe()?;
    let program = program.to_str().ok_or("this program's path is not UTF-8")?;
    let backend: Box<dyn Backend<SchedulerApi>>;
    let own;
    match arguments.backend {
        crate::Backend::Http => {
            backend = Box::new(HttpBackend::new(master.parse()?));
            own = CommandInfo::argv([program]);
        }
        crate::Backend::Native => {
            let library = Library::find()?;
            // Executors do not inherit the environment of the scheduler.
            own = CommandInfo::argv([program, "--backend", "native"])
                .with_env(LIBRARY_VARIABLE, library.path().display().to_string());
            backend = Box::new(NativeBackend::new(library, master.parse()?)?);
        }
    }
    let command = arguments.executor.map_or(own, CommandInfo::sh);
    let executor = ExecutorInfo::builder(EXECUTOR)
        .command(command)
        .cpus(0.1)
        .mem(64.0)
        .data(arguments.workers.to_string());
    let many = Many {
        executor: executor.build(),
        work: arguments.work,
        left: (0..arguments.tasks).rev().collect(),
        states: HashMap::new(),
        ended: 0,
        tasks: usize::try_from(arguments.tasks)?,
        repeated: 0,
        began: None,
    };
    let framework = Framework::ephemeral("worker pool");
    let ended = SchedulerDriver::run(many, framework, backend).await;
    if let Some(cluster) = cluster {
        cluster.stop().await?;
    }
    ended?;
    Ok(())
}

#[mesos::async_trait]
impl Scheduler for Many {
    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        for offer in offers {
            // All tasks run on the agent of the first offer, which has the executor.
            if self.left.is_empty() {
                continue;
            }
            let mut available = offer.resources()?;
            let mut executor = self.executor.clone();
            let need = Resources::try_from(std::mem::take(&mut executor.resources))?;
            let Ok(taken) = available.take(&need) else {
                continue;
            };
            executor.resources = taken.into();
            let each: Resources = TASK.parse()?;
            let mut tasks = Vec::new();
            while let Some(number) = self.left.pop() {
                let name = format!("task-{number}");
                let task = TaskInfo::builder(&*name)
                    .id(&*name)
                    .executor(executor.clone());
                let mut task = task.data(self.work.clone()).build();
                match available.take(&each) {
                    Ok(resources) => task.resources = resources.into(),
                    Err(_) => {
                        self.left.push(number);
                        break;
                    }
                }
                tasks.push(task);
            }
            self.began.get_or_insert_with(Instant::now);
            let no_filter = Filters::refuse(Duration::ZERO);
            driver.launch_with(offer, tasks, no_filter).await?;
        }
        Ok(())
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        let state = update.task_state()?;
        let seen = self.states.entry(update.task_id.clone()).or_default();
        if seen.contains(&state) {
            // The agent repeats an update that was not acknowledged in time.
            self.repeated += 1;
            return Ok(());
        }
        seen.push(state);
        if state.is_terminal() {
            let expected = [TaskState::TaskRunning, TaskState::TaskFinished];
            if *seen != expected {
                let words = update.message.as_deref().unwrap_or_default();
                eprintln!("{}: {seen:?} {words}", update.task_id);
            }
            self.ended += 1;
        }
        if self.ended == self.tasks {
            self.report(driver.framework_id());
            driver.stop();
        }
        Ok(())
    }
}

impl Many {
    fn report(&self, framework: Option<FrameworkId>) {
        let time = self.began.map(|began| began.elapsed()).unwrap_or_default();
        let finished = |states: &&Vec<TaskState>| states.last() == Some(&TaskState::TaskFinished);
        let finished = self.states.values().filter(finished).count();
        let updates: usize = self.states.values().map(Vec::len).sum();
        println!(
            "{finished} of {} tasks finished, {updates} updates and {} repeated ones, in {:.2} s",
            self.tasks,
            self.repeated,
            time.as_secs_f64()
        );
        if let Some(memory) = framework.and_then(|id| executor_memory(&id)) {
            println!("memory of the executor: {memory}");
        }
    }
}

/// The memory of the executor, if it runs on this machine (Linux only).
fn executor_memory(framework: &FrameworkId) -> Option<String> {
    let marks = [
        format!("MESOS_FRAMEWORK_ID={}", framework.value),
        format!("MESOS_EXECUTOR_ID={EXECUTOR}"),
    ];
    let memory = |entry: fs::DirEntry| {
        let environment = fs::read(entry.path().join("environ")).ok()?;
        let has = |mark: &String| {
            environment
                .split(|byte| *byte == 0)
                .any(|it| it == mark.as_bytes())
        };
        if !marks.iter().all(has) {
            return None;
        }
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let value = |name| {
            status
                .lines()
                .find_map(|line: &str| line.strip_prefix(name))
        };
        let (peak, now) = (value("VmHWM:")?.trim(), value("VmRSS:")?.trim());
        Some(format!("peak {peak}, now {now} (resident)"))
    };
    fs::read_dir("/proc").ok()?.flatten().find_map(memory)
}
