//! Notifies browsers when something has changed. The script then loads the page again.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures_util::Stream;
use futures_util::stream::unfold;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::page::State;

/// The shortest time between two messages. Rendering a page costs both sides something.
const AT_MOST: Duration = Duration::from_secs(1);

/// The longest time between two messages: times on the page grow, and the connection to Mesos
/// changes, without any activity of jobs.
const AT_LEAST: Duration = Duration::from_secs(5);

pub(crate) async fn changes(
    state: State,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    let activity = state.runner.activity();
    let events = unfold((activity, true), async |(mut activity, first)| {
        if !first {
            sleep(AT_MOST).await;
            wait(&mut activity).await;
        }
        // Browsers ignore an event without data.
        let event = Event::default().event("changed").data("page");
        Some((Ok(event), (activity, false)))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}

async fn wait(activity: &mut watch::Receiver<u64>) {
    // Nothing changes after the end of the runner, but this page must say so.
    if let Ok(Err(_)) = timeout(AT_LEAST, activity.changed()).await {
        sleep(AT_LEAST).await;
    }
}
