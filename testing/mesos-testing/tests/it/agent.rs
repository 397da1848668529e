//! The fake agent, tested with raw bytes: the order of its checks, and its record of the executor.

use mesos_testing::agent::AgentPhase;
use mesos_testing::v1::{TaskInfo, TaskState};
use mesos_testing::{FakeAgent, Reaction};
use serde_json::{Value, json};

use crate::client::{Answer, Client};

const PATH: &str = "/slave(1)/api/v1/executor";
const JSON: &str = "Content-Type: application/json";

async fn ask(agent: &FakeAgent, headers: &[&str], body: &[u8]) -> Answer {
    let mut client = Client::connect_to(agent.address()).await;
    client.send("POST", PATH, headers, body).await;
    client.answer().await
}

fn of(mut call: Value, framework: &str, executor: &str) -> Value {
    call["framework_id"] = json!({"value": framework});
    call["executor_id"] = json!({"value": executor});
    call
}

fn call(call: Value) -> Value {
    of(call, "framework", "executor")
}

fn update(task: &str, state: &str, uuid: &str) -> Value {
    call(json!({"type": "UPDATE", "update": {"status": {
        "task_id": {"value": task}, "state": state, "source": "SOURCE_EXECUTOR", "uuid": uuid,
    }}}))
}

/// Version 4 uuids with different first bytes.
const UUIDS: [&str; 3] = [
    "AQIDBAUGRwiJCgsMDQ4PEA==",
    "AgIDBAUGRwiJCgsMDQ4PEA==",
    "AwIDBAUGRwiJCgsMDQ4PEA==",
];

async fn subscribe(agent: &FakeAgent, body: Value) -> Client {
    let mut client = Client::connect_to(agent.address()).await;
    let body = call(json!({"type": "SUBSCRIBE", "subscribe": body})).to_string();
    client.send("POST", PATH, &[JSON], body.as_bytes()).await;
    assert_eq!(client.answer().await.status, 200);
    client
}

async fn post(agent: &FakeAgent, body: &Value) -> Answer {
    ask(agent, &[JSON], body.to_string().as_bytes()).await
}

#[tokio::test]
async fn checks_are_made_in_order() {
    let agent = FakeAgent::builder()
        .token("s3cret")
        .token_of_another("other");
    let agent = agent.start().await.unwrap();
    let mut client = Client::connect_to(agent.address()).await;
    let own = "Authorization: Bearer s3cret";

    // Each request violates the rule of its row and the rules of all later rows.
    agent.set_phase(AgentPhase::Recovering);
    client.send("GET", PATH, &[], b"").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 401);
    let realm = "Bearer realm=\"mesos-agent-executor\"";
    assert_eq!(answer.header("www-authenticate"), Some(realm));
    client.send("GET", PATH, &[own], b"").await;
    let answer = client.answer().await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "Agent has not finished recovery")
    );

    agent.set_phase(AgentPhase::Reconnecting);
    client.send("GET", PATH, &[own], b"").await;
    assert_eq!(client.answer().await.status, 405);
    let wrong = of(json!({"type": "SUBSCRIBE"}), "x", "x").to_string();
    for (headers, body, status, text) in [
        (
            vec![own],
            "{",
            400,
            "Expecting 'Content-Type' to be present",
        ),
        (
            vec![own, "Content-Type: text/plain"],
            "{",
            415,
            "Expecting 'Content-Type' of",
        ),
        (vec![own, JSON], "{", 400, "Failed to parse body into JSON"),
        (
            vec![own, JSON, "Accept: text/html"],
            wrong.as_str(),
            400,
            "Failed to validate Executor::Call: Expecting 'subscribe' to be present",
        ),
    ] {
        let answer = ask(&agent, &headers, body.as_bytes()).await;
        assert_eq!(answer.status, status, "{body} {answer:?}");
        assert!(answer.body.starts_with(text), "{answer:?}");
    }

    let foreign = "Authorization: Bearer other";
    let subscribe = |framework: &str, executor: &str| {
        of(
            json!({"type": "SUBSCRIBE", "subscribe": {}}),
            framework,
            executor,
        )
        .to_string()
    };
    let message = |framework: &str| {
        of(
            json!({"type": "MESSAGE", "message": {"data": ""}}),
            framework,
            "x",
        )
        .to_string()
    };
    for (phase, headers, body, status, text) in [
        (
            AgentPhase::Reconnecting,
            vec![foreign, JSON, "Accept: text/html"],
            subscribe("x", "x"),
            406,
            "Expecting 'Accept' to allow",
        ),
        (
            AgentPhase::Reconnecting,
            vec![foreign, JSON],
            of(json!({"type": "HEARTBEAT"}), "x", "x").to_string(),
            202,
            "",
        ),
        (
            AgentPhase::Reconnecting,
            vec![foreign, JSON],
            message("x"),
            503,
            "Agent has not",
        ),
        (
            AgentPhase::Ready,
            vec![foreign, JSON],
            message("x"),
            400,
            "Framework cannot be found",
        ),
        (
            AgentPhase::Ready,
            vec![foreign, JSON],
            message("framework"),
            400,
            "Executor cannot be",
        ),
        (
            AgentPhase::Reconnecting,
            vec![foreign, JSON],
            subscribe("framework", "executor"),
            403,
            "Auth",
        ),
        (
            AgentPhase::Ready,
            vec![own, JSON],
            update("t", "TASK_RUNNING", UUIDS[0]).to_string(),
            403,
            "Executor is not subscribed",
        ),
        (
            AgentPhase::Reconnecting,
            vec![own, JSON],
            subscribe("framework", "executor"),
            200,
            "",
        ),
        (
            AgentPhase::Ready,
            vec![own, JSON],
            update("t", "TASK_RUNNING", UUIDS[0]).to_string(),
            202,
            "",
        ),
        (
            AgentPhase::Ready,
            vec![own, JSON],
            call(json!({"type": "UNKNOWN"})).to_string(),
            501,
            "",
        ),
        (
            AgentPhase::Starting,
            vec![],
            String::new(),
            404,
            "404 Not Found.",
        ),
    ] {
        agent.set_phase(phase);
        let answer = ask(&agent, &headers, body.as_bytes()).await;
        assert_eq!(answer.status, status, "{body} {answer:?}");
        assert!(answer.body.starts_with(text), "{answer:?}");
    }
}

