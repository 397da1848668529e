//! The scheduler that carries out what the engine decides.
//!
//! The event loop of the driver is the only place that changes the engine. Each step of the engine
//! goes through the [`writer`]. When the changes of the step are stored, its effects come back as
//! an input, and are carried out.

pub(crate) mod command;
mod effect;
mod events;
pub(crate) mod executors;
pub(crate) mod gate;
mod input;
pub(crate) mod listener;
mod load;
mod place;
mod service;
pub(crate) mod writer;

use std::sync::Arc;
use std::time::SystemTime;

use mesos_core::{SchedulerDriver, Timer};
use mesos_placement::{Placer, Strategy};
use tokio::time::Instant;

pub(crate) use self::command::{Command, Effect};
use self::executors::Executors;
use self::listener::Listeners;
use self::load::Waiting;
use self::service::ServiceListeners;
use self::writer::{Urgency, Writer};
use crate::engine::{Action, Engine, Now, Step};
use crate::runner::UnknownTasks;
use crate::view::Timeline;
use crate::{DemandController, OfferPool};

pub(crate) type Driver = SchedulerDriver<Command>;

pub(crate) struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) writer: Writer<Effect>,
    pub(crate) pool: OfferPool,
    pub(crate) demand: DemandController,
    placer: Placer,
    executors: Executors,
    listeners: Listeners,
    timeline: Timeline,
    services: ServiceListeners,
    unknown: UnknownTasks,
    /// The time of the engine starts here.
    start: Instant,
    /// The timer for the next tick of the engine.
    tick: Option<(Instant, Timer)>,
    /// Whether a [`Command::Work`] is on its way.
    working: bool,
    /// Whether there are offers that no round of placement has seen.
    fresh: bool,
    /// What follows the recovery of the engine.
    recovered: Vec<Action>,
    /// Whether new jobs are refused, because everything ends.
    stopping: bool,
    /// The requests behind the one for which the state is read.
    waiting: Waiting,
}

impl Runtime {
    pub(crate) fn new(
        recovered: (Engine, Executors, Vec<Action>),
        start: Instant,
        writer: Writer<Effect>,
        parts: (OfferPool, DemandController, Placer),
        timeline: Timeline,
        unknown: UnknownTasks,
    ) -> Self {
        let (mut engine, executors, recovered) = recovered;
        let (pool, demand, placer) = parts;
        if is_selective(placer.strategy()) {
            engine.separate();
        }
        Self {
            engine,
            writer,
            pool,
            demand,
            placer,
            executors,
            listeners: Listeners::default(),
            timeline,
            services: ServiceListeners::default(),
            unknown,
            start,
            tick: None,
            working: false,
            fresh: true,
            recovered,
            stopping: false,
            waiting: None,
        }
    }

    fn now(&self) -> Now {
        Now {
            at: self.start.elapsed(),
            wall: SystemTime::now(),
        }
    }

    /// Stores a step. Its actions and `then` follow afterwards.
    fn store(&mut self, driver: &Driver, step: Step, then: Vec<Effect>) {
        let Step { changes, actions } = step;
        let mut effects = Vec::with_capacity(actions.len() + then.len());
        for action in actions {
            match action {
                // What is seen is not more than what is stored, because a launch is only a plan.
                Action::Changed(name) => {
                    if let Some(status) = self.engine.job(&name).map(|job| job.job_status()) {
                        self.timeline.status(&name, &status);
                        self.listeners.changed(&name, || Some(status));
                    }
                }
                Action::Service(name) => {
                    self.services.changed(&name, &self.engine);
                    self.timeline.changed();
                }
                other => effects.push(Effect::Action(other)),
            }
        }
        effects.extend(then);
        if !changes.is_empty() || !effects.is_empty() {
            let urgency = match effects.iter().all(Effect::can_wait) {
                true => Urgency::CanWait,
                false => Urgency::AtOnce,
            };
            self.writer.push(changes, effects, urgency);
        }
        self.schedule(driver);
    }

    /// Makes sure that the next timer fires, services are judged, and waiting jobs are placed.
    fn schedule(&mut self, driver: &Driver) {
        let next = self.engine.next_timer().map(|at| self.start + at);
        let planned = self.tick.as_ref().map(|(at, _)| *at);
        if next != planned
            && let Some((_, timer)) = self.tick.take()
        {
            timer.cancel();
        }
        if self.tick.is_none()
            && let Some(at) = next
        {
            let delay = at.saturating_duration_since(Instant::now());
            self.tick = Some((at, driver.send_after(delay, Command::Tick)));
        }
        self.work_soon(driver);
    }

    /// Judges services and places what waits, after the inputs that are queued now.
    fn work_soon(&mut self, driver: &Driver) {
        let is_placing = self.fresh && !self.engine.is_idle();
        let needed = is_placing || self.engine.is_unplaced() || self.engine.is_dirty();
        if needed && !self.working {
            self.working = driver.send(Command::Work).is_ok();
        }
    }

    fn work(&mut self, driver: &Driver) {
        self.working = false;
        if self.engine.is_dirty() {
            let step = self.engine.judge(self.now());
            self.store(driver, step, Vec::new());
            self.accept_left(driver);
        }
        self.place(driver);
    }
}

/// The shared store of a runner.
pub(crate) type Store = Arc<dyn mesos_core::store::StateStore>;

/// Whether the strategy can refuse a place to a job that it gives to another job with equal needs.
fn is_selective(strategy: &Strategy) -> bool {
    match strategy {
        Strategy::FirstFit | Strategy::BestFit | Strategy::Spread => false,
        Strategy::Weighted(all) => all.iter().any(|(_, one)| is_selective(one)),
        _ => true,
    }
}
