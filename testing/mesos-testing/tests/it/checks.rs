//! The order of a master's checks and the status and text of each response, row by row.

use mesos_testing::v1::scheduler::{Event, call};
use mesos_testing::{Agent, FakeMaster, MasterRole, Reaction};
use prost::Message;
use serde_json::{Value, json};

use crate::client::{Answer, Client, PATH, Session, info, subscribe};

const JSON: &str = "Content-Type: application/json";
const PROTOBUF: &str = "Content-Type: application/x-protobuf";

async fn ask(master: &FakeMaster, headers: &[&str], body: &[u8]) -> Answer {
    let mut client = Client::connect(master).await;
    client.send("POST", PATH, headers, body).await;
    client.answer().await
}

fn subscribe_json(info: Value) -> Vec<u8> {
    json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}})
        .to_string()
        .into_bytes()
}

#[tokio::test]
async fn checks_are_made_in_order() {
    // Each request violates the rule of its row and the rules of all later rows.
    let master = FakeMaster::builder()
        .scripted()
        .credential("me", "secret")
        .start();
    let master = master.await.unwrap();
    let basic = "Authorization: Basic bWU6c2VjcmV0"; // me:secret

    let mut client = Client::connect(&master).await;
    master.set_role(MasterRole::NoLeader);
    client.send("GET", PATH, &[], b"").await;
    let answer = client.answer().await;
    assert_eq!(answer.status, 401);
    let realm = "Basic realm=\"mesos-master-scheduler\"";
    assert_eq!(answer.header("www-authenticate"), Some(realm));
    client
        .send("GET", PATH, &["Authorization: Basic bWU6d3Jvbmc="], b"")
        .await; // me:wrong
    assert_eq!(client.answer().await.status, 401);

    for (role, status, text) in [
        (MasterRole::NoLeader, 503, "No leader elected"),
        (MasterRole::Following("m2:5050".into()), 307, ""),
        (
            MasterRole::Recovering,
            503,
            "Master has not finished recovery",
        ),
    ] {
        master.set_role(role);
        client.send("GET", PATH, &[basic], b"").await;
        let answer = client.answer().await;
        assert_eq!((answer.status, answer.body.as_str()), (status, text));
    }
    master.set_role(MasterRole::Leading);
    client.send("GET", PATH, &[basic], b"").await;
    let answer = client.answer().await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));

    let stream = "Mesos-Stream-Id: 1";
    let accept = "Accept: text/html";
    let unknown = json!({"type": "REVIVE", "framework_id": {"value": "x"}}).to_string();
    let invalid = json!({"type": "KILL", "framework_id": {"value": "x"}}).to_string();
    let good = subscribe_json(info());
    for (headers, body, status, text) in [
        (
            &[accept, stream][..],
            &b"garbage"[..],
            400,
            "Expecting 'Content-Type' to be present",
        ),
        (
            &["Content-Type: application/json; charset=utf-8", accept][..],
            b"garbage",
            415,
            "Expecting 'Content-Type' of application/json or application/x-protobuf",
        ),
        (
            &[JSON, accept, stream],
            b"garbage",
            400,
            "Failed to parse body into JSON",
        ),
        (
            &[JSON, accept],
            b"{\"type\":7}",
            400,
            "Failed to convert JSON into Call protobuf",
        ),
        (
            &[PROTOBUF, accept],
            b"\xff",
            400,
            "Failed to parse body into Call protobuf",
        ),
        (
            &[JSON, accept, stream],
            invalid.as_bytes(),
            400,
            "Failed to validate scheduler::Call: Expecting 'kill' to be present",
        ),
        (
            &[JSON, accept, stream],
            &good,
            406,
            "Expecting 'Accept' to allow",
        ),
        (
            &[JSON, stream],
            &good,
            400,
            "Subscribe calls should not include the 'Mesos-Stream-Id' header",
        ),
        (
            &[JSON, accept],
            unknown.as_bytes(),
            400,
            "Framework cannot be found",
        ),
    ] {
        let headers: Vec<&str> = headers.iter().copied().chain([basic]).collect();
        let answer = ask(&master, &headers, body).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.starts_with(text), "{answer:?}");
    }
}

