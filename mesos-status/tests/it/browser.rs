//! The page in a real browser, over a real Mesos.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::key::Key;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use mesos::framework::{JobSpec, Runner, ServiceSpec, TaskSpec};
use mesos::operator::MasterClient;
use mesos::status::StatusPage;
use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::request::runner;

/// How long the browser waits for a text on the page.
const TIMEOUT: Duration = Duration::from_secs(60);

/// The variable that names a folder for pictures of the pages, for people.
const PICTURES: &str = "MESOS_STATUS_PICTURES";

/// A command of the DevTools protocol, through ChromeDriver.
#[derive(Debug)]
struct DevTools(Value);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &url::Url, id: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!(
            "session/{}/goog/cdp/execute",
            id.unwrap_or_default()
        ))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.0.to_string()))
    }
}

struct Browser {
    client: Client,
    _driver: Child,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// `None` without Chromium and ChromeDriver, unless `MESOS_REQUIRE_REAL` is set.
    async fn start() -> Option<Self> {
        let driver = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut driver = match driver {
            Ok(driver) => driver,
            Err(error) => {
                let required = std::env::var_os("MESOS_REQUIRE_REAL").is_some_and(|one| one == "1");
                assert!(!required, "cannot start chromedriver: {error}");
                eprintln!("SKIPPED: cannot start chromedriver ({error}); install chromium-driver");
                return None;
            }
        };
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines
                .next_line()
                .await
                .unwrap()
                .expect("a line with the port");
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        // The driver would end at a closed pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let profile = tempfile::tempdir().unwrap();
        let options = json!({
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--window-size=1000,900",
                format!("--user-data-dir={}", profile.path().display()),
            ]
        });
        let capabilities = [("goog:chromeOptions".to_owned(), options)];
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.into_iter().collect())
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .unwrap();
        Some(Self {
            client,
            _driver: driver,
            _profile: profile,
        })
    }

    /// Waits until the element that has this id contains the text.
    async fn shows(&self, id: &str, text: &str) {
        let script = "return document.getElementById(arguments[0])?.innerText ?? ''";
        let wait = async {
            loop {
                let shown = self.run(script, vec![json!(id)]).await;
                if shown.as_str().unwrap().contains(text) {
                    return;
                }
                // sleep: the protocol of WebDriver has no event for a change of a page
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(TIMEOUT, wait).await.is_err() {
            let body = self.run("return document.body.innerText", vec![]).await;
            panic!("#{id} does not show {text:?}: {}", body.as_str().unwrap());
        }
    }

    async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }

    async fn cdp(&self, command: &str, parameters: Value) -> Value {
        let command = DevTools(json!({ "cmd": command, "params": parameters }));
        self.client.issue_cmd(command).await.unwrap()
    }

    async fn press(&self, key: Key) {
        let key = char::from(key);
        let keys = KeyActions::new("keys".to_owned())
            .then(KeyAction::Down { value: key })
            .then(KeyAction::Up { value: key });
        self.client.perform_actions(keys).await.unwrap();
    }

    /// The text of the element that has the focus.
    async fn focused(&self) -> String {
        let text = self
            .run("return document.activeElement.innerText", vec![])
            .await;
        text.as_str().unwrap_or_default().to_owned()
    }

    async fn picture(&self, name: &str) {
        if let Some(folder) = std::env::var_os(PICTURES) {
            let png = self.client.screenshot().await.unwrap();
            let path = PathBuf::from(folder).join(format!("{name}.png"));
            std::fs::write(path, png).unwrap();
        }
    }
}

