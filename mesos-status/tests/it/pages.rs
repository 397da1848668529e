//! The pages and their JSON.

use axum::Router;
use axum::http::StatusCode;
use mesos::framework::{JobSpec, RetryPolicy, Runner, ServiceSpec, TaskSpec};
use mesos::status::StatusPage;
use mesos::v1::TaskState;
use mesos_testing::{Agent, Behavior, FakeMaster};

use crate::request::{get, runner, subscribed, until};

/// Text that would end a tag, a script or an attribute.
const HOSTILE: &str = "</pre><script>alert(1)</script>\"'&";

/// A runner with a job that finished, one that failed, one that runs, one that waits for offers and
/// one that waits for another job.
async fn demo() -> (FakeMaster, Runner) {
    let master = FakeMaster::builder()
        .agent(Agent::new("a1").having("cpus:4;mem:4096;disk:4096"))
        .tasks(|task| match task.name.as_str() {
            "good" => Behavior::finishes(),
            "bad" => Behavior::fails(HOSTILE),
            _ => Behavior::runs(),
        })
        .start()
        .await
        .unwrap();
    let runner = runner(&master.url()).await;
    subscribed(&runner, &master).await;
    let good = runner.run(TaskSpec::shell("good", "true")).await.unwrap();
    assert!(good.is_success());
    let bad = JobSpec::new(TaskSpec::shell("bad", "true")).retry(RetryPolicy::attempts(1));
    let bad = runner.run(bad).await.unwrap();
    assert_eq!(bad.state, TaskState::TaskFailed);
    for job in [
        JobSpec::new(TaskSpec::shell("runs", "true").env("TEXT", HOSTILE)),
        JobSpec::new(TaskSpec::shell("large", "true").cpus(64.0)),
        JobSpec::new(TaskSpec::shell("blocked", "true")).after("runs"),
    ] {
        runner.submit(job).await.unwrap();
    }
    let web = ServiceSpec::new(TaskSpec::shell("web", "true").cpus(0.1)).instances(2);
    let web = runner.keep(web).await.unwrap();
    web.wait_ready().await.unwrap();
    until("a job that runs, and a report", || async {
        let list = runner.jobs(Default::default()).await.unwrap();
        list.counts.running == 1 && !runner.reports("large").await.unwrap().is_empty()
    })
    .await;
    (master, runner)
}

