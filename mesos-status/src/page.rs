//! The description of a page, and its routes.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use mesos_framework::Runner;
use mesos_http::operator::MasterClient;

use crate::logs::Logs;
use crate::{api, html, live, metrics, probe, services};

/// A page about one [`Runner`]. The [crate page](crate) lists what is served.
pub struct StatusPage {
    shared: Shared,
}

/// What all handlers use.
pub(crate) struct Shared {
    pub(crate) runner: Runner,
    pub(crate) logs: Option<Logs>,
    pub(crate) metrics: Option<Box<dyn Fn() -> String + Send + Sync>>,
    /// The path of the page, without a slash at the end.
    pub(crate) base: String,
}

pub(crate) type State = axum::extract::State<Arc<Shared>>;

impl StatusPage {
    /// A page about this runner. The page holds a handle on the runner, and does not end the runner.
    pub fn new(runner: &Runner) -> Self {
        let shared = Shared {
            runner: runner.clone(),
            logs: None,
            metrics: None,
            base: String::new(),
        };
        Self { shared }
    }

    /// Shows the output of tasks. The client finds the agents of tasks, whose files are then read
    /// with the settings of the client, such as its credentials.
    #[must_use]
    pub fn logs(mut self, master: MasterClient) -> Self {
        self.shared.logs = Some(Logs::new(master));
        self
    }

    /// Adds more metrics to `/metrics`, in the text format of Prometheus: for example those of the
    /// drivers (feature `metrics`), with the handle of a recorder.
    #[must_use]
    pub fn metrics(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.shared.metrics = Some(Box::new(render));
        self
    }

    /// Sets the path under which the [router](Self::router) is nested, such as `/status`. Links and
    /// the script need the path.
    #[must_use]
    pub fn mounted_at(mut self, path: impl Into<String>) -> Self {
        let path: String = path.into();
        let path = path.trim_matches('/');
        self.shared.base = match path {
            "" => String::new(),
            path => format!("/{path}"),
        };
        self
    }

    pub(crate) fn base(&self) -> &str {
        &self.shared.base
    }

    /// The routes, for the server of the program.
    ///
    /// ```
    /// use mesos::framework::Runner;
    /// use mesos::status::StatusPage;
    ///
    /// fn app(runner: &Runner) -> axum::Router {
    ///     let page = StatusPage::new(runner).mounted_at("/status");
    ///     axum::Router::new().nest("/status", page.router())
    /// }
    /// ```
    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(html::overview))
            .route("/jobs", get(html::jobs))
            .route("/jobs/{name}", get(html::job))
            .route("/jobs/{name}/tasks/{task}/{file}", get(html::log))
            .route("/ended", get(html::ended))
            .route("/services/{name}", get(services::service))
            .route(
                "/services/{name}/instances/{number}",
                get(services::instance),
            )
            .route("/services/{name}/tasks/{task}/{file}", get(services::log))
            .route("/offers", get(html::offers))
            .route("/events", get(html::events))
            .route("/driver", get(html::driver))
            .route("/live", get(live::changes))
            .route("/style.css", get(style))
            .route("/live.js", get(script))
            .route("/api/overview", get(api::overview))
            .route("/api/jobs", get(api::jobs))
            .route("/api/jobs/{name}", get(api::job))
            .route("/api/ended", get(api::ended))
            .route("/api/services", get(api::services))
            .route("/api/offers", get(api::offers))
            .route("/api/events", get(api::events))
            .route("/metrics", get(metrics::render))
            .route("/healthz", get(probe::alive))
            .route("/readyz", get(probe::ready))
            .fallback(html::not_found)
            .layer(map_response(protect))
            .with_state(Arc::new(self.shared))
    }
}

/// Text of tasks is shown, so nothing but the page's own script and style is permitted, and no other
/// site may show the page in a frame.
async fn protect(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
             img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

fn asset(kind: &'static str, content: &'static str) -> impl IntoResponse {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "max-age=300"),
    ];
    (headers, content)
}

async fn style() -> impl IntoResponse {
    asset(
        "text/css; charset=utf-8",
        include_str!("../assets/style.css"),
    )
}

async fn script() -> impl IntoResponse {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("../assets/live.js"),
    )
}

impl fmt::Debug for StatusPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusPage")
            .field("runner", &self.shared.runner)
            .field("base", &self.shared.base)
            .finish_non_exhaustive()
    }
}
