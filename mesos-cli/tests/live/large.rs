//! `mesos top` on a large cluster, which a scripted master reports: memory, processor time, and the
//! time from a key to the screen.
//!
//! The size is small unless `MESOS_TOP_SIZE` has two numbers, such as `10000,100000` (agents, tasks).
//! `MESOS_PROGRAM` names a program that was built in release mode. docs/performance.md has figures.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use mesos::http::recordio;
use mesos::v1::master::response::{get_agents, get_frameworks};
use mesos::v1::master::{Call, Event, Response, call, event, response};
use mesos::v1::{
    AgentInfo, ContainerId, ContainerStatus, FrameworkInfo, Resource, Task, TaskState, TaskStatus,
};
use prost::Message;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::program::User;
use crate::terminal::Terminal;

/// The updates of tasks in a second.
const UPDATES: u32 = 50;
/// How long processor time is measured.
const PERIOD: Duration = Duration::from_secs(5);

fn resources(cpus: f64, mem: f64) -> Vec<Resource> {
    let disk = Resource::scalar("disk", mem * 4.0);
    vec![
        Resource::scalar("cpus", cpus),
        Resource::scalar("mem", mem),
        disk,
    ]
}

fn status(task: String, state: TaskState) -> TaskStatus {
    TaskStatus {
        timestamp: Some(1.7e9),
        container_status: Some(ContainerStatus {
            container_id: Some(ContainerId::from("5f0d4f0e-3d6c-4b7a-9a55-3f0d1c9be7a4")),
            ..Default::default()
        }),
        ..TaskStatus::new(task, state)
    }
}

fn agent(number: u32) -> get_agents::Agent {
    get_agents::Agent {
        agent_info: AgentInfo {
            hostname: format!("agent-{number}.example.com"),
            id: Some(format!("2f1d8c5e-6f0b-4b7c-9a55-3f0d1c9be7a4-S{number}").into()),
            ..Default::default()
        },
        active: true,
        version: "1.11.0".to_owned(),
        total_resources: resources(64.0, 262_144.0),
        allocated_resources: resources(10.0, 20_480.0),
        ..Default::default()
    }
}

fn task(number: u32, agents: u32) -> Task {
    let id = format!("service-{}.{number:08}", number % 500);
    let states = [TaskState::TaskStarting, TaskState::TaskRunning];
    Task {
        name: format!("service-{}", number % 500),
        framework_id: "f".into(),
        state: TaskState::TaskRunning.into(),
        resources: resources(0.5, 512.0),
        statuses: states.map(|state| status(id.clone(), state)).into(),
        task_id: id.into(),
        agent_id: format!("2f1d8c5e-6f0b-4b7c-9a55-3f0d1c9be7a4-S{}", number % agents).into(),
        ..Default::default()
    }
}

fn record(event: &Event) -> Vec<u8> {
    let mut record = BytesMut::new();
    recordio::encode(&event.encode_to_vec(), &mut record);
    let head = format!("{:x}\r\n", record.len());
    [head.as_bytes(), &record, b"\r\n"].concat()
}

/// What the master answers.
struct Answers {
    subscribed: Vec<u8>,
    agents: Vec<u8>,
    frameworks: Vec<u8>,
    tasks: u32,
}

