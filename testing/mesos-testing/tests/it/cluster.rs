//! The cluster of a fake master: offers, tasks, agents and failover.

use std::time::Duration;

use mesos_testing::v1::{TaskState, Unavailability};
use mesos_testing::{Agent, Behavior, FakeMaster};
use serde_json::{Value, json};

use crate::client::{Client, Session, info, task};

const NOW: Duration = Duration::from_millis(20);

/// A scalar resource of an offer.
fn scalar(offer: &Value, name: &str) -> f64 {
    let resources = offer["resources"].as_array().unwrap().iter();
    resources
        .filter(|resource| resource["name"] == name)
        .map(|resource| resource["scalar"]["value"].as_f64().unwrap())
        .sum()
}

fn one_agent() -> mesos_testing::Builder {
    FakeMaster::builder()
        .agent(Agent::new("a").having("cpus:2;mem:256;disk:100"))
        .update_retry(NOW, NOW * 2)
}

#[tokio::test]
async fn a_task_reports_one_state_per_acknowledgement() {
    let master = one_agent()
        .tasks(|_| Behavior::finishes())
        .start()
        .await
        .unwrap();
    let mut session = Session::open(&master, info()).await;
    let offer = &session.offers().await[0];
    assert_eq!((scalar(offer, "cpus"), scalar(offer, "mem")), (2.0, 256.0));
    assert_eq!(offer["hostname"], "a.example");
    session.launch(offer, json!([task("t", "a", 0.5)])).await;
    for state in ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"] {
        let (first, found) = session.update().await;
        assert_eq!(found, state);
        assert_eq!(first["source"], "SOURCE_EXECUTOR");
        // The same update is repeated until it is acknowledged.
        let (again, _) = session.update().await;
        assert_eq!(again["uuid"], first["uuid"]);
        // A wrong uuid does not acknowledge anything.
        let mut wrong = first.clone();
        wrong["uuid"] = json!("AAECAwQFRgeICQoLDA0ODw==");
        session.acknowledge(&wrong).await;
        assert_eq!(session.update().await.0["uuid"], first["uuid"]);
        session.acknowledge(&first).await;
    }
    assert_eq!(master.tasks(session.framework_id.as_str()), []);
}

#[tokio::test]
async fn the_resources_of_a_task_are_not_offered_until_the_task_has_ended() {
    let master = one_agent().start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let offer = session.offers().await.remove(0);
    session.launch(&offer, json!([task("t", "a", 1.5)])).await;
    session.call(json!({"type": "REVIVE"})).await;
    let rest = session.offers().await.remove(0);
    assert_eq!((scalar(&rest, "cpus"), scalar(&rest, "mem")), (0.5, 224.0));
    let kill = json!({"type": "KILL", "kill": {"task_id": {"value": "t"}}});
    session.call(kill).await;
    let back = session.offers().await.remove(0);
    assert_eq!((scalar(&back, "cpus"), scalar(&back, "mem")), (1.5, 32.0));
    let ids = master.offers(session.framework_id.as_str());
    assert_eq!(ids.len(), 2);
}

