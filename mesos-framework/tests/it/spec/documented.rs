//! The page about files, docs/jobs.md.

use std::collections::{BTreeMap, BTreeSet};

use mesos_core::Framework;
use mesos_core::lint::Linter;
use mesos_framework::{
    CheckSpec, ExecutorSpec, FileSpec, Format, HttpCheck, ImageSpec, JobSpec, Manifest,
    NetworkSpec, PodSpec, PortSpec, RestartPolicy, RetryPolicy, ServiceSpec, TaskSpec,
    UpdatePolicy, UriSpec, VolumeSpec,
};
use mesos_placement::{Constraint, Field};

use super::keys::keys;

const PAGE: &str = include_str!("../../../../docs/jobs.md");

/// The code blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let parts = PAGE.split("```").skip(1).step_by(2);
    let blocks = parts.filter_map(|part| part.strip_prefix(language));
    blocks.filter(|block| block.starts_with('\n')).collect()
}

#[test]
fn every_example_is_valid() {
    let framework = Framework::ephemeral("docs");
    let linter = Linter::new().framework(framework.info());
    let formats = [
        ("yaml", Format::Yaml),
        ("toml", Format::Toml),
        ("json", Format::Json),
    ];
    for (language, format) in formats {
        let examples = blocks(language);
        assert!(!examples.is_empty(), "{language}");
        for example in examples {
            let manifest = Manifest::parse(example, format);
            let manifest = manifest.unwrap_or_else(|error| panic!("{error}\n{example}"));
            let warnings = manifest
                .validate(&linter)
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(warnings, [], "{example}");
        }
    }
}

#[test]
fn the_example_is_the_same_service_in_all_formats() {
    let parse = |language, format| {
        Manifest::parse(blocks(language)[0], format)
            .unwrap()
            .services
    };
    let yaml = parse("yaml", Format::Yaml);
    assert_eq!(yaml.len(), 1);
    assert_eq!(parse("toml", Format::Toml), yaml);
    assert_eq!(parse("json", Format::Json), yaml);
}

/// The keys of the table below each heading.
fn tables() -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut tables: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut heading = "";
    for line in PAGE.lines() {
        if let Some(text) = line.strip_prefix("## ") {
            heading = text;
        }
        if let Some((key, _)) = line.strip_prefix("| `").and_then(|row| row.split_once('`')) {
            let is_new = tables.entry(heading).or_default().insert(key.to_owned());
            assert!(is_new, "{heading}: {key}");
        }
    }
    tables
}

#[test]
fn every_table_has_exactly_the_keys_that_are_accepted() {
    let accepted = BTreeMap::from([
        ("The file", keys::<Manifest>()),
        ("A job", keys::<JobSpec>()),
        ("Retries of a job", keys::<RetryPolicy>()),
        ("A service", keys::<ServiceSpec>()),
        ("Restarts of a service", keys::<RestartPolicy>()),
        ("Updates of a service", keys::<UpdatePolicy>()),
        ("A task", keys::<TaskSpec>()),
        ("A pod", keys::<PodSpec>()),
        ("An executor", keys::<ExecutorSpec>()),
        ("An image", keys::<ImageSpec>()),
        ("A URI", keys::<UriSpec>()),
        ("A file", keys::<FileSpec>()),
        ("A port", keys::<PortSpec>()),
        ("A volume", keys::<VolumeSpec>()),
        ("A network", keys::<NetworkSpec>()),
        ("A check", keys::<CheckSpec>()),
        ("An HTTP check", keys::<HttpCheck>()),
    ]);
    assert_eq!(tables(), accepted);
}

/// The names that an enum of the placement accepts, from the error about an unknown one.
fn variants<T: serde::de::DeserializeOwned + std::fmt::Debug>() -> BTreeSet<String> {
    let error = serde_json::from_str::<T>(r#""\n""#)
        .unwrap_err()
        .to_string();
    let (_, names) = error.split_once("expected ").unwrap();
    names
        .split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_page_shows_every_constraint_and_every_field() {
    for name in variants::<Constraint>() {
        let shown = [
            format!("- {name}: "),
            format!("- {name}\n"),
            format!("{{{name}: "),
        ];
        assert!(shown.iter().any(|shown| PAGE.contains(shown)), "{name}");
    }
    for name in variants::<Field>() {
        let shown = [format!("`{name}`"), format!("`{{{name}: NAME}}`")];
        assert!(shown.iter().any(|shown| PAGE.contains(shown)), "{name}");
    }
}

/// The defaults that a table states as a duration or a number.
#[test]
fn the_defaults_of_the_tables_are_those_of_the_builders() {
    let manifest = "jobs: [{name: a, task: {command: ls}}]\n\
                    services: [{name: b, task: {command: ls}}]";
    let manifest = super::yaml(manifest);
    let (job, service) = (&manifest.jobs[0], &manifest.services[0]);
    let json = |value| match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    let checked = [
        ("Retries of a job", serde_json::to_value(&job.retry)),
        (
            "Restarts of a service",
            serde_json::to_value(&service.restart),
        ),
        (
            "Updates of a service",
            serde_json::to_value(&service.update),
        ),
        ("A service", serde_json::to_value(service)),
        ("A task", serde_json::to_value(TaskSpec::new("a"))),
        ("A pod", serde_json::to_value(PodSpec::new("a", []))),
        (
            "An executor",
            serde_json::to_value(ExecutorSpec::new("a", "b")),
        ),
    ];
    let mut compared = 0;
    for (heading, value) in checked {
        let section = PAGE
            .split("\n## ")
            .find(|section| section.starts_with(heading))
            .unwrap();
        let value = value.unwrap();
        for row in section.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let key = cells[0].trim_matches('`');
            let written = cells[2].trim_matches('`').trim_end_matches(" |");
            let Some(real) = value.get(key).filter(|real| !real.is_object()) else {
                continue;
            };
            let real = json(real.clone());
            let is_default = written.chars().next().is_some_and(|c| c.is_ascii_digit())
                || ["true", "false", "rolling", "pause"].contains(&written)
                || written.starts_with("cpus:");
            if is_default {
                let real = real.replace("; ", ";").replace(".0", "");
                assert_eq!(real, written, "{heading}: {key}");
                compared += 1;
            }
        }
    }
    // 5 of retries, 5 of restarts, 6 of updates, 2 of services, and 3 kinds of resources.
    assert_eq!(compared, 21);
}