#[tokio::test]
async fn a_call_needs_its_own_principal_a_connected_framework_and_its_stream() {
    let master = FakeMaster::builder()
        .scripted()
        .credential("me", "secret")
        .credential("you", "secret")
        .start();
    let master = master.await.unwrap();
    let me = "Authorization: Basic bWU6c2VjcmV0";
    let you = "Authorization: Basic eW91OnNlY3JldA==";
    let mut stream = Client::connect(&master).await;
    // The principal is taken from the credentials.
    stream
        .send("POST", PATH, &[JSON, me], &subscribe_json(info()))
        .await;
    let answer = stream.answer().await;
    let stream_id = answer.header("mesos-stream-id").unwrap().to_owned();
    let event = stream.event().await;
    let id = &event["subscribed"]["framework_id"];
    let revive = json!({"type": "REVIVE", "framework_id": id}).to_string();
    let with_id = format!("Mesos-Stream-Id: {stream_id}");

    let answer = ask(&master, &[JSON, you], revive.as_bytes()).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("does not match principal 'me'"),
        "{answer:?}"
    );
    let answer = ask(&master, &[JSON, me], revive.as_bytes()).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("should include the 'Mesos-Stream-Id'"),
        "{answer:?}"
    );
    let answer = ask(
        &master,
        &[JSON, me, "Mesos-Stream-Id: 7"],
        revive.as_bytes(),
    )
    .await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.starts_with("The stream ID '7' included"),
        "{answer:?}"
    );
    let answer = ask(&master, &[JSON, me, &with_id], revive.as_bytes()).await;
    assert_eq!(answer.status, 202);

    // A subscription with the principal of another framework.
    let mut wrong = info();
    wrong["principal"] = json!("you");
    let answer = ask(&master, &[JSON, me], &subscribe_json(wrong)).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.body.contains("does not match principal 'you'"),
        "{answer:?}"
    );

    let subscription = master.expect_stream().await;
    drop(stream);
    subscription.closed().await;
    // The master notices the disconnect after the close, so the request is repeated; a hundred
    // times is an error.
    let mut statuses = Vec::new();
    for _ in 0..100 {
        let answer = ask(&master, &[JSON, me, &with_id], revive.as_bytes()).await;
        statuses.push(answer.status);
        if answer.status == 403 {
            assert_eq!(answer.body, "Framework is not subscribed");
            return;
        }
    }
    panic!("{statuses:?}");
}

#[tokio::test]
async fn a_call_is_validated_before_the_state_of_the_framework() {
    let master = FakeMaster::scripted().await.unwrap();
    let id = json!({"value": "f"});
    let uuid = "AAECAwQFRgeICQoLDA0ODw=="; // 16 bytes, version 4
    for (call, why) in [
        (json!({}), "Expecting 'type' to be present"),
        (json!({"type": "NEWER"}), "Expecting 'type' to be present"),
        (
            json!({"type": "SUBSCRIBE"}),
            "Expecting 'subscribe' to be present",
        ),
        (
            json!({"type": "SUBSCRIBE", "framework_id": id, "subscribe": {"framework_info": info()}}),
            "'framework_id' differs from 'subscribe.framework_info.id'",
        ),
        (
            json!({"type": "TEARDOWN"}),
            "Expecting 'framework_id' to be present",
        ),
        (
            json!({"type": "ACCEPT", "framework_id": id}),
            "Expecting 'accept' to be present",
        ),
        (
            json!({"type": "DECLINE", "framework_id": id}),
            "Expecting 'decline' to be present",
        ),
        (
            json!({"type": "SHUTDOWN", "framework_id": id}),
            "Expecting 'shutdown' to be present",
        ),
        (
            json!({"type": "RECONCILE", "framework_id": id}),
            "Expecting 'reconcile' to be present",
        ),
        (
            json!({"type": "MESSAGE", "framework_id": id}),
            "Expecting 'message' to be present",
        ),
        (
            json!({"type": "REQUEST", "framework_id": id}),
            "Expecting 'request' to be present",
        ),
        (
            json!({"type": "ACKNOWLEDGE", "framework_id": id, "acknowledge": {
                "agent_id": id, "task_id": id, "uuid": "AAEC"}}),
            "Not a valid UUID",
        ),
        (
            json!({"type": "ACKNOWLEDGE_OPERATION_STATUS", "framework_id": id,
                "acknowledge_operation_status": {"uuid": uuid, "operation_id": id}}),
            "Expecting 'agent_id' to be present",
        ),
        (
            json!({"type": "UPDATE_FRAMEWORK", "framework_id": id,
                "update_framework": {"framework_info": info()}}),
            "'framework_id' differs from 'update_framework.framework_info.id'",
        ),
    ] {
        let mut client = Client::connect(&master).await;
        let answer = client.post(&[], &call).await;
        assert_eq!(answer.status, 400, "{call}");
        assert_eq!(
            answer.body,
            format!("Failed to validate scheduler::Call: {why}"),
            "{call}"
        );
    }
    // REVIVE and SUPPRESS need no body; here the framework is missing.
    for call_type in ["REVIVE", "SUPPRESS", "TEARDOWN", "UNKNOWN"] {
        let mut client = Client::connect(&master).await;
        let answer = client
            .post(&[], &json!({"type": call_type, "framework_id": id}))
            .await;
        assert_eq!(answer.body, "Framework cannot be found", "{call_type}");
    }
    let mut session = Session::open(&master, info()).await;
    assert_eq!(session.call(json!({"type": "UNKNOWN"})).await.status, 501);
    assert_eq!(session.call(json!({"type": "REVIVE"})).await.status, 202);
}

