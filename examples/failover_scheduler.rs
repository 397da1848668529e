//! A scheduler that can be killed at any moment and started again: it runs a command COUNT times,
//! each time as a task, and runs no task twice.
//!
//! `cargo run --example failover_scheduler MASTER DIRECTORY COUNT COMMAND [--stay]
//! [--backend native]`
//!
//! The command finds its number in `$ITEM`. With `--stay` the scheduler does not end when all
//! items are done. Ctrl-C stops the scheduler for a failover: its tasks keep running.
//!
//! # How it works
//! DIRECTORY keeps two things across restarts: the framework's id, which the driver saves in a
//! `FileStore`, and the state of each item, which only the scheduler knows. The states are in a
//! journal. The scheduler writes each line *before* the fact becomes visible to Mesos:
//!
//! 1. The scheduler records that it launches an item before the master receives the call. If
//!    the scheduler is killed in between, its next run asks the master for the task
//!    (reconciliation), and launches the item again only if the master does not know the task.
//! 2. The scheduler records the end of an item before the driver acknowledges the update, which
//!    happens when the handler returns `Ok`. Until then Mesos repeats the update.
//!
//! The journal is locked, because the example keeps one scheduler for each DIRECTORY: a second
//! instance ends with an error.
//!
//! Each launch has its own task id, `ITEM.ATTEMPT`. With a reused id, updates of the earlier task
//! could not be told apart from updates of the later one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use mesos::placement::{Cluster, Placer, Request, Strategy, TaskTemplate};
use mesos::resources::Resources;
use mesos::scheduler::{ReconcilePolicy, Subscribed};
use mesos::store::FileStore;
use mesos::v1::{AgentId, CommandInfo, TaskId, TaskInfo, TaskState};
use mesos::{
    BoxError, Delivery, Framework, HandlerResult, Offer, Scheduler, SchedulerDriver, StatusUpdate,
    TaskFate,
};

/// The state of one item.
#[derive(Clone, Default)]
enum Item {
    #[default]
    Waiting,
    /// A task of the item may run on this agent.
    Launched(AgentId),
    Ended(TaskState),
}

/// The states of all items, in memory and on disk.
struct Record {
    journal: File,
    items: Vec<Item>,
    /// How often each item was launched.
    attempts: Vec<u32>,
}

impl Record {
    fn open(path: &Path, count: usize) -> Result<Self, BoxError> {
        let mut options = OpenOptions::new();
        let mut journal = options.read(true).append(true).create(true).open(path)?;
        // Before anything is changed: a line that another instance is writing must stay.
        journal.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => format!("{} is used by another process", path.display()),
            TryLockError::Error(error) => format!("cannot lock {}: {error}", path.display()),
        })?;
        if let Some(directory) = path.parent().filter(|_| cfg!(unix)) {
            // Otherwise a power failure could remove the new file with all its lines.
            File::open(directory)?.sync_all()?;
        }
        let mut text = String::new();
        journal.read_to_string(&mut text)?;
        // A crash may have cut the last line off. Its fact was not visible to Mesos yet.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        journal.set_len(whole as u64)?;
        let mut record = Self {
            journal,
            items: vec![Item::Waiting; count],
            attempts: vec![0; count],
        };
        for line in text[..whole].lines() {
            record
                .replay(line)
                .ok_or_else(|| format!("cannot parse line {line:?} of {}", path.display()))?;
        }
        Ok(record)
    }

    /// Applies one line: the task's id, the new state, and the agent of a launch.
    fn replay(&mut self, line: &str) -> Option<()> {
        let mut words = line.split(' ');
        let (item, attempt) = words.next()?.split_once('.')?;
        let (item, attempt): (usize, u32) = (item.parse().ok()?, attempt.parse().ok()?);
        *self.items.get_mut(item)? = match words.next()? {
            "launching" => Item::Launched(words.next()?.into()),
            "gone" => Item::Waiting,
            state => Item::Ended(TaskState::from_str_name(state)?),
        };
        self.attempts[item] = attempt;
        Some(())
    }

    /// Writes the lines to disk, then applies them. Writing blocks the runtime; a larger program
    /// would use a separate thread.
    fn write(&mut self, lines: &[String]) -> Result<(), BoxError> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        self.journal.write_all(text.as_bytes())?;
        self.journal.sync_data()?;
        for line in lines {
            self.replay(line)
                .ok_or("bug: a line cannot be parsed again")?;
            println!("{line}");
        }
        Ok(())
    }

    fn task_id(&self, item: usize) -> TaskId {
        format!("{item}.{}", self.attempts[item]).into()
    }

    /// The item whose latest task is `task`, unless the item has ended.
    fn running(&self, task: &TaskId) -> Option<usize> {
        let item: usize = task.as_str().split_once('.')?.0.parse().ok()?;
        let launched = matches!(self.items.get(item)?, Item::Launched(_));
        (launched && self.task_id(item) == *task).then_some(item)
    }

    fn waiting(&self) -> impl Iterator<Item = usize> {
        let waiting = |item: &usize| matches!(self.items[*item], Item::Waiting);
        (0..self.items.len()).filter(waiting)
    }

    /// Every task that may run, with its agent.
    fn unsettled(&self) -> Vec<(TaskId, Option<AgentId>)> {
        let task = |(item, state): (usize, &Item)| match state {
            Item::Launched(agent) => Some((self.task_id(item), Some(agent.clone()))),
            _ => None,
        };
        self.items.iter().enumerate().filter_map(task).collect()
    }

    fn is_complete(&self) -> bool {
        self.items.iter().all(|item| matches!(item, Item::Ended(_)))
    }

    fn failed(&self) -> usize {
        let failed =
            |item: &&Item| matches!(item, Item::Ended(state) if *state != TaskState::TaskFinished);
        self.items.iter().filter(failed).count()
    }
}