/// The page is well-formed, and its text contains each of these.
async fn assert_page(router: &Router, path: &str, contains: &[&str]) {
    let answer = get(router, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    well_formed(path, &answer.text);
    for text in contains {
        assert!(
            answer.text.contains(text),
            "{path}: {text}\n{}",
            answer.text
        );
    }
    let policy = answer.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';"), "{policy}");
}

/// Each tag is closed, each label and each table is complete.
fn well_formed(path: &str, html: &str) {
    use html5gum::{Token, Tokenizer};
    const VOID: [&str; 4] = ["meta", "link", "input", "br"];
    let mut open: Vec<String> = Vec::new();
    let (mut tables, mut captions, mut headings, mut scripts) = (0, 0, 0, 0);
    for Ok(token) in Tokenizer::new(html) {
        match token {
            Token::StartTag(tag) => {
                let name = String::from_utf8(tag.name.to_vec()).unwrap();
                match name.as_str() {
                    "table" => tables += 1,
                    "caption" => captions += 1,
                    "h1" => headings += 1,
                    "script" => scripts += 1,
                    "th" => assert!(tag.attributes.contains_key(&b"scope"[..]), "{path}: th"),
                    "input" | "select" => {
                        assert!(open.iter().any(|one| one == "label"), "{path}: {name}");
                    }
                    _ => {}
                }
                if !VOID.contains(&name.as_str()) {
                    open.push(name);
                }
            }
            Token::EndTag(tag) => {
                let name = String::from_utf8(tag.name.to_vec()).unwrap();
                let expected = open.pop();
                assert_eq!(expected.as_deref(), Some(name.as_str()), "{path}: {open:?}");
            }
            Token::Error(error) => panic!("{path}: {error:?}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{path}: {open:?} stay open");
    assert_eq!(tables, captions, "{path}: each table has a caption");
    assert_eq!(headings, 1, "{path}: one heading of the first level");
    assert_eq!(scripts, 1, "{path}: the script of the page and no other");
}

#[tokio::test]
async fn the_pages_show_jobs_reports_offers_and_events() {
    let (_master, runner) = demo().await;
    let router = StatusPage::new(&runner).router();
    let report = runner.reports("large").await.unwrap()[0].to_string();
    let reason = report.strip_prefix("large: ").unwrap();
    assert_page(
        &router,
        "/",
        &[reason, "<dd>1</dd>", "launched on", "2 of 2"],
    )
    .await;
    assert_page(&router, "/jobs", &["blocked", "large", "runs"]).await;
    assert_page(&router, "/jobs?state=waiting&contains=&after=", &["large"]).await;
    assert_page(&router, "/jobs/good", &["TASK_FINISHED", "finished"]).await;
    let escaped = "&#60;/pre&#62;&#60;script&#62;alert(1)&#60;/script&#62;&#34;&#39;&#38;";
    assert_page(&router, "/jobs/bad", &["TASK_FAILED", escaped]).await;
    assert_page(&router, "/jobs/runs", &["running", "does not show output"]).await;
    assert_page(&router, "/jobs/large", &[&report]).await;
    assert_page(&router, "/ended", &["good", "bad", escaped]).await;
    let failed = get(&router, "/ended?state=failed").await.text;
    assert!(
        failed.contains("/jobs/bad") && !failed.contains("/jobs/good"),
        "{failed}"
    );
    let texts = [
        "2 of 2",
        "ready",
        "/services/web/instances/2",
        "&#34;instances&#34;: 2",
    ];
    assert_page(&router, "/services/web", &texts).await;
    let texts = ["Instance 1 of web", "a1", "does not show output"];
    assert_page(&router, "/services/web/instances/1", &texts).await;
    assert_page(&router, "/offers", &["Offers"]).await;
    assert_page(&router, "/events", &["launched on", escaped]).await;
    assert_page(&router, "/driver", &["subscribed"]).await;

    let waiting = get(&router, "/jobs?state=waiting").await.text;
    assert!(!waiting.contains("/jobs/runs"));
    for (path, status, text) in [
        (
            "/jobs?state=runing",
            400,
            "&#34;runing&#34; is not a state of a job",
        ),
        (
            "/jobs/missing",
            404,
            "the job &#34;missing&#34; does not exist",
        ),
        ("/nothing", 404, "this page does not exist"),
        ("/jobs/good/tasks/x/stdout", 404, "does not show output"),
        (
            "/ended?state=x",
            400,
            "&#34;x&#34; is neither finished nor failed",
        ),
        (
            "/services/missing",
            404,
            "the service &#34;missing&#34; does not exist",
        ),
        (
            "/services/web/instances/99",
            404,
            "does not have an instance 99",
        ),
        (
            "/services/missing/instances/1",
            404,
            "the service &#34;missing&#34; does not exist",
        ),
        ("/services/web/tasks/x/stdout", 404, "does not show output"),
    ] {
        let answer = get(&router, path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}");
        well_formed(path, &answer.text);
        assert!(answer.text.contains(text), "{path}: {}", answer.text);
    }
    runner.stop().await.unwrap();
}

#[tokio::test]
async fn links_work_below_another_path() {
    let (_master, runner) = demo().await;
    let page = StatusPage::new(&runner).mounted_at("/a/status/");
    let router = Router::new().nest("/a/status", page.router());
    let overview = get(&router, "/a/status").await;
    assert_eq!(overview.status, StatusCode::OK);
    let links: Vec<&str> = overview
        .text
        .split("href=\"")
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .filter(|link| link.starts_with('/'))
        .collect();
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        let answer = get(&router, &link.replace("&#38;", "&")).await;
        assert_eq!(answer.status, StatusCode::OK, "{link}");
    }
    runner.stop().await.unwrap();
}

#[tokio::test]
async fn the_json_has_what_the_pages_show() {
    let (_master, runner) = demo().await;
    let router = StatusPage::new(&runner).router();
    let json = async |path: &str| -> serde_json::Value {
        let answer = get(&router, path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        serde_json::from_str(&answer.text).unwrap()
    };
    let overview = json("/api/overview").await;
    assert_eq!(overview["framework"], "demo");
    assert_eq!(overview["connection"], "subscribed");
    assert_eq!(overview["trouble"], serde_json::Value::Null);
    assert_eq!(overview["jobs"]["running"], 1);
    assert_eq!(overview["jobs"]["waiting"], 1);
    assert_eq!(overview["jobs"]["blocked"], 1);
    assert_eq!(
        (&overview["finished"], &overview["failed"]),
        (&1.into(), &1.into())
    );

    let jobs = json("/api/jobs?after=large").await;
    assert_eq!(jobs["more"], false);
    let names: Vec<_> = jobs["jobs"].as_array().unwrap().iter().collect();
    assert_eq!(names.len(), 1, "{jobs}");
    assert_eq!(names[0]["name"], "runs");
    assert_eq!(names[0]["state"], "running");
    assert_eq!(names[0]["tasks"].as_array().unwrap().len(), 1);

    let bad = json("/api/jobs/bad").await;
    assert_eq!(bad["job"]["outcome"]["state"], "TASK_FAILED");
    assert_eq!(bad["job"]["outcome"]["message"], HOSTILE);
    assert_eq!(bad["spec"]["name"], "bad");
    let large = json("/api/jobs/large").await;
    let report = runner.reports("large").await.unwrap()[0].to_string();
    assert_eq!(large["reports"][0], report);
    let events = json("/api/events").await;
    assert_eq!(
        events["events"].as_array().unwrap().last().unwrap()["job"],
        "good"
    );
    let services = json("/api/services").await;
    assert_eq!(services["services"][0]["name"], "web");
    assert_eq!(services["services"][0]["state"], "ready");
    assert_eq!(services["services"][0]["instances"][1]["state"], "ready");
    assert!(json("/api/offers").await["offers"].is_array());

    let ended = json("/api/ended").await;
    let names: Vec<_> = ended["jobs"].as_array().unwrap().iter().collect();
    assert_eq!(
        (&names[0]["name"], &names[1]["name"]),
        (&"bad".into(), &"good".into())
    );
    assert_eq!(names[0]["message"], HOSTILE);
    let finished = json("/api/ended?state=finished").await;
    assert_eq!(finished["jobs"].as_array().unwrap().len(), 1);

    let missing = get(&router, "/api/jobs/missing").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let error: serde_json::Value = serde_json::from_str(&missing.text).unwrap();
    assert!(error["error"].as_str().unwrap().contains("does not exist"));
    runner.stop().await.unwrap();
}