/// A job that prints a line and runs until `end` exists, one that waits, and one that has ended.
async fn jobs(runner: &Runner, end: &std::path::Path) {
    let line = format!(
        "echo a line of output; while [ ! -e {} ]; do sleep 0.1; done; echo the last line",
        end.display()
    );
    let small = TaskSpec::shell("small", line).cpus(0.1).mem(32.0);
    let large = TaskSpec::shell("large", "true").cpus(1000.0);
    runner.submit(small).await.unwrap();
    runner.submit(large).await.unwrap();
    let failed = runner.run(JobSpec::new(
        TaskSpec::shell("failed", "exit 3").cpus(0.1).mem(32.0),
    ));
    assert_eq!(failed.await.unwrap().exit_status, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_finds_the_output_of_a_service_and_the_ended_jobs() {
    let builder = LocalCluster::builder().env("MESOS_ALLOCATION_INTERVAL", "50ms");
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let Some(browser) = Browser::start().await else {
        return;
    };
    let runner = runner(&cluster.master_url()).await;
    let line = "echo hello from a service; exec sleep 1000";
    let web = ServiceSpec::new(TaskSpec::shell("web", line).cpus(0.1)).instances(2);
    let web = runner.keep(web).await.unwrap();
    web.wait_ready().await.unwrap();
    let failed = TaskSpec::shell("a-job-with-a-long-name-that-has-failed", "exit 3").cpus(0.1);
    runner.run(failed).await.unwrap();
    let master = MasterClient::new(cluster.master_url().parse().unwrap());
    let page = StatusPage::new(&runner)
        .logs(master)
        .listen(0)
        .await
        .unwrap();

    let client = &browser.client;
    client.goto(&page.url()).await.unwrap();
    browser.shows("services", "2 of 2").await;
    // With the keyboard alone, from the first link of the services.
    browser
        .run("document.querySelector('#services a').focus()", vec![])
        .await;
    assert_eq!(browser.focused().await, "web");
    browser.press(Key::Enter).await;
    browser.shows("instances", "ready").await;
    browser.shows("facts", "2 of 2").await;
    browser.picture("service-light").await;
    browser
        .run("document.querySelector('.skip').focus()", vec![])
        .await;
    browser.press(Key::Enter).await;
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused().await, "1");
    browser.press(Key::Enter).await;

    browser.shows("output", "hello from a service").await;
    browser.picture("instance-light").await;
    let link = client.find(Locator::LinkText("stdout")).await.unwrap();
    link.click().await.unwrap();
    let text = browser.run("return document.body.innerText", vec![]).await;
    assert_eq!(text, "hello from a service\n");

    client
        .goto(&format!("{}ended?state=failed", page.url()))
        .await
        .unwrap();
    browser.shows("ended", "Command exited with status 3").await;

    // A small screen: nothing is wider than the screen, except the tables, which scroll.
    let small = json!({ "width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": true });
    browser
        .cdp("Emulation.setDeviceMetricsOverride", small)
        .await;
    let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    browser.cdp("Emulation.setEmulatedMedia", dark).await;
    for (path, name) in [
        ("", "overview-small"),
        ("ended", "ended-small"),
        ("services/web", "service-small"),
        ("services/web/instances/1", "instance-small"),
    ] {
        client.goto(&format!("{}{path}", page.url())).await.unwrap();
        browser.shows("connection", "subscribed").await;
        let width = "return document.documentElement.scrollWidth";
        assert_eq!(browser.run(width, vec![]).await, 360, "{path}");
        browser.picture(name).await;
    }
    runner.stop().await.unwrap();
    browser.client.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sees_in_the_browser_what_happens_to_jobs() {
    let builder = LocalCluster::builder().env("MESOS_ALLOCATION_INTERVAL", "50ms");
    let Some(cluster) = require_real(builder.start().await) else {
        return;
    };
    let Some(browser) = Browser::start().await else {
        return;
    };
    let runner = runner(&cluster.master_url()).await;
    let folder = tempfile::tempdir().unwrap();
    let end = folder.path().join("end");
    jobs(&runner, &end).await;
    let master = MasterClient::new(cluster.master_url().parse().unwrap());
    let page = StatusPage::new(&runner).logs(master);
    let page = page.listen(0).await.unwrap();

    let client = &browser.client;
    client.goto(&page.url()).await.unwrap();
    browser.shows("connection", "subscribed").await;
    browser
        .shows(
            "waiting",
            "large: 1 of 1 instance not placed on 1 offer: needs cpus 1000",
        )
        .await;
    browser
        .shows("events", "TASK_FAILED: Command exited with status 3")
        .await;
    browser.picture("overview-light").await;

    // From the keyboard alone: past the navigation, and to the first job that waits.
    browser.press(Key::Tab).await;
    assert_eq!(browser.focused().await, "Skip to the content");
    browser.press(Key::Enter).await;
    let links = ["blocked", "waiting"];
    for link in links {
        browser.press(Key::Tab).await;
        assert_eq!(browser.focused().await, link);
    }
    browser.press(Key::Enter).await;
    browser.shows("jobs", "large").await;
    let rows = browser.run(
        "return document.querySelectorAll('tbody tr').length",
        vec![],
    );
    assert_eq!(rows.await, 1);

    // The form.
    let form = client.form(Locator::Css("form")).await.unwrap();
    form.set_by_name("contains", "sma").await.unwrap();
    let select = client.find(Locator::Css("select")).await.unwrap();
    select.select_by_label("running").await.unwrap();
    client
        .find(Locator::Css("button"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    browser.shows("jobs", "small").await;
    client
        .find(Locator::LinkText("small"))
        .await
        .unwrap()
        .click()
        .await
        .unwrap();
    browser.shows("output", "a line of output").await;
    browser.shows("facts", "running").await;

    // The page changes without being loaded again, and keeps the focus.
    browser
        .run(
            "window.mark = 1; document.querySelector('#output a').focus()",
            vec![],
        )
        .await;
    std::fs::write(&end, "").unwrap();
    browser.shows("facts", "TASK_FINISHED").await;
    browser.shows("output", "the last line").await;
    assert_eq!(browser.run("return window.mark", vec![]).await, 1);
    assert_eq!(browser.focused().await, "stdout");
    browser.picture("job-light").await;

    // The accessible names that a screen reader reads.
    let tree = browser.cdp("Accessibility.getFullAXTree", json!({})).await;
    let named = |role: &str, name: &str| {
        tree["nodes"].as_array().unwrap().iter().any(|node| {
            node["role"]["value"] == role && node["name"]["value"].as_str() == Some(name)
        })
    };
    assert!(named("navigation", "Pages"));
    assert!(named("heading", "Job small"));
    assert!(named("region", "Output"));
    assert!(
        tree["nodes"].to_string().contains("\"status\""),
        "the live region"
    );

    let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    browser.cdp("Emulation.setEmulatedMedia", dark).await;
    let background = "return getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.run(background, vec![]).await, "rgb(20, 23, 26)");
    browser.picture("job-dark").await;
    client.goto(&page.url()).await.unwrap();
    browser.shows("counts", "finished").await;
    browser.picture("overview-dark").await;
    for name in ["jobs", "offers", "events", "driver"] {
        client.goto(&format!("{}{name}", page.url())).await.unwrap();
        browser.picture(name).await;
    }

    // A page whose program has ended says so.
    runner.stop().await.unwrap();
    client.goto(&page.url()).await.unwrap();
    browser.shows("problem", "the runner was stopped").await;
    drop(page);
    browser.shows("content", "").await;
    let paused = "return !document.getElementById('paused').hidden";
    crate::request::until("the notice that the page is not updated", || async {
        browser.run(paused, vec![]).await == true
    })
    .await;
    browser.client.close().await.unwrap();
}
