//! The state of a large cluster: an answer to GET_STATE, a server for it, and its clients.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mesos_http::operator::MasterClient;
use mesos_http::{Codec, OperatorClient};
use mesos_proto::v1::master::{Response, response};
use mesos_proto::v1::resource::AllocationInfo;
use mesos_proto::v1::{
    AgentId, AgentInfo, ContainerId, ContainerStatus, FrameworkInfo, Resource, Task, TaskState,
    TaskStatus,
};
use prost::Message as _;

use crate::flood;
use crate::job::{Outcome, State, Way};
use crate::usage::cpu;

/// The largest answer, in bytes: JSON is about three times as large as protobuf.
const LIMIT: u64 = 1 << 31;

/// The resources of an agent and of a task, with what Mesos adds to each.
fn resources(cpus: f64, mem: f64) -> Vec<Resource> {
    let mut resources = vec![
        Resource::scalar("cpus", cpus),
        Resource::scalar("mem", mem),
        Resource::scalar("disk", mem * 4.0),
    ];
    for resource in &mut resources {
        resource.allocation_info = Some(AllocationInfo {
            role: Some("*".to_owned()),
        });
    }
    resources
}

fn status(task: &str, agent: &AgentId, state: TaskState) -> TaskStatus {
    TaskStatus {
        agent_id: Some(agent.clone()),
        timestamp: Some(1.7e9),
        uuid: Some(vec![7; 16].into()),
        container_status: Some(ContainerStatus {
            container_id: Some(ContainerId::from("5f0d4f0e-3d6c-4b7a-9a55-3f0d1c9be7a4")),
            ..Default::default()
        }),
        ..TaskStatus::new(task, state)
    }
}

/// The answer of a master with this many agents and tasks.
pub(crate) fn answer(agents: u32, tasks: u32) -> Response {
    let agent = |number| {
        let id = AgentId::from(flood::agent_id(number));
        response::get_agents::Agent {
            agent_info: AgentInfo {
                hostname: format!("agent-{number}.example.com"),
                port: Some(5051),
                resources: resources(64.0, 262_144.0),
                id: Some(id),
                ..Default::default()
            },
            active: true,
            version: "1.11.0".to_owned(),
            pid: Some(format!(
                "slave(1)@10.0.{}.{}:5051",
                number / 250,
                number % 250
            )),
            total_resources: resources(64.0, 262_144.0),
            allocated_resources: resources(10.0, 20_480.0),
            ..Default::default()
        }
    };
    let task = |number| {
        let id = flood::task_id(number);
        let agent = AgentId::from(flood::agent_id(number % agents));
        Task {
            name: format!("service-{}", number % 500),
            framework_id: "2f1d8c5e-6f0b-4b7c-9a55-3f0d1c9be7a4-0000".into(),
            state: TaskState::TaskRunning.into(),
            resources: resources(0.5, 512.0),
            statuses: [TaskState::TaskStarting, TaskState::TaskRunning]
                .map(|state| status(&id, &agent, state))
                .into(),
            task_id: id.into(),
            agent_id: agent,
            ..Default::default()
        }
    };
    let framework = response::get_frameworks::Framework {
        framework_info: FrameworkInfo::new("root", "services"),
        active: true,
        connected: true,
        ..Default::default()
    };
    let state = response::GetState {
        get_tasks: Some(response::GetTasks {
            tasks: (0..tasks).map(task).collect(),
            ..Default::default()
        }),
        get_executors: Some(Default::default()),
        get_frameworks: Some(response::GetFrameworks {
            frameworks: vec![framework],
            ..Default::default()
        }),
        get_agents: Some(response::GetAgents {
            agents: (0..agents).map(agent).collect(),
            ..Default::default()
        }),
    };
    Response {
        r#type: Some(response::Type::GetState.into()),
        get_state: Some(state),
        ..Default::default()
    }
}

/// Answers every request with `body`; returns the address.
pub(crate) fn serve(body: Vec<u8>, codec: Codec) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("http://{}", listener.local_addr()?);
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n",
        codec.media_type(),
        body.len()
    );
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that went away has measured what it needs.
            let _ = respond(stream, head.as_bytes(), &body);
        }
    });
    Ok(url)
}

fn respond(mut stream: TcpStream, head: &[u8], body: &[u8]) -> Result<()> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    // The calls of this row are shorter than one segment, and their head has a length.
    while !request.windows(4).any(|part| part == b"\r\n\r\n") {
        let length = stream.read(&mut buffer)?;
        anyhow::ensure!(length > 0, "no request");
        request.extend_from_slice(&buffer[..length]);
    }
    stream.write_all(head)?;
    stream.write_all(body)?;
    // Until the client closes the connection.
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Requests the state, and drops what was decoded.
pub(crate) async fn run(job: State) -> Result<Outcome> {
    let codec = match job.json {
        true => Codec::Json,
        false => Codec::Protobuf,
    };
    let client = OperatorClient::new(job.url.parse()?).codec(codec);
    let client = client
        .max_record_size(LIMIT)
        .response_timeout(Duration::from_secs(600));
    let master = MasterClient::from(client);
    let (mut began, mut used) = (Instant::now(), cpu()?);
    let count = match job.way {
        Way::Parts => {
            let mut parts = master.get_state_parts().await?;
            let mut count = 0;
            while parts.next().await?.is_some() {
                count += 1;
            }
            count
        }
        Way::Whole => {
            let state = master.get_state().await?;
            state.get_tasks.context("no tasks")?.tasks.len() as u64
        }
        Way::Bare => {
            let body = std::fs::read(&job.file)?;
            (began, used) = (Instant::now(), cpu()?);
            let answer: Response = match job.json {
                true => serde_json::from_slice(&body)?,
                false => Response::decode(&body[..])?,
            };
            let state = answer.get_state.context("no state")?;
            state.get_tasks.context("no tasks")?.tasks.len() as u64
        }
    };
    Ok(Outcome {
        seconds: began.elapsed().as_secs_f64(),
        cpu: cpu()? - used,
        count,
        ..Default::default()
    })
}