#[tokio::test]
async fn an_invalid_update_is_refused_with_the_text_of_a_real_agent() {
    let agent = FakeAgent::start().await.unwrap();
    let _stream = subscribe(&agent, json!({})).await;
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut update = update("t", "TASK_RUNNING", UUIDS[0]);
        change(&mut update["update"]["status"]);
        update
    };
    for (call, why) in [
        (
            changed(&|status| status["uuid"] = json!(null)),
            "Expecting 'uuid' to be present",
        ),
        (
            changed(&|status| status["uuid"] = json!("AQID")),
            "Not a valid UUID",
        ),
        (
            changed(&|status| status["source"] = json!(null)),
            "with invalid source",
        ),
        (
            changed(&|status| status["state"] = json!("TASK_STAGING")),
            "Received TASK_STAGING",
        ),
        (
            changed(&|status| status["executor_id"] = json!({"value": "x"})),
            "ExecutorID in Call: executor does not match ExecutorID in TaskStatus: x",
        ),
        (
            changed(&|status| status["check_status"] = json!({"type": "HTTP"})),
            "Expecting 'http' to be set for HTTP check's status",
        ),
    ] {
        let answer = post(&agent, &call).await;
        assert_eq!(answer.status, 400, "{call}");
        assert!(answer.body.contains(why), "{answer:?}");
    }
    assert!(agent.updates().is_empty());
}

