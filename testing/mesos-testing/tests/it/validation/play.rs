//! Plays one attempt on one master: each with a framework of its own, so that no attempt depends on
//! another one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::{Value, json};

use super::row::{Answer, Attempt, Row, merged};
use crate::client::Client;

static ATTEMPTS: AtomicU32 = AtomicU32::new(0);

/// A subscribed framework.
struct Framework<'a> {
    master: SocketAddr,
    path: &'a str,
    id: String,
    stream_id: String,
    events: Events,
    calls: Client,
}

/// Records of a stream, which a real master may divide into chunks in any way.
struct Events {
    client: Client,
    bytes: Vec<u8>,
}

impl Events {
    async fn next(&mut self) -> Value {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                let length = std::str::from_utf8(&self.bytes[..end]).unwrap();
                let record = end + 1..end + 1 + length.parse::<usize>().unwrap();
                if self.bytes.len() >= record.end {
                    let event = serde_json::from_slice(&self.bytes[record.clone()]).unwrap();
                    self.bytes.drain(..record.end);
                    return event;
                }
            }
            let chunk = self.client.chunk().await;
            self.bytes
                .extend(chunk.expect("an event, not the end of the stream"));
        }
    }

    async fn of_type(&mut self, wanted: &str) -> Value {
        loop {
            let event = self.next().await;
            assert_ne!(event["type"], "ERROR", "{event}");
            if event["type"] == wanted {
                return event;
            }
        }
    }
}

/// A SUBSCRIBE call, its response and its first event.
async fn subscribe(
    master: SocketAddr,
    path: &str,
    call: &Value,
) -> (Events, Result<Value, Answer>, String) {
    let mut client = Client::connect_to(master).await;
    let headers = ["Content-Type: application/json"];
    let body = call.to_string();
    client.send("POST", path, &headers, body.as_bytes()).await;
    let answer = client.answer().await;
    let stream_id = answer
        .header("mesos-stream-id")
        .unwrap_or_default()
        .to_owned();
    let mut events = Events {
        client,
        bytes: Vec::new(),
    };
    if answer.status != 200 {
        let refusal = Answer::Response(answer.status, answer.body);
        return (events, Err(refusal), stream_id);
    }
    let first = events.next().await;
    let outcome = match first["error"]["message"].as_str() {
        Some(message) => Err(Answer::Error(message.to_owned())),
        None => Ok(first),
    };
    (events, outcome, stream_id)
}

fn subscription(info: &Value) -> Value {
    let mut call = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
    if let Some(id) = info.get("id") {
        call["framework_id"] = id.clone();
    }
    call
}

