//! The view of a made-up cluster, as text.

mod keys;
mod screens;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use mesos::resources::Resources;
use mesos::v1::master::response::get_agents::Agent;
use mesos::v1::master::response::get_frameworks::Framework;
use mesos::v1::{
    AgentInfo, FrameworkInfo, Resource, Role, Task, TaskState, TaskStatus, TaskStatus as Status,
};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::app::{App, Connection, Effect};
use super::draw::draw;
use super::model::{Model, Objects};
use super::theme::Theme;

/// The time of all pictures, in seconds since 1970.
const NOW: u64 = 1_800_000_000;

pub(super) fn resources(text: &str) -> Vec<Resource> {
    let resources: Resources = text.parse().unwrap();
    resources.into_iter().collect()
}

pub(super) fn agent(id: &str, host: &str, total: &str, used: &str, offered: &str) -> Arc<Agent> {
    Arc::new(Agent {
        agent_info: AgentInfo {
            id: Some(id.into()),
            hostname: host.to_owned(),
            ..Default::default()
        },
        active: true,
        total_resources: resources(total),
        allocated_resources: resources(used),
        offered_resources: resources(offered),
        ..Default::default()
    })
}

/// A task that has been in its state for `age` seconds.
pub(super) fn task(id: &str, agent: &str, amounts: &str, state: TaskState, age: u64) -> Arc<Task> {
    let status: Status = TaskStatus {
        timestamp: Some((NOW - age) as f64),
        ..TaskStatus::new(id, state)
    };
    Arc::new(Task {
        name: format!("name of {id}"),
        task_id: id.into(),
        framework_id: "f-0001".into(),
        agent_id: agent.into(),
        state: state.into(),
        resources: resources(amounts),
        statuses: vec![status],
        ..Default::default()
    })
}

/// Two agents and one that has not returned, three tasks, a framework and a role.
pub(super) fn cluster() -> Objects {
    let framework = Framework {
        framework_info: FrameworkInfo {
            id: Some("f-0001".into()),
            name: "web".to_owned(),
            user: "www".to_owned(),
            roles: vec!["prod".to_owned()],
            ..Default::default()
        },
        active: true,
        connected: true,
        allocated_resources: resources("cpus:6;mem:3072"),
        ..Default::default()
    };
    let recovered = AgentInfo {
        id: Some("a-S2".into()),
        hostname: "gamma".to_owned(),
        ..Default::default()
    };
    let role = Role {
        name: "prod".to_owned(),
        weight: 2.0,
        frameworks: vec!["f-0001".into()],
        resources: resources("cpus:8;mem:4096"),
    };
    Objects {
        agents: vec![
            agent(
                "a-S0",
                "alpha",
                "cpus:8;mem:8192;disk:10240;gpus:2",
                "cpus:5;mem:2048",
                "cpus:2;mem:1024",
            ),
            agent(
                "a-S1",
                "beta",
                "cpus:4;mem:4096;disk:10240",
                "cpus:4;mem:1024",
                "",
            ),
        ],
        recovered: vec![Arc::new(recovered)],
        frameworks: vec![Arc::new(framework)],
        tasks: vec![
            task(
                "web-2",
                "a-S0",
                "cpus:4;mem:1024",
                TaskState::TaskRunning,
                30,
            ),
            task(
                "web-1",
                "a-S0",
                "cpus:1;mem:1024",
                TaskState::TaskStaging,
                2,
            ),
            task(
                "db-1",
                "a-S1",
                "cpus:4;mem:1024",
                TaskState::TaskRunning,
                7200,
            ),
        ],
        roles: vec![Arc::new(role)],
    }
}

/// The view of the cluster.
pub(super) fn app() -> App {
    let mut app = App::new("zk://zk:2181/mesos".to_owned());
    app.connection = Connection::Connected;
    app.replace(Model::new(&cluster()));
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW - 1);
    app.event(
        now,
        "SUBSCRIBED",
        "agents=2 frameworks=1 tasks=3".to_owned(),
    );
    app.event(
        now,
        "TASK_ADDED",
        "task=web-1 state=TASK_STAGING".to_owned(),
    );
    app
}

/// What the screen shows.
pub(super) fn screen(app: &mut App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW);
    terminal
        .draw(|frame| draw(frame, app, Theme::new(false), now))
        .unwrap();
    terminal.backend().to_string()
}

/// Presses the keys of a text.
pub(super) fn press(app: &mut App, text: &str) -> Vec<Effect> {
    let key = |character| {
        let code = match character {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\x1b' => KeyCode::Esc,
            other => KeyCode::Char(other),
        };
        KeyEvent::new(code, KeyModifiers::NONE)
    };
    text.chars()
        .map(|character| app.key(key(character)))
        .collect()
}

pub(super) fn press_control(app: &mut App, character: char) -> Effect {
    app.key(KeyEvent::new(
        KeyCode::Char(character),
        KeyModifiers::CONTROL,
    ))
}