impl Answers {
    fn new(agents: u32, tasks: u32) -> Self {
        let get_agents = response::GetAgents {
            agents: (0..agents).map(agent).collect(),
            ..Default::default()
        };
        let framework = get_frameworks::Framework {
            framework_info: FrameworkInfo {
                id: Some("f".into()),
                ..FrameworkInfo::new("root", "services")
            },
            active: true,
            connected: true,
            ..Default::default()
        };
        let get_frameworks = response::GetFrameworks {
            frameworks: vec![framework],
            ..Default::default()
        };
        let state = response::GetState {
            get_agents: Some(get_agents.clone()),
            get_frameworks: Some(get_frameworks.clone()),
            get_tasks: Some(response::GetTasks {
                tasks: (0..tasks).map(|number| task(number, agents)).collect(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let subscribed = Event {
            r#type: Some(event::Type::Subscribed.into()),
            subscribed: Some(event::Subscribed {
                get_state: Some(state),
                heartbeat_interval_seconds: Some(60.0),
            }),
            ..Default::default()
        };
        let response = |answer: Response| answer.encode_to_vec();
        Self {
            subscribed: record(&subscribed),
            agents: response(Response {
                get_agents: Some(get_agents),
                ..Default::default()
            }),
            frameworks: response(Response {
                get_frameworks: Some(get_frameworks),
                ..Default::default()
            }),
            tasks,
        }
    }

    /// Answers requests, and a subscription with events until the client ends.
    async fn serve(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let mut input = BytesMut::new();
        loop {
            let head = loop {
                if let Some(at) = input.windows(4).position(|part| part == b"\r\n\r\n") {
                    break input.split_to(at + 4);
                }
                if stream.read_buf(&mut input).await? == 0 {
                    return Ok(());
                }
            };
            let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
            let length = head.split("content-length: ").nth(1).unwrap();
            let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
            while input.len() < length {
                stream.read_buf(&mut input).await?;
            }
            let call = Call::decode(input.split_to(length)).unwrap();
            let body = match call.r#type() {
                call::Type::Subscribe => return self.events(stream).await,
                call::Type::GetAgents => &self.agents[..],
                call::Type::GetFrameworks => &self.frameworks,
                call::Type::GetRoles => &[],
                other => panic!("{other:?}"),
            };
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(head.as_bytes()).await?;
            stream.write_all(body).await?;
        }
    }

    async fn events(&self, mut stream: TcpStream) -> std::io::Result<()> {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n\
                    Transfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&self.subscribed).await?;
        let mut pause = tokio::time::interval(Duration::from_secs(1) / UPDATES);
        for number in (0..self.tasks).cycle() {
            pause.tick().await;
            let id = format!("service-{}.{number:08}", number % 500);
            let update = Event {
                r#type: Some(event::Type::TaskUpdated.into()),
                task_updated: Some(event::TaskUpdated {
                    framework_id: "f".into(),
                    state: TaskState::TaskRunning.into(),
                    status: status(id, TaskState::TaskRunning),
                }),
                ..Default::default()
            };
            stream.write_all(&record(&update)).await?;
        }
        Ok(())
    }
}

async fn serve(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let answers = Arc::new(answers);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            // The client may close a connection at any time.
            tokio::spawn(async move { drop(answers.serve(stream).await) });
        }
    });
    address
}

/// The processor time of a process, in seconds.
fn cpu(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<_> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = |index: usize| fields[index].parse::<f64>().unwrap();
    // utime and stime, in units of 10 ms.
    (ticks(11) + ticks(12)) / 100.0
}

/// A value of /proc/PID/status, in MiB.
fn memory(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_cluster_that_changes_is_shown_and_keys_are_answered() {
    let size = std::env::var("MESOS_TOP_SIZE").unwrap_or_else(|_| "100,1000".to_owned());
    let (agents, tasks) = size.split_once(',').unwrap();
    let (agents, tasks) = (agents.parse().unwrap(), tasks.parse().unwrap());
    let address = serve(Answers::new(agents, tasks)).await;
    let args = ["top", "--master", &address, "--timeout", "300"];
    let begin = Instant::now();
    let mut top = Terminal::start(&User::new(), (40, 160), &[], &args);
    top.shows(&format!("connected  {agents} agents, {tasks} tasks"));
    let start = begin.elapsed();
    top.shows("TASK_UPDATED");
    let pid = top.pid();

    let before = cpu(pid);
    let period = Instant::now();
    // sleep: a period is measured.
    tokio::time::sleep(PERIOD).await;
    let share = (cpu(pid) - before) / period.elapsed().as_secs_f64();

    // Keys at moments that differ from the times at which the view changes.
    let mut times = Vec::new();
    for round in 0..10 {
        for (key, shown) in [
            ("1", ">Agents"),
            ("2", ">Tasks"),
            ("s", "by STATE↑"),
            ("r", "by STATE↓"),
        ] {
            // sleep: keys arrive at any moment of the view's period
            tokio::time::sleep(Duration::from_millis(37 * (round % 3))).await;
            let pressed = Instant::now();
            top.press(key);
            top.shows(shown);
            times.push(pressed.elapsed());
        }
        // Back to the first column.
        top.press("sssssss");
        top.shows("by TASK");
    }
    times.sort();
    let (median, longest) = (times[times.len() / 2], times[times.len() - 1]);
    println!(
        "{agents} agents, {tasks} tasks, {UPDATES} updates/s: shown after {start:.1?}; memory \
         {:.0} MiB, at most {:.0} MiB; {:.0} % of a processor; from a key to the screen {median:.0?}, \
         at most {longest:.0?}",
        memory(pid, "VmRSS"),
        memory(pid, "VmHWM"),
        share * 100.0
    );
    assert!(longest < Duration::from_secs(5), "{longest:?}");
    top.press("q");
    assert_eq!(top.ends(), 0);
}
