//! What `mesos service` refuses, and how it says so.

use crate::program::{Outcome, User, cluster};
use crate::service::file;

fn says(end: &Outcome, code: i32, texts: &[&str]) {
    assert_eq!(end.code, Some(code), "{end:?}");
    assert!(!end.stderr.contains("panicked"), "{end:?}");
    for text in texts {
        assert!(end.stderr.contains(text), "`{text}` is not in: {end:?}");
    }
}

#[tokio::test]
async fn commands_without_a_scheduler_say_how_to_start_one() {
    let user = User::new();
    for args in [
        &["list"][..],
        &["status"],
        &["inspect", "web"],
        &["scale", "web", "2"],
        &["pause", "web"],
        &["stop", "web", "--yes"],
        &["logs", "web"],
        &["down", "--yes"],
    ] {
        let end = user.outcome(&[&["service"], args].concat()).await;
        let texts = [
            "a scheduler of services is not running in ",
            "`mesos service run -f FILE`",
        ];
        says(&end, 4, &texts);
    }
}

#[tokio::test]
async fn a_file_without_services_is_refused_with_what_to_do() {
    let user = User::new();
    let at = |name: &str| {
        user.home()
            .join(name)
            .into_os_string()
            .into_string()
            .unwrap()
    };
    let write = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
    write(
        "jobs.yaml",
        "jobs: [{name: once, task: {command: 'true'}}]\n",
    );
    write("none.yaml", "services: []\n");
    write(
        "wrong.yaml",
        "services:\n- name: web\n  task:\n    comand: x\n",
    );
    write(
        "zero.yaml",
        "services: [{name: web, task: {command: x, resources: 'cpus:0'}}]\n",
    );
    for (name, texts) in [
        (
            "jobs.yaml",
            &["has the job \"once\", which ends", "`mesos run -f FILE`"][..],
        ),
        ("none.yaml", &["has no services"]),
        (
            "wrong.yaml",
            &["wrong.yaml:4:5: unknown key \"comand\"; did you mean \"command\"?"],
        ),
        ("missing.yaml", &["cannot read the file"]),
        ("zero.yaml", &["services[0]"]),
    ] {
        for command in ["run", "update"] {
            // Nothing is started, so that a master is not needed.
            let args = [
                "service",
                command,
                "-f",
                &at(name),
                "--master",
                "127.0.0.1:1",
            ];
            let end = user.outcome(&args).await;
            if command == "update" && name == "zero.yaml" {
                // The scheduler checks the content.
                says(&end, 4, &["is not running"]);
            } else {
                says(&end, 2, texts);
            }
        }
    }
    let end = user
        .outcome(&["service", "run", "-f", "-", "--detach"])
        .await;
    says(&end, 2, &["cannot read stdin"]);
    let end = user
        .outcome(&["service", "run", "--status", "web:80"])
        .await;
    says(&end, 2, &["--status", "expected a port"]);
    let long = format!("/tmp/{}", "x".repeat(120));
    let args = [
        "service",
        "run",
        "--state",
        &long,
        "--master",
        "127.0.0.1:1",
    ];
    let end = user.outcome(&args).await;
    says(
        &end,
        2,
        &["has more than 107 bytes", "--state with a shorter path"],
    );
    let _ = std::fs::remove_dir(&long);
}

#[tokio::test]
async fn a_new_scheduler_without_a_master_ends() {
    let user = User::new();
    let path = file(&user, "web", 1, "sleep 1");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    for options in [&[][..], &["--detach"]] {
        let args = ["service", "run", "-f", &path, "--master", &address];
        let end = user.outcome(&[&args[..], options].concat()).await;
        says(&end, 4, &[&address]);
    }
}

#[tokio::test]
async fn names_numbers_and_roles_that_do_not_exist_are_named() {
    let Some(cluster) = cluster().await else {
        return;
    };
    let url = cluster.master_url();
    let user = User::new();
    let path = file(&user, "web", 1, "exec sleep 1000");
    let mut run = user.start(&["service", "run", "--master", &url, "-f", &path]);
    run.prints("web: 1 of 1 ready; ready").await;
    for args in [
        &["inspect", "wbe"][..],
        &["scale", "wbe", "2"],
        &["stop", "web", "wbe", "--yes"],
        &["restart", "wbe"],
        &["logs", "wbe"],
    ] {
        let end = user.outcome(&[&["service"], args].concat()).await;
        says(
            &end,
            3,
            &["no service has the id or name \"wbe\"", "similar: web"],
        );
    }
    let end = user.outcome(&["service", "logs", "web", "-i", "7"]).await;
    says(
        &end,
        3,
        &["the service web has no instance 7", "the instances are 1"],
    );
    let end = user.outcome(&["service", "stop", "web"]).await;
    says(&end, 2, &["repeat the command with --yes"]);
    let end = user.outcome(&["service", "scale", "web", "-1"]).await;
    says(&end, 2, &["-1"]);
    let text = "services: [{name: db, task: {command: x, role: dev}}]\n";
    let path = user.home().join("dev.yaml");
    std::fs::write(&path, text).unwrap();
    let path = path.to_str().unwrap();
    let end = user.outcome(&["service", "update", "-f", path]).await;
    says(
        &end,
        2,
        &[
            "does not have the role \"dev\"",
            "mesos service run --role dev",
        ],
    );
    let text = "services: [{name: db, task: {command: x, resources: 'cpus:0'}}]\n";
    std::fs::write(path, text).unwrap();
    let end = user.outcome(&["service", "update", "-f", path]).await;
    says(&end, 2, &["services[0]"]);
    // The services did not change.
    let end = user.outcome(&["service", "list", "-o", "name"]).await;
    assert_eq!(end.stdout, "web\n", "{end:?}");
    let end = user.outcome(&["service", "down", "--yes"]).await;
    assert_eq!(end.code, Some(0), "{end:?}");
}
