//! Files that cannot be read.

use mesos_framework::{Format, Manifest};

fn error(text: &str, format: Format) -> String {
    Manifest::parse(text, format).unwrap_err().to_string()
}

#[test]
fn an_unknown_key_is_an_error_with_its_place_and_a_near_name() {
    let yaml = "jobs:\n- name: a\n  task:\n    comand: ls\n";
    let text = error(yaml, Format::Yaml);
    assert_eq!(
        text,
        "line 4, column 5: unknown key \"comand\"; did you mean \"command\"?"
    );
    let toml = "[[jobs]]\nname = \"a\"\n[jobs.task]\ncomand = \"ls\"\n";
    let text = error(toml, Format::Toml);
    assert_eq!(
        text,
        "line 4, column 1: unknown key \"comand\"; did you mean \"command\"?"
    );
    let json = "{\"jobs\": [{\"name\": \"a\",\n \"task\": {\"comand\": \"ls\"}}]}";
    let text = error(json, Format::Json);
    let wanted = ": unknown key \"comand\"; did you mean \"command\"?";
    assert!(
        text.starts_with("line 2, column ") && text.ends_with(wanted),
        "{text}"
    );
}

/// Places in the same file: each row is a task, and what is wrong with it.
#[test]
fn a_value_that_cannot_be_read_is_an_error_with_its_place() {
    let rows = [
        ("kill_grace: 5", "expected a duration with a unit"),
        ("kill_grace: [5s]", "expected a duration with a unit"),
        ("kill_grace: 5 parsecs", "\"5 parsecs\" is not a duration"),
        ("kill_grace: -5s", "\"-5s\" is not a duration"),
        ("resources: cpus=1", "the resources \"cpus=1\" are invalid"),
        (
            "resources: {cpus: -1}",
            "the resource \"cpus:-1\" is invalid",
        ),
        ("resources: {cpus: .nan}", "non-finite float `.nan`"),
        ("resources: {cpus: .inf}", "non-finite float `.inf`"),
        ("resources: {cpus: [1]}", "expected an amount"),
        ("resources: 1", "expected resources"),
        ("command: 1", "expected a command"),
        ("command: {}", "expected a command"),
        (
            "image: {nam: x}",
            "unknown key \"nam\"; did you mean \"name\"?",
        ),
        (
            "image: {name: x, containerizer: moby}",
            "unknown value \"moby\"; use one of mesos, docker",
        ),
        ("ports: [{range: 10-1}]", "\"10-1\" is not a range of ports"),
        (
            "ports: [{range: 1-70000}]",
            "\"1-70000\" is not a range of ports",
        ),
        (
            "ports: [{number: 70000}]",
            "expected a whole number from 0 to 65535",
        ),
        ("ports: [8080]", "expected the name of a port"),
        (
            "check: {tcp: []}",
            "expected the name of a port or its number",
        ),
        ("env: [A]", "expected a map"),
        ("env: {A: [1]}", "expected a text, a number or a boolean"),
        ("env: {A: 1, A: 2}", "duplicate"),
        (
            "uris: [{url: x}]",
            "unknown key \"url\"; did you mean \"uri\"?",
        ),
        ("volumes: [{host: /a}]", "missing field `path`"),
        (
            "constraints: [{unik: hostname}]",
            "unknown value \"unik\"; ",
        ),
        (
            "constraints: [{unique: hostnam}]",
            "unknown value \"hostnam\"; did you mean \"hostname\"?",
        ),
        (
            "constraints: [{like: {field: hostname, pattern: '('}}]",
            "is not a regular expression",
        ),
        (
            "health_check: {failures: -1}",
            "expected a whole number from 0 to 4294967295",
        ),
    ];
    let mut failed = Vec::new();
    for (task, wrong) in rows {
        let yaml = format!("jobs:\n- name: a\n  task:\n    user: me\n    {task}\n");
        let text = error(&yaml, Format::Yaml);
        if !text.contains(wrong) || !text.starts_with("line 5, column ") {
            failed.push(format!("{task}: {text}"));
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn what_a_job_needs_is_an_error_if_it_is_missing() {
    let rows = [
        ("- task: {command: ls}", "missing field `name`"),
        ("- name: a", "the job \"a\" has neither a task nor a pod"),
        (
            "- {name: a, task: {command: ls}, pod: {tasks: []}}",
            "the job \"a\" has both a task and a pod",
        ),
        (
            "- {name: a, tasks: []}",
            "unknown key \"tasks\"; did you mean \"task\"?",
        ),
        ("- {name: a, pod: {}}", "missing field `tasks`"),
        (
            "- {name: a, instances: 2, task: {command: ls}}",
            "unknown key \"instances\"",
        ),
        ("- 5", "expected"),
    ];
    for (job, wrong) in rows {
        let text = error(&format!("jobs:\n{job}\n"), Format::Yaml);
        assert!(text.contains(wrong), "{job}: {text}");
        assert!(text.starts_with("line 2, column "), "{job}: {text}");
    }
}

#[test]
fn a_key_that_occurs_twice_is_an_error_in_every_format() {
    let json = r#"{"jobs": [{"name": "a", "task": {"env": {"A": "1", "A": "2"}}}]}"#;
    let text = error(json, Format::Json);
    assert!(text.contains("the key \"A\" occurs twice"), "{text}");
    let json = r#"{"jobs": [{"name": "a", "task": {"resources": {"cpus": 1, "cpus": 2}}}]}"#;
    let text = error(json, Format::Json);
    assert!(text.contains("the resource cpus is given twice"), "{text}");
    let json = r#"{"jobs": [], "jobs": []}"#;
    assert!(error(json, Format::Json).contains("duplicate"));
    assert!(error("jobs = []\njobs = []", Format::Toml).contains("duplicate"));
}

#[test]
fn a_number_that_does_not_fit_is_an_error_in_every_format() {
    let wanted = "expected a whole number from 0 to 4294967295";
    let toml = "[[services]]\nname = \"a\"\ninstances = -1\n";
    let json = r#"{"services": [{"name": "a", "instances": 4294967296}]}"#;
    for (text, format) in [(toml, Format::Toml), (json, Format::Json)] {
        let text = error(text, format);
        assert!(text.contains(wanted), "{text}");
    }
    let toml = "[[jobs]]\nname = \"a\"\ntask.resources = { cpus = nan }\n";
    let text = error(toml, Format::Toml);
    assert!(text.starts_with("line 3, "), "{text}");
    assert!(
        text.contains("the resource \"cpus:NaN\" is invalid"),
        "{text}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_an_error_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let missing = Manifest::read(path("jobs.yaml")).unwrap_err().to_string();
    assert!(
        missing.contains("jobs.yaml: cannot read the file: "),
        "{missing}"
    );
    let ending = Manifest::read(path("jobs.ini")).unwrap_err().to_string();
    assert!(ending.ends_with("use .yaml, .toml or .json"), "{ending}");
    std::fs::write(path("jobs.yml"), "jobs:\n- nam: x\n").unwrap();
    let wrong = Manifest::read(path("jobs.yml")).unwrap_err().to_string();
    assert!(
        wrong.ends_with("jobs.yml:2:3: unknown key \"nam\"; did you mean \"name\"?"),
        "{wrong}"
    );
}