#[tokio::test]
async fn an_invalid_framework_receives_an_error_event_after_the_response() {
    let master = FakeMaster::builder()
        .scripted()
        .roles(["web"])
        .without_root_submissions()
        .start();
    let master = master.await.unwrap();
    let with = |name: &str, value: Value| {
        let mut info = info();
        info[name] = value;
        info
    };
    for (info, why) in [
        (
            with("roles", json!(["web", "web"])),
            "contains duplicate items: { web }",
        ),
        (with("roles", json!(["a/"])), "contains invalid role"),
        (
            with("roles", json!(["batch"])),
            "Roles { batch } are not present",
        ),
        (
            with("role", json!("web")),
            "'FrameworkInfo.role' must not be set",
        ),
        (
            with("capabilities", json!([])),
            "'FrameworkInfo.roles' must not be set",
        ),
        (with("user", json!("root")), "User 'root' is not allowed"),
        (
            with("failover_timeout", json!(1e18)),
            "failover_timeout (1e+18) is invalid",
        ),
    ] {
        let mut client = Client::connect(&master).await;
        client
            .send("POST", PATH, &[JSON], &subscribe_json(info))
            .await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 200);
        assert!(answer.header("mesos-stream-id").is_some());
        let event = client.event().await;
        assert_eq!(event["type"], "ERROR");
        let message = event["error"]["message"].as_str().unwrap();
        assert!(message.contains(why), "{message}");
        assert_eq!(
            client.chunk().await,
            None,
            "the stream ends after the event"
        );
    }
    let mut client = Client::connect(&master).await;
    let suppressed = json!({"type": "SUBSCRIBE", "subscribe": {
        "framework_info": info(), "suppressed_roles": ["web"]}});
    client.post(&[], &suppressed).await;
    let event = client.event().await;
    let why = "Suppressed role 'web' is not contained in the list of roles";
    assert_eq!(event["error"]["message"], why);
}

