//! `mesos top` in a terminal, on a real Mesos.

use mesos_local::LocalCluster;
use mesos_local::testing::require_real;
use mesos_testing::FaultProxy;
use nix::sys::signal::Signal;

use crate::program::{User, cluster};
use crate::terminal::Terminal;

#[tokio::test(flavor = "multi_thread")]
async fn a_user_finds_a_task_reads_its_output_and_sees_its_end() {
    let cluster = LocalCluster::builder().agents(2).start().await;
    let Some(cluster) = require_real(cluster) else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let mut top = Terminal::start(&user, (40, 120), &[], &["top", "--master", &url]);
    top.shows("connected  2 agents, 0 tasks");
    let command = "for n in 1 2 3; do echo line $n; done; echo problem >&2; sleep 1000";
    let mut run = user.start(&["run", "--master", &url, "--name", "web", command]);
    run.prints("TASK_RUNNING").await;

    // Both arrive as events.
    let screen = top.shows("1 task,");
    assert!(screen.contains(">Tasks 1"), "{screen}");
    top.shows("running");
    let screen = top.shows("state=TASK_RUNNING");
    assert!(screen.contains("TASK_ADDED"), "{screen}");
    // The CPUs of the cluster, and of one agent.
    top.shows(" 0.1/8 ");
    top.shows(" 0.1/4 ");

    top.press("\r");
    top.shows(">stdout of web");
    top.shows("line 3");
    top.press("\t");
    top.shows(">stderr of web");
    let screen = top.shows("problem");
    assert!(!screen.contains("line 3"), "{screen}");
    top.press("q");
    top.shows(">Tasks 1");

    top.press("/nothing-like-it");
    top.shows("Tasks 0/1 /nothing-like-it");
    top.press("\x1b");
    top.hides("nothing-like-it");
    top.press("?");
    top.shows(">Keys");
    top.press("?");
    top.hides(">Keys");
    top.press("1ss");
    top.shows(">Agents 2  by MEM↓");
    top.press("2");

    top.resize(24, 20);
    // The bar is as long as the terminal permits.
    let screen = top.shows(" 0.1/8\n");
    assert!(screen.starts_with("connected  2 agents,\n"), "{screen}");
    assert!(screen.contains(">Tasks 1  by TASK"), "{screen}");
    top.resize(40, 120);
    top.shows("Enter:open");

    run.interrupt();
    assert_eq!(run.exit_code().await, Some(130));
    top.shows("state=TASK_KILLED");
    top.shows("0 tasks");
    top.press("q");
    assert_eq!(top.ends(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn colors_are_used_unless_no_color_is_set_and_control_c_quits() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let args = ["top", "--master", &url];
    for (variables, colored) in [(&[][..], true), (&[("NO_COLOR", "1")], false)] {
        let mut top = Terminal::start(&User::new(), (24, 80), variables, &args);
        top.shows("connected  1 agent");
        assert_eq!(top.is_colored(), colored);
        top.press("\x03");
        assert_eq!(top.ends(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_the_view_and_restores_the_terminal() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    for (signal, code) in [(Signal::SIGTERM, 143), (Signal::SIGINT, 130)] {
        let args = ["top", "--master", &url];
        let mut top = Terminal::start(&User::new(), (24, 80), &[], &args);
        top.shows("connected  1 agent");
        assert!(top.is_alternate());
        top.signal(signal);
        assert_eq!(top.ends(), code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_master_is_shown_until_the_next_master_answers() {
    let Some(first) = cluster().await else {
        return;
    };
    let second = LocalCluster::builder().agents(3).start().await.unwrap();
    let address = |cluster: &LocalCluster| ([127, 0, 0, 1], cluster.port()).into();
    let proxy = FaultProxy::start(address(&first)).await.unwrap();
    // The address has a path.
    let port = |number: u16| format!(":{number}");
    let url = first.master_url();
    let url = url.replace(&port(first.port()), &port(proxy.address().port()));
    let args = ["top", "--master", &url];
    let mut top = Terminal::start(&User::new(), (24, 100), &[], &args);
    top.shows("connected  1 agent,");
    proxy.refuse(true);
    first.stop().await.unwrap();
    proxy.cut();
    // The last known state.
    top.shows("reconnecting  1 agent,");
    top.shows("DISCONNECTED");
    proxy.set_target(address(&second));
    proxy.refuse(false);
    top.shows("connected  3 agents,");
    top.press("q");
    assert_eq!(top.ends(), 0);
}

#[tokio::test]
async fn an_output_that_is_not_a_terminal_is_an_error_with_the_alternatives() {
    let end = User::new()
        .outcome(&["top", "--master", "127.0.0.1:1"])
        .await;
    assert_eq!(end.code, Some(2), "{end:?}");
    assert!(end.stderr.contains("stdin is not a terminal"), "{end:?}");
    assert!(end.stderr.contains("mesos events"), "{end:?}");
    assert_eq!(end.stdout, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_is_an_error_on_the_usual_screen() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let args = ["top", "--master", &address];
    let mut top = Terminal::start(&User::new(), (24, 100), &[], &args);
    assert_eq!(top.ends(), 4);
    let screen = top.shows("error:");
    assert!(screen.contains(&address), "{screen}");
}