struct Once {
    record: Record,
    command: String,
    stay: bool,
}

impl Once {
    fn end_if_complete(&self, driver: &SchedulerDriver) {
        if self.record.is_complete() {
            println!("all done, {} failed", self.record.failed());
            if !self.stay {
                driver.stop();
            }
        }
    }

    /// The next task of each item that waits.
    fn requests(&self) -> Result<Vec<Request>, BoxError> {
        let resources: Resources = "cpus:0.5;mem:32".parse()?;
        let request = |item: usize| {
            let id = format!("{item}.{}", self.record.attempts[item] + 1);
            let command = CommandInfo::sh(&self.command).with_env("ITEM", item.to_string());
            let task = TaskTemplate::new(format!("item {item}"), resources.clone());
            Request::new(task.command(command)).ids([id])
        };
        Ok(self.record.waiting().map(request).collect())
    }
}

#[mesos::async_trait]
impl Scheduler for Once {
    async fn subscribed(&mut self, driver: &SchedulerDriver, granted: Subscribed) -> HandlerResult {
        println!("subscribed {}", granted.framework_id);
        self.end_if_complete(driver);
        Ok(())
    }

    async fn offers(&mut self, driver: &SchedulerDriver, offers: Vec<Offer>) -> HandlerResult {
        let placer = Placer::new(Strategy::FirstFit);
        let round = placer.place(offers, &self.requests()?, &Cluster::new());
        for call in round.accepts {
            let launch = |task: &TaskInfo| format!("{} launching {}", task.task_id, task.agent_id);
            let lines: Vec<_> = call.tasks().map(launch).collect();
            let gone = |task: &TaskInfo| format!("{} gone", task.task_id);
            let if_refused: Vec<_> = call.tasks().map(gone).collect();
            self.record.write(&lines)?;
            if let Err(error) = driver.accept(call.offers, call.operations, None).await {
                eprintln!("{}", mesos::error_chain(&error));
                // If the call may have arrived, the driver reconciles its tasks.
                if error.delivery() != Delivery::Unknown {
                    self.record.write(&if_refused)?;
                }
            }
        }
        Ok(()) // The other offers are declined here, when they are dropped.
    }

    async fn update(&mut self, driver: &SchedulerDriver, update: &StatusUpdate) -> HandlerResult {
        let state = update.task_state()?;
        let (id, name) = (&update.task_id, state.as_str_name());
        println!("update {id} {name}");
        // An update may be repeated, and an answer to a reconciliation may be late.
        if self.record.running(id).is_none() {
            if update.fate()? == TaskFate::Active {
                driver.kill(id).await?; // The task has come back, and another one replaced it.
            }
            return Ok(());
        }
        match update.fate()? {
            TaskFate::Ended => self.record.write(&[format!("{id} {name}")])?,
            // The task may still run, so another task of the item could be the second one.
            TaskFate::Active | TaskFate::Unreachable => return Ok(()),
            // The task did not run, or its cluster is gone: the item can be launched again.
            _ => self.record.write(&[format!("{id} gone")])?,
        }
        if self.record.waiting().next().is_some() {
            driver.revive().await?; // Declined offers are useful again.
        }
        self.end_if_complete(driver);
        Ok(()) // The driver acknowledges the update now.
    }
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let backend = mesos_examples::backend_name(&mut arguments)?;
    let stay = arguments.pop_if(|last| last == "--stay").is_some();
    let [master, directory, count, command] = &arguments[..] else {
        return Err(
            "usage: failover_scheduler MASTER DIRECTORY COUNT COMMAND [--stay] [--backend native]"
                .into(),
        );
    };
    let backend = mesos_examples::backend(&backend, master).await?;
    let directory = Path::new(directory);
    std::fs::create_dir_all(directory)?;
    let record = Record::open(&directory.join("journal"), count.parse()?)?;
    let unsettled = record.unsettled();

    let framework = Framework::with_failover_timeout("failover example", Duration::from_secs(3600))
        .store(FileStore::new(directory.join("framework-id")))
        // After each subscription the driver requests the states of all tasks.
        .reconcile(ReconcilePolicy::default());
    let command = command.clone();
    let scheduler = Once {
        record,
        command,
        stay,
    };
    let driver = SchedulerDriver::start(scheduler, framework, backend);
    // The answers arrive as updates.
    driver.reconcile_until_answered(unsettled)?;
    mesos_examples::join_or_ctrl_c(&*driver, || driver.stop_for_failover()).await?;
    Ok(())
}