pub(super) fn info(row: &Row) -> Value {
    let usual = json!({
        "user": "root", "name": "table", "roles": ["team"],
        "capabilities": [
            {"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}, {"type": "RESERVATION_REFINEMENT"},
            {"type": "REVOCABLE_RESOURCES"}, {"type": "SHARED_RESOURCES"},
        ],
    });
    merged(usual, row.framework.clone())
}

/// The answer to an attempt.
pub(super) async fn play(master: SocketAddr, path: &str, row: &Row, attempt: &Attempt) -> Answer {
    let mut names = BTreeMap::new();
    let number = ATTEMPTS.fetch_add(1, Ordering::Relaxed);
    for (name, prefix) in [
        ("$task", "t"),
        ("$executor", "e"),
        ("$volume", "v"),
        ("$new", "f"),
    ] {
        names.insert(name, format!("{prefix}{number}"));
    }
    if let Attempt::Subscribe(call) = attempt {
        let (_events, outcome, _) = subscribe(master, path, &filled(call, &names)).await;
        return outcome.map_or_else(|refusal| refusal, |_| Answer::Accepted);
    }
    let call = subscription(&info(row));
    let (events, outcome, stream_id) = subscribe(master, path, &call).await;
    let subscribed = outcome.unwrap_or_else(|refusal| panic!("{}: {refusal:?}", row.name));
    let id = subscribed["subscribed"]["framework_id"]["value"].as_str();
    let mut framework = Framework {
        id: id.unwrap().to_owned(),
        calls: Client::connect_to(master).await,
        master,
        path,
        stream_id,
        events,
    };
    names.insert("$framework", framework.id.clone());
    let answer = framework.play(attempt, names).await;
    let (status, text) = framework.call(json!({"type": "TEARDOWN"})).await;
    // A second subscription has another stream.
    let gone = matches!(attempt, Attempt::Resubscribe(_));
    assert!(status == 202 || gone, "{}: {status} {text}", row.name);
    answer
}

impl Framework<'_> {
    async fn call(&mut self, mut call: Value) -> (u16, String) {
        call["framework_id"] = json!({"value": self.id});
        let stream_id = format!("Mesos-Stream-Id: {}", self.stream_id);
        let headers = ["Content-Type: application/json", &stream_id];
        let body = call.to_string();
        self.calls
            .send("POST", self.path, &headers, body.as_bytes())
            .await;
        let answer = self.calls.answer().await;
        (answer.status, answer.body)
    }

    async fn play(
        &mut self,
        attempt: &Attempt,
        mut names: BTreeMap<&'static str, String>,
    ) -> Answer {
        match attempt {
            Attempt::Accept(body) => {
                self.offers(&mut names).await;
                let body = filled(body, &names);
                let call = json!({"type": "ACCEPT", "accept": body});
                let (status, text) = self.call(call).await;
                if status != 202 {
                    return Answer::Response(status, text);
                }
                let last = body["operations"]
                    .as_array()
                    .and_then(|all| all.last())
                    .unwrap();
                self.answer(last, &names["$agent"]).await
            }
            Attempt::Call(call) => {
                let (status, text) = self.call(filled(call, &names)).await;
                match status {
                    200 | 202 => Answer::Accepted,
                    _ => Answer::Response(status, text),
                }
            }
            Attempt::Resubscribe(info) => {
                let call = subscription(&filled(info, &names));
                let (_events, outcome, _) = subscribe(self.master, self.path, &call).await;
                outcome.map_or_else(|refusal| refusal, |_| Answer::Accepted)
            }
            Attempt::Subscribe(_) => unreachable!("needs no framework"),
        }
    }

    /// Waits for an offer of each agent.
    async fn offers(&mut self, names: &mut BTreeMap<&'static str, String>) {
        let mut offers: Vec<(String, String)> = Vec::new();
        while offers.len() < 2 {
            let event = self.events.of_type("OFFERS").await;
            for offer in event["offers"]["offers"].as_array().unwrap() {
                let text = |field: &str| offer[field]["value"].as_str().unwrap().to_owned();
                let (id, agent) = (text("id"), text("agent_id"));
                offers.retain(|(_, other)| *other != agent);
                offers.push((id, agent));
            }
        }
        for ((offer, agent), (id, place)) in offers
            .into_iter()
            .zip([("$offer", "$agent"), ("$other_offer", "$other_agent")])
        {
            names.insert(id, offer);
            names.insert(place, agent);
        }
    }

    /// The answer to the last task or operation. Calls keep their order, so the master answers the
    /// RECONCILE after the ACCEPT: a task that it knows by then was accepted.
    async fn answer(&mut self, last: &Value, agent: &str) -> Answer {
        let tasks = match last["type"].as_str() {
            Some("LAUNCH") => &last["launch"]["task_infos"],
            Some("LAUNCH_GROUP") => &last["launch_group"]["task_group"]["tasks"],
            _ => return self.operation_answer(last).await,
        };
        let id = &tasks.as_array().and_then(|tasks| tasks.last()).unwrap()["task_id"];
        let reconcile = json!({"type": "RECONCILE", "reconcile": {
            "tasks": [{"task_id": id, "agent_id": {"value": agent}}],
        }});
        let (status, text) = self.call(reconcile).await;
        assert_eq!(status, 202, "{text}");
        let mut refusal = None;
        loop {
            let event = self.events.of_type("UPDATE").await;
            let status = &event["update"]["status"];
            if status["task_id"] != *id || status["source"] != "SOURCE_MASTER" {
                continue;
            }
            let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
            if status["reason"] != "REASON_RECONCILIATION" {
                refusal = Some(Answer::Task(text("state"), text("reason"), text("message")));
                continue;
            }
            let lost = matches!(
                text("state").as_str(),
                "TASK_LOST" | "TASK_UNKNOWN" | "TASK_GONE"
            );
            return match refusal {
                Some(refusal) => refusal,
                None if lost => Answer::Task(text("state"), text("reason"), text("message")),
                None => Answer::Accepted,
            };
        }
    }

    async fn operation_answer(&mut self, last: &Value) -> Answer {
        loop {
            let event = self.events.of_type("UPDATE_OPERATION_STATUS").await;
            let status = &event["update_operation_status"]["status"];
            if status["operation_id"] != last["id"] {
                continue;
            }
            let text = |field: &str| status[field].as_str().unwrap_or_default().to_owned();
            return match status["state"].as_str() {
                Some("OPERATION_FINISHED") => Answer::Accepted,
                _ => Answer::Operation(text("state"), text("message")),
            };
        }
    }
}

fn filled(value: &Value, names: &BTreeMap<&'static str, String>) -> Value {
    match value {
        Value::String(text) => {
            let mut text = text.clone();
            for (name, replacement) in names {
                text = text.replace(name, replacement);
            }
            Value::String(text)
        }
        Value::Array(items) => items.iter().map(|item| filled(item, names)).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, field)| (name.clone(), filled(field, names)))
            .collect(),
        other => other.clone(),
    }
}
