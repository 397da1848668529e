//! Tests that need their own process: this test starts itself as a program.

#![allow(clippy::unwrap_used)]

#[cfg(unix)]
#[path = "program/journal.rs"]
mod journal;
#[cfg(unix)]
#[path = "program/pause.rs"]
mod pause;
#[cfg(target_os = "linux")]
#[path = "program/store.rs"]
mod store;

#[cfg(unix)]
fn main() {
    match std::env::var("PROGRAM").as_deref() {
        Ok("journal") => journal::program(),
        Ok("pause") => pause::program(),
        #[cfg(target_os = "linux")]
        Ok("store") => store::program(),
        Ok("token") => program::token(),
        Ok("hang") => program::hang(),
        _ => {
            the_token_is_erased_from_the_environment_but_the_executor_has_it();
            a_blocked_executor_kills_its_process_group_after_the_grace_period();
            journal::tests();
            pause::tests();
            #[cfg(target_os = "linux")]
            store::tests();
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
            .args(["argument", "--with a space"])
            .env("PROGRAM", program)
            .env("MESOS_FRAMEWORK_ID", "f")
            .env("MESOS_EXECUTOR_ID", "e")
            .env("MESOS_SLAVE_PID", "slave(1)@127.0.0.1:5051")
            .envs(variables.iter().copied())
            // The program kills its process group, which must not be the group of this process.
            .process_group(0)
            .output()
            .unwrap()
    }

    pub(super) fn the_token_is_erased_from_the_environment_but_the_executor_has_it() {
        let output = start(
            "token",
            &[("MESOS_EXECUTOR_AUTHENTICATION_TOKEN", "s3cret")],
        );
        let printed = String::from_utf8(output.stdout).unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{printed}{errors}");
        assert_eq!(
            printed,
            "known: true\n[\"argument\", \"--with a space\"]\nshown: false false false\n\
             variables of the token: 0\ndescriptor in a child: false\n"
        );
        let none = start("token", &[]);
        let printed = String::from_utf8(none.stdout).unwrap();
        assert!(printed.starts_with("known: false"), "{printed}");
    }

    pub(super) fn a_blocked_executor_kills_its_process_group_after_the_grace_period() {
        let before = Instant::now();
        let output = start("hang", &[("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "300ms")]);
        // The child process has the same output, so `start` returns only after both have ended.
        assert_eq!(output.status.signal(), Some(9), "{output:?}");
        assert!(before.elapsed() >= Duration::from_millis(300));
        let printed = String::from_utf8(output.stderr).unwrap();
        assert_eq!(
            printed,
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

    /// Prints whether the program has its token, and whether others can see it.
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
        let is_left = |(name, _): &(String, String)| name.contains("TOKEN");
        println!(
            "variables of the token: {}",
            std::env::vars().filter(is_left).count()
        );
        let list = Command::new("ls").args(["-l", "/proc/self/fd"]).output();
        let list = String::from_utf8(list.unwrap().stdout).unwrap();
        println!("descriptor in a child: {}", list.contains("token"));
    }

    /// An executor that blocks its only thread in `shutdown`, and has a child process.
    pub(super) fn hang() {
        let environment = ExecutorEnvironment::from_env_scrubbed().unwrap();
        let mut child = Command::new("sleep").arg("1000").spawn().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build();
        let run = ExecutorDriver::run(Blocked, environment, Agent);
        runtime.unwrap().block_on(run).unwrap();
        child.wait().unwrap();
    }

    struct Blocked;

    #[async_trait]
    impl Executor for Blocked {
        async fn launch(&mut self, _: &ExecutorDriver, _: TaskInfo) -> HandlerResult {
            Ok(())
        }

        async fn shutdown(&mut self, _: &ExecutorDriver) -> HandlerResult {
            // sleep: simulates a blocked handler
            std::thread::sleep(Duration::from_secs(1000));
            Ok(())
        }
    }

    /// An agent that sends SHUTDOWN.
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
            Ok(Subscription::new(
                Self,
                std::sync::Arc::new(Self),
                "agent".to_owned(),
            ))
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
