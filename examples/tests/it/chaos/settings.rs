//! The settings of a run, and the environment variables that carry the settings to the scheduler
//! processes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

use crate::failover::number;

/// How many instances each service has.
pub(super) const INSTANCES: u32 = 3;

/// What runs, and for how long.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) seconds: u64,
    pub(super) seed: u64,
    pub(super) jobs: u32,
    pub(super) services: u32,
    /// With several schedulers, one of them leads.
    pub(super) schedulers: usize,
    /// The schedulers forget everything when they end. The checks have to find this out.
    pub(super) forgetful: bool,
}

impl Settings {
    /// From the environment; short by default.
    pub(super) fn from_environment() -> Self {
        let small = |variable, default| {
            number(variable).map_or(default, |number| u32::try_from(number).expect("a number"))
        };
        Self {
            seconds: number("MESOS_CHAOS_SECONDS").unwrap_or(20),
            seed: number("MESOS_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..)),
            jobs: small("MESOS_CHAOS_JOBS", 60),
            services: small("MESOS_CHAOS_SERVICES", 3),
            schedulers: small("MESOS_CHAOS_SCHEDULERS", 1) as usize,
            forgetful: false,
        }
    }

    /// How many jobs run at the same time.
    pub(super) fn max_running(&self) -> u32 {
        (self.jobs / 50).clamp(4, 20)
    }

    /// How long a job sleeps. The jobs take about as long as the faults.
    pub(super) fn sleep_of(&self, job: u32) -> f64 {
        // Faults and starts of processes take the rest of the time.
        let mean = 0.5 * f64::from(self.max_running()) * self.seconds as f64 / f64::from(self.jobs);
        2.0 * mean * fastrand::Rng::with_seed(self.seed ^ u64::from(job)).f64()
    }

    /// Whether the first attempt of a job fails.
    pub(super) fn fails_once(&self, job: u32) -> bool {
        job % 10 == 3
    }

    pub(super) fn job_names(&self) -> impl Iterator<Item = String> {
        (0..self.jobs).map(|job| format!("job-{job}"))
    }

    pub(super) fn service_names(&self) -> impl Iterator<Item = String> {
        (0..self.services).map(|service| format!("service-{service}"))
    }

    /// The command that repeats this run.
    pub(super) fn command(&self) -> String {
        format!(
            "cargo xtask chaos --seconds {} --seed {} --jobs {} --services {}{}",
            self.seconds,
            self.seed,
            self.jobs,
            self.services,
            if self.schedulers > 1 { " --ha" } else { "" },
        )
    }
}

/// The settings of a scheduler process.
#[derive(Clone, Debug)]
pub(super) struct Process {
    pub(super) settings: Settings,
    /// The address of the master in ZooKeeper.
    pub(super) master: String,
    /// The address of the state in ZooKeeper, used by several schedulers.
    pub(super) state: String,
    /// For all files.
    pub(super) folder: PathBuf,
}

impl Process {
    pub(super) fn give_to(&self, command: &mut Command) {
        let settings = &self.settings;
        let numbers = [
            ("MESOS_CHAOS_SECONDS", settings.seconds),
            ("MESOS_CHAOS_SEED", settings.seed),
            ("MESOS_CHAOS_JOBS", settings.jobs.into()),
            ("MESOS_CHAOS_SERVICES", settings.services.into()),
            ("MESOS_CHAOS_SCHEDULERS", settings.schedulers as u64),
            ("MESOS_CHAOS_FORGETFUL", settings.forgetful.into()),
        ];
        command
            .envs(numbers.map(|(name, number)| (name, number.to_string())))
            .env("MESOS_CHAOS_MASTER", &self.master)
            .env("MESOS_CHAOS_STATE", &self.state)
            .env("MESOS_CHAOS_FOLDER", &self.folder);
    }

    /// `None` in a process that no other process has started for this.
    pub(super) fn from_environment() -> Option<Self> {
        let text = |variable| std::env::var(variable).ok();
        let mut settings = Settings::from_environment();
        settings.forgetful = number("MESOS_CHAOS_FORGETFUL") == Some(1);
        Some(Self {
            settings,
            master: text("MESOS_CHAOS_MASTER")?,
            state: text("MESOS_CHAOS_STATE")?,
            folder: text("MESOS_CHAOS_FOLDER")?.into(),
        })
    }

    /// While this file exists, commits fail.
    pub(super) fn store_fails(&self) -> PathBuf {
        self.folder.join("store-fails")
    }

    pub(super) fn phase(&self) -> Phase {
        let exists = |name: &str| self.folder.join(name).exists();
        match (exists("remove"), exists("stop")) {
            (_, true) => Phase::Stop,
            (true, _) => Phase::Remove,
            _ => Phase::Run,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        let file = match phase {
            Phase::Run => return,
            Phase::Remove => "remove",
            Phase::Stop => "stop",
        };
        std::fs::write(self.folder.join(file), "").expect("a file");
    }

    /// Waits for a phase. All processes of a run see the same phase, also after a restart.
    pub(super) async fn wait_for(&self, phase: Phase) {
        while self.phase() < phase {
            // sleep: a file has no events.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// What the scheduler is expected to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Run jobs and keep services.
    Run,
    /// Remove the services.
    Remove,
    /// Remove the framework, and end.
    Stop,
}

/// The shell lines of tasks, which leave marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<'a>(pub(super) &'a Path);

/// The task's id is a part of the path of its sandbox.
const ID: &str = "id=${PWD%/runs/*}; id=${id##*/executors/}";

impl Lines<'_> {
    /// A job. The lock is released when the last process of the attempt has ended.
    pub(super) fn job(self, name: &str, sleep: f64, fails_once: bool) -> String {
        let folder = self.0.display();
        let fail = match fails_once {
            true => format!("mkdir {folder}/failed-{name} 2>/dev/null && exit 1; "),
            false => String::new(),
        };
        format!(
            "{ID}; exec 9>>{folder}/lock-{name}; \
             flock -n 9 || echo overlap {name} $id >> {folder}/marks; \
             echo start {name} $id $$ >> {folder}/marks; \
             {fail}sleep {sleep:.2}; echo end {name} $id >> {folder}/marks"
        )
    }

    /// An instance of a service. Each instance needs one of as many locks as instances may run.
    pub(super) fn service(self, name: &str) -> String {
        let folder = self.0.display();
        let numbers: String = (0..INSTANCES).map(|number| format!(" {number}")).collect();
        let sleep = instance_argument(self.0);
        format!(
            "{ID}; place=; for n in{numbers}; do exec 9>>{folder}/lock-{name}-$n; \
             if flock -n 9; then place=$n; break; fi; done; \
             [ -n \"$place\" ] || echo overlap {name} $id >> {folder}/marks; \
             echo start {name} $id $$ >> {folder}/marks; exec sleep {sleep}"
        )
    }
}

/// The argument by which a process is recognized as an instance of this run.
pub(super) fn instance_argument(folder: &Path) -> String {
    let bytes = folder.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(7_u32, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(u32::from(*byte))
    });
    format!("9{:07}", hash % 10_000_000)
}