#[tokio::test]
async fn invalid_tasks_end_in_task_error_and_the_others_run() {
    let master = one_agent().start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let offer = session.offers().await.remove(0);
    let changed = |id: &str, change: &dyn Fn(&mut Value)| {
        let mut task = task(id, "a", 0.1);
        change(&mut task);
        task
    };
    let tasks = json!([
        changed("a/b", &|_| {}),
        changed("elsewhere", &|task| task["agent_id"] =
            json!({"value": "b"})),
        changed("nothing", &|task| task["resources"] = json!([])),
        changed("idle", &|task| task["command"] = json!(null)),
        task("greedy", "a", 100.0),
        task("good", "a", 0.1),
        task("good", "a", 0.1),
    ]);
    session.launch(&offer, tasks).await;
    let mut errors = Vec::new();
    while errors.len() < 6 {
        let (status, state) = session.update().await;
        if state == "TASK_ERROR" {
            assert_eq!(status["reason"], "REASON_TASK_INVALID");
            assert_eq!(status["source"], "SOURCE_MASTER");
            assert_eq!(status["uuid"], Value::Null);
            errors.push(status["task_id"]["value"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(
        errors,
        ["a/b", "elsewhere", "nothing", "idle", "greedy", "good"]
    );
    let tasks = master.tasks(session.framework_id.as_str());
    assert_eq!(tasks.len(), 1);
    assert_eq!(tasks[0].0, "good");
}

#[tokio::test]
async fn a_group_is_launched_completely_or_not_at_all() {
    let master = one_agent().start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let framework_id = json!({"value": session.framework_id});
    let group = |executor: &str, tasks: Value, id: &Value| {
        json!({"type": "LAUNCH_GROUP", "launch_group": {
            "executor": {
                "type": "DEFAULT", "executor_id": {"value": executor}, "framework_id": id,
                "resources": [
                    {"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                    {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
                    {"name": "disk", "type": "SCALAR", "scalar": {"value": 10}},
                ]},
            "task_group": {"tasks": tasks}}})
    };
    let offer = session.offers().await.remove(0);
    let accept = json!({"type": "ACCEPT", "accept": {
    "offer_ids": [offer["id"]], "operations": [
        group("e1", json!([task("t1", "a", 0.1), task("t2", "a", 9.0)]), &framework_id),
        group("e2", json!([task("t3", "a", 0.1)]), &json!({"value": "other"})),
        group("e3", json!([task("t4", "a", 0.1), task("t5", "a", 0.1)]), &framework_id),
    ]}});
    session.call(accept).await;
    for id in ["t1", "t2", "t3"] {
        let (status, state) = session.update().await;
        assert_eq!(
            (state.as_str(), status["task_id"]["value"].as_str()),
            ("TASK_ERROR", Some(id))
        );
        assert_eq!(status["reason"], "REASON_TASK_GROUP_INVALID");
    }
    for id in ["t4", "t5"] {
        let (status, state) = session.update().await;
        assert_eq!(state, "TASK_STARTING");
        assert_eq!(status["task_id"]["value"], id);
        assert_eq!(status["executor_id"]["value"], "e3");
    }
    session.call(json!({"type": "REVIVE"})).await;
    let rest = session.offers().await.remove(0);
    assert_eq!(scalar(&rest, "disk"), 90.0);
    assert_eq!(rest["executor_ids"][0]["value"], "e3");
}

#[tokio::test]
async fn reconciliation_depends_on_what_is_known_of_task_and_agent() {
    let builder = one_agent()
        .update_retry(Duration::from_secs(60), Duration::from_secs(60))
        .tasks(|_| Behavior::stays_silent());
    let master = builder.start().await.unwrap();
    for id in ["lost", "gone"] {
        master.add_agent(Agent::new(id));
    }
    master.make_agent_unreachable("lost");
    master.mark_agent_gone("gone");
    for (aware, states) in [
        (
            true,
            [
                "TASK_GONE",
                "TASK_UNREACHABLE",
                "TASK_GONE_BY_OPERATOR",
                "TASK_UNKNOWN",
                "TASK_UNKNOWN",
            ],
        ),
        (false, ["TASK_LOST"; 5]),
    ] {
        let mut info = info();
        if !aware {
            info["capabilities"] = json!([{"type": "MULTI_ROLE"}]);
        }
        let mut session = Session::open(&master, info).await;
        let tasks: Vec<Value> = ["a", "lost", "gone", "never seen"]
            .iter()
            .map(|agent| json!({"task_id": {"value": "x"}, "agent_id": {"value": agent}}))
            .chain([json!({"task_id": {"value": "x"}})])
            .collect();
        session
            .call(json!({"type": "RECONCILE", "reconcile": {"tasks": tasks}}))
            .await;
        for expected in states {
            let (status, state) = session.update().await;
            assert_eq!(state, expected, "{status}");
            assert_eq!(status["reason"], "REASON_RECONCILIATION");
            assert_eq!(status["uuid"], Value::Null);
            let since = status["unreachable_time"].is_object();
            assert_eq!(since, status["agent_id"]["value"] == "lost");
        }
        // A kill of an unknown task is answered in the same way.
        let kill = json!({"type": "KILL", "kill": {
            "task_id": {"value": "y"}, "agent_id": {"value": "a"}}});
        session.call(kill).await;
        assert_eq!(session.update().await.1, states[0]);
    }
    // A live task is reported whether it was named or not; the other tasks do not exist.
    let mut session = Session::open(&master, info()).await;
    session
        .call(json!({"type": "RECONCILE", "reconcile": {}}))
        .await;
    let offer = session.offers().await.remove(0);
    session.launch(&offer, json!([task("t", "a", 0.1)])).await;
    session
        .call(json!({"type": "RECONCILE", "reconcile": {}}))
        .await;
    let (status, state) = session.update().await;
    assert_eq!(
        (state.as_str(), status["task_id"]["value"].as_str()),
        ("TASK_STAGING", Some("t"))
    );
}

#[tokio::test]
async fn after_a_failover_an_unknown_task_is_not_answered_before_its_agent_returns() {
    let master = one_agent().start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let offer = session.offers().await.remove(0);
    session.launch(&offer, json!([task("t", "a", 0.1)])).await;
    for _ in 0..2 {
        let (status, _) = session.update().await;
        session.acknowledge(&status).await;
    }
    master.fail_over();
    session.stream.closed().await;
    let mut info = info();
    info["id"] = json!({"value": session.framework_id});
    // The framework is not known from any agent, but may subscribe.
    let mut session = Session::open(&master, info).await;
    let reconcile = |id: &str| json!({"type": "RECONCILE", "reconcile": {"tasks": [{"task_id": {"value": id}}]}});
    session.call(reconcile("t")).await;
    session.call(reconcile("other")).await;
    master.return_agent("a");
    session.call(reconcile("t")).await;
    let (status, state) = session.update().await;
    assert_eq!(
        (state.as_str(), status["reason"].as_str()),
        ("TASK_RUNNING", Some("REASON_RECONCILIATION"))
    );
    session.call(reconcile("other")).await;
    assert_eq!(session.update().await.1, "TASK_UNKNOWN");
}

#[tokio::test]
async fn an_unreachable_agent_ends_its_tasks_and_offers() {
    let master = one_agent().start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let offer = session.offers().await.remove(0);
    session.launch(&offer, json!([task("t", "a", 0.1)])).await;
    for _ in 0..2 {
        let (status, _) = session.update().await;
        session.acknowledge(&status).await;
    }
    session.call(json!({"type": "REVIVE"})).await;
    let offer = session.offers().await.remove(0);
    master.make_agent_unreachable("a");
    let (status, state) = session.update().await;
    assert_eq!(
        (state.as_str(), status["reason"].as_str()),
        ("TASK_UNREACHABLE", Some("REASON_AGENT_REMOVED"))
    );
    assert!(status["unreachable_time"]["nanoseconds"].as_i64().unwrap() > 0);
    let rescind = session.stream.update().await;
    assert_eq!(rescind["rescind"]["offer_id"], offer["id"]);
    let failure = session.stream.update().await;
    assert_eq!(
        failure,
        json!({"type": "FAILURE", "failure": {"agent_id": {"value": "a"}}})
    );
    master.return_agent("a");
    let (status, state) = session.update().await;
    assert_eq!(
        (state.as_str(), status["reason"].as_str()),
        ("TASK_RUNNING", Some("REASON_AGENT_REREGISTERED"))
    );
}

#[tokio::test]
async fn declined_resources_are_offered_again_after_the_filter_and_after_revive() {
    let master = one_agent().start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let decline = |offer: &Value, seconds: f64| {
        json!({"type": "DECLINE", "decline": {
            "offer_ids": [offer["id"], {"value": "unknown"}],
            "filters": {"refuse_seconds": seconds}}})
    };
    let offer = session.offers().await.remove(0);
    let since = std::time::Instant::now();
    session.call(decline(&offer, 0.1)).await;
    let offer = session.offers().await.remove(0);
    assert!(since.elapsed() >= Duration::from_millis(100));
    session.call(decline(&offer, 3600.0)).await;
    // If one role is not a role of the framework, the call has no effect.
    session
        .call(json!({"type": "REVIVE", "revive": {"roles": ["*", "other"]}}))
        .await;
    master.add_agent(Agent::new("b"));
    let offers = session.offers().await;
    assert_eq!(
        (offers.len(), &offers[0]["agent_id"]["value"]),
        (1, &json!("b"))
    );
    session
        .call(json!({"type": "REVIVE", "revive": {"roles": ["*"]}}))
        .await;
    assert_eq!(session.offers().await[0]["agent_id"]["value"], "a");
}

#[tokio::test]
async fn two_frameworks_share_a_cluster_but_not_their_offers() {
    let master = one_agent().start().await.unwrap();
    let mut one = Session::open(&master, info()).await;
    let offer = one.offers().await.remove(0);
    let mut other = Session::open(&master, info()).await;
    assert_ne!(one.framework_id, other.framework_id);
    assert!(one.framework_id.ends_with("-0000") && other.framework_id.ends_with("-0001"));
    // A framework cannot accept the offers of another framework, and trying to ends nothing else.
    other
        .launch(&offer, json!([task("stolen", "a", 0.1)]))
        .await;
    let (status, state) = other.update().await;
    assert_eq!(
        (state.as_str(), status["reason"].as_str()),
        ("TASK_DROPPED", Some("REASON_INVALID_OFFERS"))
    );
    // A stream id is valid for its own framework only.
    let stream_id = format!("Mesos-Stream-Id: {}", one.stream_id);
    let call = json!({"type": "REVIVE", "framework_id": {"value": other.framework_id}});
    assert_eq!(other.calls.post(&[&stream_id], &call).await.status, 400);
    assert_eq!(master.frameworks().len(), 2);
    master.teardown(one.framework_id.as_str());
    assert_eq!(other.offers().await[0]["agent_id"]["value"], "a");
}

#[tokio::test]
async fn a_framework_is_removed_after_its_failover_timeout() {
    let master = one_agent().start().await.unwrap();
    for (timeout, kept) in [(0.0, false), (0.05, false), (3600.0, true)] {
        let mut info = info();
        info["failover_timeout"] = json!(timeout);
        let session = Session::open(&master, info.clone()).await;
        let stream = master.expect_stream().await;
        let id = session.framework_id.clone();
        drop(session);
        stream.closed().await;
        if !kept {
            // The resources become free when the framework is removed; that is the signal.
            while master.frameworks().iter().any(|framework| *framework == id) {
                tokio::task::yield_now().await;
            }
        }
        info["id"] = json!({"value": id});
        let mut client = Client::connect(&master).await;
        let subscribe = json!({"type": "SUBSCRIBE", "framework_id": {"value": id},
            "subscribe": {"framework_info": info}});
        assert_eq!(client.post(&[], &subscribe).await.status, 200);
        let event = client.event().await;
        if kept {
            assert_eq!(event["subscribed"]["framework_id"]["value"], id.as_str());
        } else {
            assert_eq!(event["error"]["message"], "Framework has been removed");
        }
        drop(client);
        let stream = master.expect_stream().await;
        stream.closed().await;
    }
}

#[tokio::test]
async fn a_second_subscription_replaces_the_first() {
    let master = one_agent().start().await.unwrap();
    let mut old = Session::open(&master, info()).await;
    let offer = old.offers().await.remove(0);
    let mut changed = info();
    changed["id"] = json!({"value": old.framework_id});
    changed["principal"] = json!("somebody else");
    let mut client = Client::connect(&master).await;
    let subscribe = |info: &Value| {
        json!({"type": "SUBSCRIBE", "framework_id": info["id"],
            "subscribe": {"framework_info": info}})
    };
    client.post(&[], &subscribe(&changed)).await;
    let why = "Changing framework's principal is not allowed.";
    assert_eq!(client.event().await["error"]["message"], why);
    changed["principal"] = Value::Null;
    // A changed user is ignored silently.
    changed["user"] = json!("root");
    let mut new = Session::open(&master, changed).await;
    let event = old.stream.update().await;
    assert_eq!(event["error"]["message"], "Framework failed over");
    assert_eq!(old.stream.chunk().await, None);
    assert_eq!(old.call(json!({"type": "REVIVE"})).await.status, 400);
    // The old offer ends without a RESCIND, and its resources are offered again.
    let again = new.offers().await.remove(0);
    assert_ne!(again["id"], offer["id"]);
    new.launch(&offer, json!([task("t", "a", 0.1)])).await;
    assert_eq!(new.update().await.1, "TASK_DROPPED");
}

#[tokio::test]
async fn resources_are_reserved_and_volumes_created_with_feedback() {
    let master = one_agent().start().await.unwrap();
    let mut info = info();
    info["roles"] = json!(["web"]);
    let mut session = Session::open(&master, info).await;
    let offer = session.offers().await.remove(0);
    let disk = json!({"name": "disk", "type": "SCALAR", "scalar": {"value": 40},
        "reservations": [{"type": "DYNAMIC", "role": "web"}]});
    let mut volume = disk.clone();
    volume["disk"] = json!({"persistence": {"id": "v"},
        "volume": {"mode": "RW", "container_path": "data"}});
    let accept = json!({"type": "ACCEPT", "accept": {"offer_ids": [offer["id"]], "operations": [
        {"type": "RESERVE", "id": {"value": "r"}, "reserve": {"resources": [disk]}},
        {"type": "CREATE", "id": {"value": "c"}, "create": {"volumes": [volume]}},
        {"type": "CREATE", "id": {"value": "twice"}, "create": {"volumes": [volume]}},
        {"type": "GROW_VOLUME", "id": {"value": "g"}, "grow_volume": {
            "volume": volume, "addition": disk}},
    ]}});
    session.call(accept).await;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let event = session.stream.update().await;
        let status = event["update_operation_status"]["status"].clone();
        let id = status["operation_id"]["value"].as_str().unwrap().to_owned();
        let state = status["state"].as_str().unwrap().to_owned();
        // Statuses of the agent are repeated until they are acknowledged.
        assert_eq!(status["uuid"].is_object(), state == "OPERATION_FINISHED");
        if seen.iter().any(|(found, _)| *found == id) {
            continue;
        }
        if state == "OPERATION_FINISHED" {
            let acknowledge = json!({"type": "ACKNOWLEDGE_OPERATION_STATUS",
                "acknowledge_operation_status": {"agent_id": status["agent_id"],
                    "uuid": status["uuid"]["value"], "operation_id": status["operation_id"]}});
            assert_eq!(session.call(acknowledge).await.status, 202);
        }
        seen.push((id, state));
    }
    let state = |id: &str| {
        let found = seen.iter().find(|(found, _)| found == id);
        found.map(|(_, state)| state.clone()).unwrap_or_default()
    };
    assert_eq!(state("r"), "OPERATION_FINISHED");
    assert_eq!(state("c"), "OPERATION_FINISHED");
    assert_eq!(state("twice"), "OPERATION_ERROR");
    assert_eq!(state("g"), "OPERATION_ERROR");
    let offer = session.offers().await.remove(0);
    let volumes: Vec<&Value> = offer["resources"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|resource| resource["disk"]["persistence"]["id"] == "v")
        .collect();
    assert_eq!(volumes.len(), 1, "{offer}");
    assert_eq!(scalar(&offer, "disk"), 100.0);
    let reconcile = json!({"type": "RECONCILE_OPERATIONS", "reconcile_operations": {"operations": [
        {"operation_id": {"value": "x"}, "agent_id": {"value": "a"}}]}});
    session.call(reconcile).await;
    let event = session.stream.update().await;
    assert_eq!(
        event["update_operation_status"]["status"]["state"],
        "OPERATION_UNKNOWN"
    );
}

#[tokio::test]
async fn executors_answer_messages_and_can_be_shut_down() {
    let builder = one_agent()
        .update_retry(Duration::from_secs(60), Duration::from_secs(60))
        .on_message(|message| Some([b"re: ", &message.data[..]].concat().into()));
    let master = builder.start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let offer = session.offers().await.remove(0);
    let mut task = task("t", "a", 0.1);
    task["executor"] = json!({"executor_id": {"value": "e"}, "command": {"value": "run"}});
    task["command"] = Value::Null;
    session.launch(&offer, json!([task])).await;
    let (status, _) = session.update().await;
    assert_eq!(status["executor_id"]["value"], "e");
    let message = |executor: &str| {
        json!({"type": "MESSAGE", "message": {"agent_id": {"value": "a"},
            "executor_id": {"value": executor}, "data": "aGk="}})
    };
    session.call(message("nobody")).await;
    session.call(message("e")).await;
    let event = session.stream.update().await;
    assert_eq!(event["message"]["data"], "cmU6IGhp"); // re: hi
    assert_eq!(event["message"]["executor_id"]["value"], "e");
    session.acknowledge(&status).await;
    let (status, _) = session.update().await;
    session.acknowledge(&status).await;
    let shutdown = json!({"type": "SHUTDOWN", "shutdown": {
        "executor_id": {"value": "e"}, "agent_id": {"value": "a"}}});
    session.call(shutdown).await;
    let (status, state) = session.update().await;
    assert_eq!(
        (state.as_str(), status["reason"].as_str()),
        ("TASK_FAILED", Some("REASON_EXECUTOR_TERMINATED"))
    );
    let failure = session.stream.update().await;
    assert_eq!(failure["failure"]["executor_id"]["value"], "e");
}

#[tokio::test]
async fn a_kill_reports_task_killing_only_to_capable_frameworks_and_can_be_ignored() {
    for (killing, states) in [
        (true, &["TASK_KILLING", "TASK_KILLED"][..]),
        (false, &["TASK_KILLED"][..]),
    ] {
        let builder = one_agent().tasks(|info| match info.name.as_str() {
            "stubborn" => Behavior::runs().surviving_kills(),
            _ => Behavior::runs().dying_for(NOW),
        });
        let master = builder.start().await.unwrap();
        let mut info = info();
        if killing {
            let capabilities = info["capabilities"].as_array_mut().unwrap();
            capabilities.push(json!({"type": "TASK_KILLING_STATE"}));
        }
        let mut session = Session::open(&master, info).await;
        let offer = session.offers().await.remove(0);
        session
            .launch(
                &offer,
                json!([task("stubborn", "a", 0.1), task("t", "a", 0.1)]),
            )
            .await;
        let wrong = json!({"type": "KILL", "kill": {
            "task_id": {"value": "t"}, "agent_id": {"value": "b"}}});
        session.call(wrong).await;
        for id in ["stubborn", "t"] {
            let kill = json!({"type": "KILL", "kill": {"task_id": {"value": id}}});
            session.call(kill).await;
        }
        let mut of_task = Vec::new();
        while of_task.last().map(String::as_str) != Some("TASK_KILLED") {
            let (status, state) = session.update().await;
            session.acknowledge(&status).await;
            if status["task_id"]["value"] == "t" && of_task.last() != Some(&state) {
                of_task.push(state);
            }
        }
        let states: Vec<&str> = states.to_vec();
        assert_eq!(of_task[of_task.len() - states.len()..], states);
        let live = master.tasks(session.framework_id.as_str());
        assert_eq!(live.len(), 1);
        assert_eq!(live[0].0, "stubborn");
        assert_ne!(live[0].1, TaskState::TaskKilled);
    }
}

#[tokio::test]
async fn maintenance_sends_and_rescinds_inverse_offers() {
    let master = one_agent().start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    session.offers().await;
    master.schedule_maintenance("b", Unavailability::default());
    master.schedule_maintenance("a", Unavailability::default());
    let event = session.stream.update().await;
    let offers = &event["inverse_offers"]["inverse_offers"];
    assert_eq!(offers[0]["agent_id"]["value"], "a");
    let decline = json!({"type": "DECLINE_INVERSE_OFFERS", "decline_inverse_offers": {
        "inverse_offer_ids": [offers[0]["id"]], "filters": {"refuse_seconds": 0.01}}});
    assert_eq!(session.call(decline).await.status, 202);
    let again = session.stream.update().await;
    assert_eq!(again, event);
    master.cancel_maintenance("a");
    let event = session.stream.update().await;
    assert_eq!(
        event["rescind_inverse_offer"]["inverse_offer_id"],
        offers[0]["id"]
    );
}

#[tokio::test]
async fn heartbeats_are_sent_at_the_announced_interval() {
    let master = FakeMaster::builder().heartbeat(NOW).start().await.unwrap();
    let mut session = Session::open(&master, info()).await;
    let since = std::time::Instant::now();
    for _ in 0..4 {
        assert_eq!(session.stream.event().await["type"], "HEARTBEAT");
    }
    // The first heartbeat is sent at once.
    assert!(since.elapsed() >= NOW * 3 - Duration::from_millis(5));
}