#[tokio::test]
async fn tasks_are_queued_for_the_executor_and_duplicate_updates_are_recognized() {
    let agent = FakeAgent::start().await.unwrap();
    agent.launch(TaskInfo::builder("t").id("t").build());
    let mut stream = subscribe(&agent, json!({})).await;
    let subscribed = stream.event().await;
    assert_eq!(
        subscribed["subscribed"]["executor_info"]["executor_id"]["value"],
        "executor"
    );
    assert_eq!(
        stream.event().await["launch"]["task"]["task_id"]["value"],
        "t"
    );
    let running = update("t", "TASK_RUNNING", UUIDS[0]);
    for _ in 0..2 {
        assert_eq!(post(&agent, &running).await.status, 202);
        let event = stream.event().await;
        assert_eq!(event["acknowledged"]["uuid"], UUIDS[0]);
    }
    post(&agent, &update("t", "TASK_FINISHED", UUIDS[1])).await;
    stream.event().await;
    // After the end of a task an update is acknowledged without any effect.
    post(&agent, &update("t", "TASK_RUNNING", UUIDS[2])).await;
    assert_eq!(stream.event().await["acknowledged"]["uuid"], UUIDS[2]);
    let states: Vec<_> = agent
        .updates()
        .iter()
        .map(|status| status.state())
        .collect();
    assert_eq!(states, [TaskState::TaskRunning, TaskState::TaskFinished]);
    // An update of another agent is dropped silently.
    let mut other = update("u", "TASK_RUNNING", "BAIDBAUGRwiJCgsMDQ4PEA==");
    other["update"]["status"]["agent_id"] = json!({"value": "x"});
    assert_eq!(post(&agent, &other).await.status, 202);
    agent.message("bytes");
    assert_eq!(stream.event().await["type"], "MESSAGE");
}

#[tokio::test]
async fn a_second_subscription_replaces_the_first() {
    let agent = FakeAgent::start().await.unwrap();
    let mut first = subscribe(&agent, json!({})).await;
    first.event().await;
    let mut second = subscribe(&agent, json!({})).await;
    assert_eq!(first.chunk().await, None, "the stream ended");
    assert_eq!(second.event().await["type"], "SUBSCRIBED");
}

#[tokio::test]
async fn an_executor_without_tasks_is_shut_down_instead_of_subscribed() {
    let agent = FakeAgent::start().await.unwrap();
    agent.launch(TaskInfo::builder("t").id("t").build());
    agent.kill("t", None);
    let mut stream = subscribe(&agent, json!({})).await;
    assert_eq!(stream.event().await["type"], "SHUTDOWN");
    // The executor stays shut down.
    let mut again = subscribe(&agent, json!({})).await;
    assert_eq!(again.event().await["type"], "SHUTDOWN");
    assert_eq!(again.chunk().await, None);
}

#[tokio::test]
async fn a_restarted_agent_keeps_acknowledged_updates_and_drops_undelivered_tasks() {
    let agent = FakeAgent::start().await.unwrap();
    let mut stream = subscribe(&agent, json!({})).await;
    stream.event().await;
    for id in ["got", "lost"] {
        agent.launch(TaskInfo::builder(id).id(id).build());
        stream.event().await;
    }
    agent.crash().await;
    agent.recover().await.unwrap();
    let status = update("got", "TASK_RUNNING", UUIDS[0])["update"].clone();
    let task = json!({"name": "got", "task_id": {"value": "got"}, "agent_id": {"value": "agent"}});
    let body = json!({"unacknowledged_tasks": [task], "unacknowledged_updates": [status]});
    let mut stream = subscribe(&agent, body).await;
    assert_eq!(stream.event().await["acknowledged"]["uuid"], UUIDS[0]);
    assert_eq!(stream.event().await["type"], "SUBSCRIBED");
    assert_eq!(agent.dropped(), ["lost"]);
    assert_eq!(
        agent.expect_update(TaskState::TaskRunning).await.task_id,
        "got"
    );
}

#[tokio::test]
async fn without_checkpointing_a_restarted_agent_knows_nothing() {
    let agent = FakeAgent::builder()
        .checkpoint(false)
        .start()
        .await
        .unwrap();
    let _stream = subscribe(&agent, json!({})).await;
    agent.crash().await;
    agent.recover().await.unwrap();
    let call = call(json!({"type": "SUBSCRIBE", "subscribe": {}}));
    let answer = post(&agent, &call).await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (400, "Framework cannot be found")
    );
}

#[tokio::test]
async fn a_reaction_replaces_the_effect_of_a_request() {
    let agent = FakeAgent::start().await.unwrap();
    let _stream = subscribe(&agent, json!({})).await;
    let call_type = mesos_testing::v1::executor::call::Type::Update;
    agent.react(call_type, Reaction::respond(500, "oh"));
    let running = update("t", "TASK_RUNNING", UUIDS[0]);
    assert_eq!(post(&agent, &running).await.status, 500);
    assert!(agent.updates().is_empty());
    assert_eq!(post(&agent, &running).await.status, 202);
    assert_eq!(agent.calls_of(call_type).len(), 2);
}
