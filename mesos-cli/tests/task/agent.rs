//! A scripted master and agent with one task and one session. They speak as src/slave/http.cpp does.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};
use mesos::http::recordio::{self, Decoder};
use mesos::v1::agent::call::Type;
use mesos::v1::agent::{self, ProcessIo, process_io, response};
use mesos::v1::master;
use mesos::v1::{AgentInfo, ContainerId, ContainerStatus, Task, TaskState, TaskStatus};
use prost::Message;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// The state of the only session.
#[derive(Default)]
pub(crate) struct Shell {
    /// The output of the session.
    pub(crate) output: Mutex<Option<mpsc::UnboundedSender<String>>>,
    pub(crate) exit: Mutex<i32>,
    /// The status that refuses the input.
    pub(crate) refusal: Option<&'static str>,
    /// The status and the reason that refuse the launch.
    pub(crate) launch_refusal: Option<(&'static str, &'static str)>,
    /// The port of the agent, if it is not that of the master.
    pub(crate) agent_port: Option<u16>,
    /// Whether the input of the container was ended.
    pub(crate) saw_end: AtomicBool,
}

impl Shell {
    pub(crate) fn print(&self, text: impl Into<String>) {
        let output = self.output.lock().unwrap();
        let _ = output.as_ref().unwrap().send(text.into());
    }

    /// Ends the container with exit code 7.
    pub(crate) fn exit(&self) {
        *self.exit.lock().unwrap() = 7 << 8;
        self.output.lock().unwrap().take();
    }

    /// Reacts to what arrives at the terminal of the container.
    fn input(&self, message: &ProcessIo) {
        let control = message.control.as_ref();
        if let Some(size) = control.and_then(|control| control.tty_info?.window_size) {
            self.print(format!("resized to {}x{}\r\n", size.rows, size.columns));
        }
        let data = message.data.as_ref().map_or(&b""[..], |data| data.data());
        // Ctrl-C and the return key arrive as they were typed.
        match data {
            b"\x03" => self.print("^C\r\n"),
            b"exit\r" => self.exit(),
            b"" if message.data.is_some() => self.saw_end.store(true, Ordering::SeqCst),
            b"" => {}
            other => self.print(format!("typed {:?}\r\n", String::from_utf8_lossy(other))),
        }
    }
}

/// A connection to the scripted master and agent.
struct Peer {
    stream: TcpStream,
    input: BytesMut,
    port: u16,
    shell: Arc<Shell>,
}

impl Peer {
    async fn more(&mut self) -> bool {
        self.stream
            .read_buf(&mut self.input)
            .await
            .is_ok_and(|length| length > 0)
    }

