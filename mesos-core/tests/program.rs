//! What concerns the whole process: this test starts itself as a program.

#![allow(clippy::unwrap_used)]

#[cfg(unix)]
fn main() {
    match std::env::var("PROGRAM").as_deref() {
        Ok("token") => program::token(),
        Ok("hang") => program::hang(),
        _ => {
            the_token_is_erased_from_the_environment_and_known_to_the_executor();
            a_hung_executor_kills_its_process_group_when_its_grace_is_over();
            println!("ok");
        }
    }
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
use tests::*;

#[cfg(unix)]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::{Command, Output};
    use std::time::{Duration, Instant};

    fn start(program: &str, variables: &[(&str, &str)]) -> Output {
        Command::new(std::env::current_exe().unwrap())
            .args(["argument", "--with a blank"])
            .env("PROGRAM", program)
            .env("MESOS_FRAMEWORK_ID", "f")
            .env("MESOS_EXECUTOR_ID", "e")
            .env("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051")
            .envs(variables.iter().copied())
            // What kills a group must not kill ours.
            .process_group(0)
            .output()
            .unwrap()
    }

    pub(super) fn the_token_is_erased_from_the_environment_and_known_to_the_executor() {
        let output = start(
            "token",
            &[("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "s3cret")],
        );
        let said = String::from_utf8(output.stdout).unwrap();
        let failed = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}{failed}");
        assert_eq!(
            said,
            "known: true\n[\"argument\", \"--with a blank\"]\nshown: false false false\n"
        );
        let none = start("token", &[]);
        let said = String::from_utf8(none.stdout).unwrap();
        assert!(said.starts_with("known: false"), "{said}");
    }

    pub(super) fn a_hung_executor_kills_its_process_group_when_its_grace_is_over() {
        let before = Instant::now();
        let output = start("hang", &[("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "300ms")]);
        // Its output ends when its child, which has it too, is dead.
        assert_eq!(output.status.signal(), Some(9), "{output:?}");
        assert!(before.elapsed() >= Duration::from_millis(300));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            said,
            "mesos: the grace period of 300ms is over: killing this process group\n"
        );
    }
}

#[cfg(unix)]
mod program {
    use std::process::Command;
    use std::time::Duration;

    use async_trait::async_trait;
    use bytes::Bytes;
    use mesos_core::backend::{
        Answer, Backend, Calls, EventStream, ExecutorApi, Incoming, Subscription,
    };
    use mesos_core::executor::ExecutorEnvironment;
    use mesos_core::{Capabilities, Executor, ExecutorDriver, HandlerResult, Result};
    use mesos_proto::v1::TaskInfo;
    use mesos_proto::v1::executor::{Call, Event, event::Type};

    /// Says what it knows of its token, and what others can see of it.
    pub(super) fn token() {
        let environment = ExecutorEnvironment::from_env_scrubbed().unwrap();
        let token = environment.token.as_ref();
        println!(
            "known: {}",
            token.is_some_and(|token| token.secret() == "s3cret")
        );
        println!("{:?}", std::env::args().skip(1).collect::<Vec<_>>());
        let child = Command::new("env").output().unwrap().stdout;
        let own = std::fs::read("/proc/self/environ").unwrap();
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("s3cret");
        let debug = format!("{environment:?}").contains("s3cret");
        println!("shown: {} {} {debug}", shown(&child), shown(&own));
    }

    /// An executor that blocks its only thread when it should shut down, and
    /// has a child.
    pub(super) fn hang() {
        let environment = ExecutorEnvironment::from_env_scrubbed().unwrap();
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let run = ExecutorDriver::run(Hung, environment, Agent);
        runtime.unwrap().block_on(run).unwrap();
        child.wait().unwrap();
    }

    struct Hung;

    #[async_trait]
    impl Executor for Hung {
        async fn launch(&mut self, _: &ExecutorDriver, _: TaskInfo) -> HandlerResult {
            Ok(())
        }

        async fn shutdown(&mut self, _: &ExecutorDriver) -> HandlerResult {
            // sleep: it hangs
            std::thread::sleep(Duration::from_secs(1000));
            Ok(())
        }
    }

    /// An agent that says SHUTDOWN.
    #[derive(Debug)]
    struct Agent;

    #[async_trait]
    impl Backend<ExecutorApi> for Agent {
        fn name(&self) -> &'static str {
            "agent"
        }

        fn capabilities(&self) -> Capabilities {
            Capabilities::all()
        }

        async fn subscribe(&self, _: Call) -> Result<Subscription<ExecutorApi>> {
            Ok(Subscription {
                events: Box::new(Self),
                calls: std::sync::Arc::new(Self),
                peer: "agent".to_owned(),
            })
        }
    }

    #[async_trait]
    impl EventStream<ExecutorApi> for Agent {
        async fn next(&mut self) -> Result<Incoming<ExecutorApi>> {
            let event = Event {
                r#type: Some(Type::Shutdown.into()),
                ..Default::default()
            };
            Ok(Incoming::Event(Box::new(event), Bytes::new()))
        }
    }

    #[async_trait]
    impl Calls<ExecutorApi> for Agent {
        async fn send(&self, _: Call) -> Result<Answer> {
            Ok(Answer::ready(Ok(())))
        }
    }
}
