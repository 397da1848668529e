//! The configuration: files, options and variables.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::program::{Run, matches, mesos, run};

/// A home directory with a configuration file.
struct Home(TempDir);

impl Home {
    fn new(config: &str) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        home.write(".config/mesos/config.toml", config);
        home
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Run {
        let mut command = mesos(self.0.path());
        run(command.args(args).envs(variables.iter().copied()))
    }

    /// The address in use.
    #[track_caller]
    fn master(&self, args: &[&str], variables: &[(&str, &str)]) -> String {
        let args: Vec<_> = ["config", "show", "-o", "json"]
            .iter()
            .chain(args)
            .copied()
            .collect();
        let text = self.run(&args, variables).ok();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        json["settings"]["master"].as_str().unwrap().to_owned()
    }

    /// A text with the path of this home replaced.
    fn redact(&self, text: &str) -> String {
        text.replace(self.0.path().to_str().unwrap(), "[HOME]")
    }
}

const TWO: &str = r#"
cluster = "one"

# Kept by all changes.
[clusters.one]
master = "one:5050"
principal = "operator"
secret = "s3cret"

[clusters.two]
master = "two:5050"
"#;

#[test]
fn the_address_has_the_documented_order_of_sources() {
    let home = Home::new(TWO);
    home.write(".mesos/config.toml", "[master]\naddress = \"old:5050\"\n");
    let variables = [("MESOS_MASTER", "env:5050"), ("MESOS_CLUSTER", "two")];
    let option = ["--master", "option:5050"];
    let cluster = ["--cluster", "one"];
    assert_eq!(
        home.master(&[option, cluster].concat(), &variables),
        "option:5050"
    );
    assert_eq!(home.master(&option, &variables), "option:5050");
    assert_eq!(home.master(&cluster, &variables), "one:5050");
    assert_eq!(home.master(&[], &variables), "env:5050");
    assert_eq!(home.master(&[], &variables[1..]), "two:5050");
    assert_eq!(home.master(&[], &[]), "one:5050");
    home.write(".config/mesos/config.toml", "");
    assert_eq!(home.master(&[], &[]), "old:5050");
    let other = home.write("other.toml", "[master]\naddress = \"other:5050\"\n");
    let other = [("MESOS_CLI_CONFIG", other.to_str().unwrap())];
    assert_eq!(home.master(&[], &other), "other:5050");
}

#[test]
fn a_master_of_the_command_line_gets_no_secret_of_a_file() {
    let home = Home::new(TWO);
    let show = |args: &[&str]| home.run(&[&["config", "show"], args].concat(), &[]).ok();
    assert!(show(&[]).contains("operator"));
    assert!(!show(&["--master", "other:5050"]).contains("operator"));
    let both = ["--master", "other:5050", "--cluster", "one"];
    assert!(show(&both).contains("operator"));
    assert!(!show(&both).contains("s3cret"));
}

#[test]
fn the_file_of_mesos_own_program_is_read() {
    let home = Home::new("");
    home.write(
        ".mesos/config.toml",
        "plugins = []\n[master]\nprincipal = \"me\"\nsecret = \"x\"\n[master.zookeeper]\n\
         addresses = [\"zk1:2181\", \"zk2:2181\"]\npath = \"/mesos\"\n\
         [agent]\nssl = true\nssl_verify = false\ntimeout = 5\n",
    );
    let text = home.run(&["config", "show"], &[]).ok();
    matches("config_of_mesos", &home.redact(&text));
}

#[test]
fn clusters_are_added_selected_and_removed() {
    let home = Home::new(TWO);
    let run = |args: &[&str]| home.run(&[&["config"], args].concat(), &[]).ok();
    matches("config_list", &run(&["list"]));
    assert_eq!(run(&["use", "two"]), "cluster two is the current cluster\n");
    assert_eq!(
        run(&[
            "set",
            "three",
            "--master",
            "three:5050",
            "--insecure",
            "true"
        ]),
        "cluster three is saved\n"
    );
    assert_eq!(
        run(&["set", "one", "--principal", "admin"]),
        "cluster one is saved\n"
    );
    assert_eq!(run(&["remove", "two"]), "cluster two is removed\n");
    let text = std::fs::read_to_string(home.0.path().join(".config/mesos/config.toml")).unwrap();
    matches("config_file", &text);
}

#[test]
fn a_new_file_is_readable_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let args = ["config", "set", "one", "--master", "one:5050"];
    run(mesos(home.path()).args(args)).ok();
    let file = home.path().join(".config/mesos/config.toml");
    let mode = std::fs::metadata(file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = run(mesos(home.path()).args(["config", "list"])).ok();
    assert!(text.contains("*        one"), "{text}");
}

#[test]
fn a_wrong_configuration_is_an_error_with_its_place() {
    let home = Home::new(TWO);
    let mut cases = vec![
        (
            "unknown_cluster",
            home.run(&["status", "--cluster", "oen"], &[]).failed(3),
        ),
        (
            "new_without_master",
            home.run(&["config", "set", "new"], &[]).failed(2),
        ),
    ];
    home.write(
        ".config/mesos/config.toml",
        "[clusters.one]\nmastr = \"x\"\n",
    );
    cases.push(("unknown_key", home.run(&["status"], &[]).failed(2)));
    home.write(
        ".config/mesos/config.toml",
        "[clusters.one]\nprincipal = \"x\"\n",
    );
    cases.push((
        "no_master_key",
        home.run(&["status", "--cluster", "one"], &[]).failed(2),
    ));
    cases.push(("no_master", home.run(&["status"], &[]).failed(2)));
    let variables = [("MESOS_MASTER", "m:1"), ("MESOS_PRINCIPAL", "me")];
    cases.push(("no_secret", home.run(&["status"], &variables).failed(2)));
    let variables = [
        ("MESOS_MASTER", "m:1"),
        ("MESOS_TOKEN_FILE", "/nonexistent/t"),
    ];
    cases.push(("no_token_file", home.run(&["status"], &variables).failed(2)));
    for (name, text) in cases {
        matches(&format!("config_error_{name}"), &home.redact(&text));
    }
}

#[test]
fn no_home_directory_is_not_a_problem_for_a_master_of_the_command_line() {
    let mut command = mesos(Path::new("relative"));
    let args = ["config", "show", "--master", "one:5050", "-o", "name"];
    assert_eq!(run(command.args(args)).ok(), "--master\n");
}