    async fn until(&mut self, mark: &[u8]) -> Option<Bytes> {
        loop {
            if let Some(at) = self.input.windows(mark.len()).position(|part| part == mark) {
                return Some(self.input.split_to(at + mark.len()).freeze());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    /// A chunk of a request; `None` at its end.
    async fn chunk(&mut self) -> Option<Bytes> {
        let size = self.until(b"\r\n").await?;
        let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim(), 16).unwrap();
        while self.input.len() < size + 2 {
            if !self.more().await {
                return None;
            }
        }
        let chunk = self.input.split_to(size).freeze();
        let _ = self.input.split_to(2);
        (!chunk.is_empty()).then_some(chunk)
    }

    async fn answer(&mut self, status: &str, body: Vec<u8>) {
        let head = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let bytes = [head.into_bytes(), body].concat();
        let _ = self.stream.write_all(&bytes).await;
    }

    async fn serve(mut self) {
        while let Some(head) = self.until(b"\r\n\r\n").await {
            let head = String::from_utf8(head.to_vec())
                .unwrap()
                .to_ascii_lowercase();
            if head.contains("transfer-encoding: chunked") {
                return self.attach().await;
            }
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            while self.input.len() < length {
                self.more().await;
            }
            let body = self.input.split_to(length).freeze();
            if head.starts_with("post /master/") {
                let answer = if head.contains("content-type: application/json") {
                    let call: master::Call = serde_json::from_slice(&body).unwrap();
                    serde_json::to_vec(&self.master(call.r#type())).unwrap()
                } else {
                    let call = master::Call::decode(body).unwrap();
                    self.master(call.r#type()).encode_to_vec()
                };
                self.answer("200 OK", answer).await;
                continue;
            }
            let call = agent::Call::decode(body).unwrap();
            match call.r#type() {
                Type::LaunchNestedContainerSession => {
                    let launch = call.launch_nested_container_session.unwrap();
                    if let Some((status, reason)) = self.shell.launch_refusal {
                        self.answer(status, reason.as_bytes().to_vec()).await;
                        continue;
                    }
                    let command = launch.command.as_ref().unwrap();
                    let size = launch
                        .container
                        .as_ref()
                        .and_then(|info| info.tty_info?.window_size);
                    let size = size.map(|size| format!("{}x{}", size.rows, size.columns));
                    let greeting = format!("{:?} on {size:?}", command.arguments);
                    return self.session(&greeting).await;
                }
                Type::AttachContainerOutput => {
                    let container = call.attach_container_output.unwrap().container_id;
                    let greeting = format!("attached to {}", container.value);
                    return self.session(&greeting).await;
                }
                Type::WaitContainer => {
                    let exit_status = Some(*self.shell.exit.lock().unwrap());
                    let answer = agent::Response {
                        wait_container: Some(response::WaitContainer {
                            exit_status,
                            ..Default::default()
                        }),
                        ..Default::default()
                    };
                    self.answer("200 OK", answer.encode_to_vec()).await;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    fn agent_port(&self) -> u16 {
        self.shell.agent_port.unwrap_or(self.port)
    }

    fn master(&self, r#type: master::call::Type) -> master::Response {
        let agent = AgentInfo {
            id: Some("a".into()),
            hostname: "agent.invalid".to_owned(),
            ..Default::default()
        };
        let status = TaskStatus {
            container_status: Some(ContainerStatus {
                container_id: Some(ContainerId::from("c")),
                ..Default::default()
            }),
            ..TaskStatus::new("t", TaskState::TaskRunning)
        };
        let task = Task {
            name: "t".to_owned(),
            task_id: "t".into(),
            framework_id: "f".into(),
            agent_id: "a".into(),
            state: TaskState::TaskRunning.into(),
            statuses: vec![status],
            ..Default::default()
        };
        match r#type {
            master::call::Type::GetTasks => master::Response {
                get_tasks: Some(master::response::GetTasks {
                    tasks: vec![task],
                    ..Default::default()
                }),
                ..Default::default()
            },
            master::call::Type::GetAgents => master::Response {
                get_agents: Some(master::response::GetAgents {
                    agents: vec![master::response::get_agents::Agent {
                        agent_info: agent,
                        pid: Some(format!("slave(1)@127.0.0.1:{}", self.agent_port())),
                        ..Default::default()
                    }],
                    ..Default::default()
                }),
                ..Default::default()
            },
            other => panic!("{other:?}"),
        }
    }

    /// Sends the output of the session until it ends.
    async fn session(mut self, greeting: &str) {
        let (sender, mut output) = mpsc::unbounded_channel();
        *self.shell.output.lock().unwrap() = Some(sender);
        self.shell.print(format!("{greeting}\r\n"));
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        let _ = self.stream.write_all(head.as_bytes()).await;
        while let Some(text) = output.recv().await {
            let message = ProcessIo {
                r#type: Some(process_io::Type::Data.into()),
                data: Some(process_io::Data {
                    r#type: Some(process_io::data::Type::Stdout.into()),
                    data: Some(text.into()),
                }),
                ..Default::default()
            };
            let mut record = BytesMut::new();
            recordio::encode(&message.encode_to_vec(), &mut record);
            let chunk = [
                format!("{:x}\r\n", record.len()).as_bytes(),
                &record,
                b"\r\n",
            ]
            .concat();
            let _ = self.stream.write_all(&chunk).await;
        }
        let _ = self.stream.write_all(b"0\r\n\r\n").await;
        // The client closes the connection.
        self.more().await;
    }

    /// Reads the input of the session until it ends.
    async fn attach(mut self) {
        if let Some(status) = self.shell.refusal {
            self.answer(status, Vec::new()).await;
            self.more().await;
            return;
        }
        let mut records = Decoder::new(1 << 20);
        while let Some(chunk) = self.chunk().await {
            records.push(chunk);
            while let Some(record) = records.next_record().unwrap() {
                let call = agent::Call::decode(record).unwrap();
                let part = call.attach_container_input.unwrap();
                if let Some(message) = &part.process_io {
                    self.shell.input(message);
                }
            }
        }
        self.answer("200 OK", Vec::new()).await;
    }
}

/// Starts the scripted master and agent; returns the address of the master.
pub(crate) async fn serve(shell: Shell) -> String {
    serve_shell(Arc::new(shell)).await
}

pub(crate) async fn serve_shell(shell: Arc<Shell>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let peer = Peer {
                stream,
                input: BytesMut::new(),
                port,
                shell: Arc::clone(&shell),
            };
            tokio::spawn(peer.serve());
        }
    });
    format!("http://127.0.0.1:{port}/master")
}