#[tokio::test]
async fn accept_selects_the_encoding_of_events_and_json_is_preferred() {
    let master = FakeMaster::builder()
        .scripted()
        .heartbeat(std::time::Duration::from_millis(1500))
        .start();
    let master = master.await.unwrap();
    let protobuf = "application/x-protobuf";
    for (accept, json) in [
        (None, true),
        (Some(protobuf), false),
        (Some("application/x-protobuf, application/json;q=0.1"), true),
        (Some("application/json;q=0, application/x-protobuf"), false),
    ] {
        let mut client = Client::connect(&master).await;
        let accept = accept.map(|accept| format!("Accept: {accept}"));
        let headers: Vec<&str> = [PROTOBUF].into_iter().chain(accept.as_deref()).collect();
        client
            .send("POST", PATH, &headers, &subscribe().encode_to_vec())
            .await;
        let answer = client.answer().await;
        assert_eq!(answer.header("transfer-encoding"), Some("chunked"));
        if json {
            assert_eq!(answer.header("content-type"), Some("application/json"));
            let event = client.event().await;
            assert_eq!(event["subscribed"]["heartbeat_interval_seconds"], 1.5);
            assert_eq!(
                client.event().await,
                serde_json::json!({"type": "HEARTBEAT"})
            );
        } else {
            assert_eq!(answer.header("content-type"), Some(protobuf));
            let chunk = client.chunk().await.unwrap();
            let end = chunk.iter().position(|byte| *byte == b'\n').unwrap();
            let event = Event::decode(&chunk[end + 1..]).unwrap();
            assert_eq!(
                chunk[..end],
                *(chunk.len() - end - 1).to_string().as_bytes()
            );
            assert!(event.subscribed.is_some());
            // HEARTBEAT: field 1, value 8.
            assert_eq!(client.chunk().await.unwrap(), b"2\n\x08\x08");
        }
    }
}

#[tokio::test]
async fn the_api_has_the_paths_of_a_real_master_and_a_redirect_keeps_the_path() {
    let master = FakeMaster::builder()
        .scripted()
        .prefix("/mesos/")
        .start()
        .await
        .unwrap();
    assert!(master.url().ends_with("/mesos"));
    let mut client = Client::connect(&master).await;
    for path in ["/mesos/api/v1/scheduler", "/mesos/master/api/v1/scheduler/"] {
        client.send("POST", path, &[JSON], b"{}").await;
        assert_eq!(client.answer().await.status, 400, "{path}");
    }
    for path in [
        "/api/v1/scheduler",
        "/mesos/api/v1/executor",
        "/mesos",
        "/mesos/redirect/x",
    ] {
        client.send("POST", path, &[JSON], b"{}").await;
        assert_eq!(client.answer().await.status, 404, "{path}");
    }
    master.set_role(MasterRole::Following("m2:5051".into()));
    for (path, location) in [
        (
            "/mesos/master/api/v1/scheduler",
            "//m2:5051/mesos/master/api/v1/scheduler",
        ),
        ("/mesos/redirect", "//m2:5051"),
        ("/mesos/master/redirect", "//m2:5051"),
    ] {
        client.send("POST", path, &[], b"").await;
        let answer = client.answer().await;
        assert_eq!(
            (answer.status, answer.header("location")),
            (307, Some(location))
        );
    }
    master.set_role(MasterRole::Starting);
    client
        .send("POST", "/mesos/api/v1/scheduler", &[JSON], b"{}")
        .await;
    assert_eq!(client.answer().await.status, 404);
    master.set_role(MasterRole::LeaderUnknownByName);
    client
        .send("POST", "/mesos/api/v1/scheduler", &[JSON], b"{}")
        .await;
    assert_eq!(client.answer().await.status, 500);
}

#[tokio::test]
async fn update_framework_is_answered_after_its_effect() {
    let master = FakeMaster::start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let mut newer = info();
    newer["id"] = json!({"value": session.framework_id});
    let update = |info: &Value, constraints: Value| {
        json!({"type": "UPDATE_FRAMEWORK", "update_framework": {
            "framework_info": info, "offer_constraints": constraints}})
    };
    for (name, value, why) in [
        (
            "user",
            json!("other"),
            "Updating 'FrameworkInfo.user' is unsupported",
        ),
        (
            "checkpoint",
            json!(true),
            "Updating 'FrameworkInfo.checkpoint' is unsupported",
        ),
        (
            "principal",
            json!("p"),
            "Changing framework's principal is not allowed.",
        ),
        (
            "roles",
            json!(["a", "a"]),
            "Supplied FrameworkInfo is not valid",
        ),
    ] {
        let mut wrong = newer.clone();
        wrong[name] = value;
        let answer = session.call(update(&wrong, json!({}))).await;
        assert_eq!(answer.status, 400, "{name}");
        assert!(answer.body.contains(why), "{answer:?}");
    }
    let no_group = json!({"role_constraints": {"web": {"groups": []}}});
    let answer = session.call(update(&newer, no_group)).await;
    assert!(
        answer
            .body
            .contains("'UpdateFramework.offer_constraints' are not valid")
    );

    newer["roles"] = json!(["web"]);
    let rack = json!({"role_constraints": {"web": {"groups": [{"attribute_constraints": [{
        "selector": {"attribute_name": "rack"},
        "predicate": {"text_equals": {"value": "r1"}}}]}]}}});
    assert_eq!(session.call(update(&newer, rack)).await.status, 200);
    master.add_agent(Agent::new("wrong").attribute("rack", "r2"));
    master.add_agent(Agent::new("none"));
    master.add_agent(Agent::new("right").attribute("rack", "r1"));
    let offers = session.offers().await;
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0]["agent_id"]["value"], "right");
    assert_eq!(offers[0]["allocation_info"]["role"], "web");
}

