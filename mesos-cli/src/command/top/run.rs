//! Follows the cluster, reads keys, and draws.

use std::future::pending;
use std::time::{Duration, SystemTime};

use mesos::operator::{ClusterEvent, ClusterSnapshot, ClusterState, MasterClient, Watch};
use ratatui::crossterm::event::{Event, KeyEventKind};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, sleep_until};

use super::app::{App, Effect};
use super::draw::draw;
use super::log::Reader;
use super::model::{Model, Objects, Orders};
use super::screen::{Screen, failed, input};
use super::theme::Theme;
use crate::command::events;
use crate::context::Context;
use crate::error::{Code, Error};
use crate::signals::Signals;

/// The shortest time between two states of the cluster on the screen.
const FRAME: Duration = Duration::from_millis(100);
/// The time between two states of the cluster, as a multiple of the time that one state takes.
const PAUSE: u32 = 4;
/// Ages change.
const TICK: Duration = Duration::from_secs(1);
/// How long a wrong address is an error on the usual screen, rather than on that of the view.
const FIRST: Duration = Duration::from_millis(500);

pub(super) async fn run(refresh: Duration, context: &Context) -> Result<(), Error> {
    let master = context.master()?;
    let address = context.cluster()?.master()?.to_string();
    let mut signals = Signals::with_hangup()?;
    let mut state = ClusterState::start_with(master, refresh);
    tokio::select! {
        ready = tokio::time::timeout(FIRST, state.ready()) => {
            if let Ok(ready) = ready {
                ready?;
            }
        }
        kind = signals.next() => return Err(ended_by(kind.as_raw_value())),
    }
    let mut view = View {
        app: App::new(address),
        master,
        events: Some(master.watch()),
        reader: None,
        theme: Theme::of_stdout(),
    };
    let mut first = state.clone();
    let ready = async move { first.ready().await };
    tokio::pin!(ready);
    let mut is_ready = false;

    let mut screen = Screen::open()?;
    let mut input = input();
    // Whether the cluster has changed since its state was shown.
    let mut stale = true;
    let mut dirty = true;
    let mut refresh_at = Instant::now();
    let mut next = None;
    let mut draw_at = Instant::now();
    let mut tick_at = Instant::now() + TICK;
    loop {
        tokio::select! {
            event = input.recv() => {
                let event = match event {
                    Some(event) => event.map_err(|error| failed(&error))?,
                    None => return Ok(()),
                };
                if let Event::Key(key) = event
                    && key.kind != KeyEventKind::Release
                    && view.apply(key)
                {
                    return Ok(());
                }
                (dirty, draw_at) = (true, Instant::now());
            }
            kind = signals.next() => return Err(ended_by(kind.as_raw_value())),
            result = &mut ready, if !is_ready => {
                result?;
                is_ready = true;
            }
            changed = state.changed(), if !stale => {
                changed?;
                stale = true;
            }
            () = sleep_until(refresh_at), if stale && next.is_none() => {
                let snapshot = state.snapshot();
                view.app.connect(&snapshot);
                next = Some(Next::begin(snapshot, view.app.orders()));
                (stale, dirty) = (false, true);
            }
            (model, took) = Next::end(&mut next) => {
                view.app.replace(model?);
                // A large cluster does not occupy the processor.
                refresh_at = Instant::now() + FRAME.max(took * PAUSE);
                dirty = true;
            }
            event = next_event(&mut view.events) => {
                view.show(event);
                dirty = true;
            }
            part = next_part(&mut view.reader) => {
                if let Some(open) = view.app.log() {
                    open.log.apply(part);
                }
                dirty = true;
            }
            () = sleep_until(tick_at) => {
                tick_at = Instant::now() + TICK;
                dirty = true;
            }
            () = sleep_until(draw_at), if dirty => {
                let View { app, theme, .. } = &mut view;
                screen.draw(|frame| draw(frame, app, *theme, SystemTime::now()))?;
                draw_at = Instant::now() + FRAME / 2;
                dirty = false;
            }
        }
    }
}

/// The rows of the next state of the cluster. They are made on another thread, because the view has to
/// react to keys meanwhile.
struct Next {
    begin: Instant,
    model: JoinHandle<Model>,
}

impl Next {
    fn begin(snapshot: ClusterSnapshot, orders: Orders) -> Self {
        let model = tokio::task::spawn_blocking(move || {
            let mut model = Model::new(&Objects::from(&snapshot));
            model.sort(orders);
            model
        });
        Self {
            begin: Instant::now(),
            model,
        }
    }

    /// Waits for the rows; returns the time that they took. Cancel safe.
    async fn end(next: &mut Option<Self>) -> (Result<Model, Error>, Duration) {
        let Some(present) = next else {
            return pending().await;
        };
        let made = (&mut present.model).await;
        let took = present.begin.elapsed();
        *next = None;
        let failed = |error: JoinError| Error::new(Code::Failure, error.to_string());
        (made.map_err(failed), took)
    }
}

/// The state of the view, and what feeds it.
struct View<'a> {
    app: App,
    master: &'a MasterClient,
    events: Option<Watch>,
    reader: Option<Reader>,
    theme: Theme,
}

impl View<'_> {
    /// Reacts to a key; whether the view ends.
    fn apply(&mut self, key: ratatui::crossterm::event::KeyEvent) -> bool {
        match self.app.key(key) {
            Effect::Nothing => {}
            Effect::Quit => return true,
            Effect::StopReading => self.reader = None,
            Effect::Read => {
                if let Some(open) = self.app.log() {
                    let task = open.task.clone();
                    self.reader = Some(Reader::start(self.master, task, open.log.file));
                }
            }
        }
        false
    }

    fn show(&mut self, event: Option<mesos::Result<ClusterEvent>>) {
        let now = SystemTime::now();
        match event {
            Some(Ok(ClusterEvent::Disconnected { error, retry_after })) => {
                let wait = retry_after.as_secs_f64();
                let text = format!("next attempt in {wait:.1} s: {error:#}");
                self.app.event(now, "DISCONNECTED", text);
            }
            Some(Ok(event)) => {
                if let Some((r#type, text)) = events::describe(&event) {
                    self.app.event(now, r#type.name(), text);
                }
            }
            // The state of the cluster ends with the same reason.
            Some(Err(_)) | None => self.events = None,
        }
    }
}

async fn next_event(events: &mut Option<Watch>) -> Option<mesos::Result<ClusterEvent>> {
    match events {
        Some(events) => events.next().await,
        None => pending().await,
    }
}

/// The next part of the file that is read.
async fn next_part(reader: &mut Option<Reader>) -> super::log::Part {
    if let Some(open) = reader {
        match open.next().await {
            Some(part) => return part,
            None => *reader = None,
        }
    }
    pending().await
}

/// As shells report a signal.
fn ended_by(signal: i32) -> Error {
    Error::Exit(u8::try_from(128 + signal).unwrap_or(1))
}
