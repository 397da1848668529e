//! A client that knows nothing of Mesos: raw HTTP/1.1, so that the fake master is tested with raw
//! bytes.

use mesos_testing::v1::FrameworkInfo;
use mesos_testing::v1::scheduler::{Call, call};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use mesos_testing::FakeMaster;

pub(crate) const PATH: &str = "/api/v1/scheduler";

pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        let found = self.headers.iter().find(|(found, _)| *found == name);
        found.map(|(_, value)| value.as_str())
    }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match timeout(Duration::from_secs(10), future).await {
        Ok(done) => done,
        Err(_) => panic!("still waiting for {what}"),
    }
}

impl Client {
    pub(crate) async fn connect(master: &FakeMaster) -> Self {
        Self::connect_to(master.address()).await
    }

    pub(crate) async fn connect_to(address: std::net::SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) async fn send(&mut self, method: &str, path: &str, headers: &[&str], body: &[u8]) {
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: m\r\n");
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        let mut request = request.into_bytes();
        request.extend(body);
        self.stream.get_mut().write_all(&request).await.unwrap();
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        soon("a line", self.stream.read_line(&mut line))
            .await
            .unwrap();
        line.trim_end().to_owned()
    }

    /// Reads the head of a response, and the body unless it is chunked.
    pub(crate) async fn answer(&mut self) -> Answer {
        let status = self.line().await;
        let status = status
            .split(' ')
            .nth(1)
            .expect("a status line")
            .parse()
            .unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line().await;
            let Some((name, value)) = line.split_once(": ") else {
                break;
            };
            headers.push((name.to_ascii_lowercase(), value.to_owned()));
        }
        let mut answer = Answer {
            status,
            headers,
            body: String::new(),
        };
        let length = answer
            .header("content-length")
            .map(|length| length.parse().unwrap());
        let mut body = vec![0; length.unwrap_or(0)];
        soon("a body", self.stream.read_exact(&mut body))
            .await
            .unwrap();
        answer.body = String::from_utf8(body).unwrap();
        answer
    }

    /// Reads the next chunk; `None` at the end of the body.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let length = self.line().await;
        let length = usize::from_str_radix(&length, 16).expect("a chunk's length");
        let mut chunk = vec![0; length + 2];
        soon("a chunk", self.stream.read_exact(&mut chunk))
            .await
            .unwrap();
        chunk.truncate(length);
        (length > 0).then_some(chunk)
    }

    /// Reads the next record, which is a chunk of its own, as JSON.
    pub(crate) async fn event(&mut self) -> Value {
        let chunk = self.chunk().await.expect("a record, not the end");
        let text = String::from_utf8(chunk).unwrap();
        let (length, record) = text.split_once('\n').expect("a record");
        assert_eq!(length, record.len().to_string());
        serde_json::from_str(record).unwrap()
    }

    /// Reads the next event other than HEARTBEAT and OFFERS.
    pub(crate) async fn update(&mut self) -> Value {
        loop {
            let event = self.event().await;
            if event["type"] != "HEARTBEAT" && event["type"] != "OFFERS" {
                return event;
            }
        }
    }

    pub(crate) async fn post(&mut self, headers: &[&str], body: &Value) -> Answer {
        let headers: Vec<&str> = ["Content-Type: application/json"]
            .into_iter()
            .chain(headers.iter().copied())
            .collect();
        self.send("POST", PATH, &headers, body.to_string().as_bytes())
            .await;
        self.answer().await
    }

    /// Reads everything up to the end.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let read = soon("the end", self.stream.read_to_end(&mut rest)).await;
        // Bytes before the end count, whether the connection was closed or broken.
        drop(read);
        rest
    }

    /// Waits until the other side closes the connection without sending another byte.
    pub(crate) async fn closed(&mut self) {
        assert_eq!(self.rest().await, b"");
    }
}

/// A subscription with JSON: the stream, its id, and the framework id.
pub(crate) struct Session {
    pub(crate) stream: Client,
    pub(crate) calls: Client,
    pub(crate) stream_id: String,
    pub(crate) framework_id: String,
}

impl Session {
    pub(crate) async fn open(master: &FakeMaster, info: Value) -> Self {
        let mut stream = Client::connect(master).await;
        let mut subscribe = json!({"type": "SUBSCRIBE", "subscribe": {"framework_info": info}});
        if let Some(id) = subscribe["subscribe"]["framework_info"].get("id") {
            subscribe["framework_id"] = id.clone();
        }
        let answer = stream.post(&[], &subscribe).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let stream_id = answer.header("mesos-stream-id").unwrap().to_owned();
        let event = stream.event().await;
        assert_eq!(event["type"], "SUBSCRIBED", "{event}");
        let framework_id = event["subscribed"]["framework_id"]["value"].as_str();
        Self {
            framework_id: framework_id.unwrap().to_owned(),
            stream_id,
            stream,
            calls: Client::connect(master).await,
        }
    }

    /// Sends a call with all required headers and returns the response.
    pub(crate) async fn call(&mut self, mut body: Value) -> Answer {
        body["framework_id"] = json!({"value": self.framework_id});
        let stream_id = format!("Mesos-Stream-Id: {}", self.stream_id);
        self.calls.post(&[&stream_id], &body).await
    }

    /// The offers of the next OFFERS event.
    pub(crate) async fn offers(&mut self) -> Vec<Value> {
        loop {
            let event = self.stream.event().await;
            if event["type"] == "OFFERS" {
                return event["offers"]["offers"].as_array().unwrap().clone();
            }
        }
    }

    /// The next update as (task, state, reason).
    pub(crate) async fn update(&mut self) -> (Value, String) {
        let event = self.stream.update().await;
        assert_eq!(event["type"], "UPDATE", "{event}");
        let status = event["update"]["status"].clone();
        let state = status["state"].as_str().unwrap().to_owned();
        (status, state)
    }

    pub(crate) async fn acknowledge(&mut self, status: &Value) {
        let acknowledge = json!({"type": "ACKNOWLEDGE", "acknowledge": {
            "agent_id": status["agent_id"], "task_id": status["task_id"], "uuid": status["uuid"],
        }});
        assert_eq!(self.call(acknowledge).await.status, 202);
    }

    pub(crate) async fn launch(&mut self, offer: &Value, tasks: Value) -> Answer {
        self.call(json!({"type": "ACCEPT", "accept": {
            "offer_ids": [offer["id"]],
            "operations": [{"type": "LAUNCH", "launch": {"task_infos": tasks}}],
        }}))
        .await
    }
}

pub(crate) fn info() -> Value {
    json!({
        "user": "nobody", "name": "test", "failover_timeout": 3600, "roles": ["*"],
        "capabilities": [{"type": "MULTI_ROLE"}, {"type": "PARTITION_AWARE"}],
    })
}

pub(crate) fn task(id: &str, agent: &str, cpus: f64) -> Value {
    json!({
        "name": id, "task_id": {"value": id}, "agent_id": {"value": agent},
        "command": {"value": "true"},
        "resources": [
            {"name": "cpus", "type": "SCALAR", "scalar": {"value": cpus}},
            {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}},
        ],
    })
}

/// SUBSCRIBE as protobuf.
pub(crate) fn subscribe() -> Call {
    Call {
        r#type: Some(call::Type::Subscribe.into()),
        subscribe: Some(call::Subscribe {
            framework_info: FrameworkInfo::new("nobody", "test"),
            ..Default::default()
        }),
        ..Default::default()
    }
}