#[tokio::test]
async fn a_master_applies_reactions_until_they_are_cleared() {
    let master = FakeMaster::scripted().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let revive = || json!({"type": "REVIVE"});
    master.react(call::Type::Revive, Reaction::respond(418, "teapot"));
    let answer = session.call(revive()).await;
    assert_eq!((answer.status, answer.body.as_str()), (418, "teapot"));
    assert_eq!(session.call(revive()).await.status, 202);

    let held = master.hold(call::Type::Revive);
    let (answer, ()) = tokio::join!(session.call(revive()), async {
        // The two requests before were answered; this one is not.
        while master.expect(call::Type::Revive).await.status.is_some() {}
        held.react(Reaction::respond(503, "later"));
    });
    assert_eq!(answer.status, 503);

    master.react_always(call::Type::Suppress, Reaction::respond(500, ""));
    for _ in 0..2 {
        assert_eq!(session.call(json!({"type": "SUPPRESS"})).await.status, 500);
    }
    master.clear_reactions();
    assert_eq!(session.call(json!({"type": "SUPPRESS"})).await.status, 202);

    let garbage = bytes::Bytes::from_static(b"no http at all");
    master.react(call::Type::Revive, Reaction::Garble(garbage));
    let body = json!({"type": "REVIVE", "framework_id": {"value": "f"}}).to_string();
    session
        .calls
        .send("POST", PATH, &[JSON], body.as_bytes())
        .await;
    assert_eq!(session.calls.rest().await, b"no http at all");

    let mut client = Client::connect(&master).await;
    master.react(call::Type::Revive, Reaction::Close);
    client.send("POST", PATH, &[JSON], body.as_bytes()).await;
    client.closed().await;
    // The event stream is not affected.
    master.send(mesos_testing::events::error("still here"));
    assert_eq!(
        session.stream.update().await["error"]["message"],
        "still here"
    );
}

#[tokio::test]
async fn the_test_controls_the_bytes_of_a_stream() {
    use mesos_testing::events::{error, heartbeat};
    let master = FakeMaster::scripted().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let stream = master.expect_stream().await;
    assert_eq!(stream.id(), session.stream_id);
    assert_eq!(session.stream.event().await["type"], "HEARTBEAT");
    stream.send_joined([heartbeat(), heartbeat()]);
    let twice = br#"20
{"type":"HEARTBEAT"}"#
        .repeat(2);
    assert_eq!(session.stream.chunk().await.unwrap(), twice);
    stream.send_split(heartbeat(), [1, 4]);
    for part in [&b"2"[..], b"0\n{\"", b"type\":\"HEARTBEAT\"}"] {
        assert_eq!(session.stream.chunk().await.unwrap(), part);
    }
    stream.mute();
    stream.send(error("lost"));
    stream.unmute();
    stream.send_bytes(&b"raw"[..]);
    assert_eq!(session.stream.chunk().await.unwrap(), b"raw");
    stream.cut_after(5);
    stream.send(error("too long for five bytes"));
    assert_eq!(session.stream.chunk().await.unwrap().len(), 5);
    session.stream.closed().await;
    stream.closed().await;
    assert!(!stream.is_open());

    // The end of the response leaves the connection open for the next request.
    let mut info = info();
    info["id"] = json!({"value": session.framework_id});
    let mut session = Session::open(&master, info.clone()).await;
    session.stream.event().await;
    master.stream().end();
    assert_eq!(session.stream.chunk().await, None);
    let answer = session.stream.post(&[], &json!({})).await;
    assert_eq!(answer.status, 400);
}
