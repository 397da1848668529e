//! Every key of a file.

use std::collections::BTreeSet;

use mesos_core::Framework;
use mesos_core::lint::{Linter, Severity};
use mesos_framework::{
    CheckSpec, ExecutorSpec, FileSpec, Format, HttpCheck, ImageSpec, JobSpec, Manifest,
    NetworkSpec, PodSpec, PortSpec, RestartPolicy, RetryPolicy, ServiceSpec, TaskSpec,
    UpdatePolicy, UriSpec, VolumeSpec,
};
use serde::de::DeserializeOwned;

use super::everything::{YAML, job, services, with_executor};
use super::yaml;

#[test]
fn every_key_of_a_file_is_a_method_of_a_builder() {
    let manifest = yaml(YAML);
    assert_eq!(manifest.jobs, [job(), with_executor()]);
    assert_eq!(manifest.services, services());
}

/// The keys of a type, from the error about an unknown key.
pub(crate) fn keys<T: DeserializeOwned + std::fmt::Debug>() -> BTreeSet<String> {
    let error = serde_json::from_str::<T>(r#"{"\n": 1}"#).unwrap_err();
    let error = error.to_string();
    let (_, names) = error.split_once("expected ").unwrap();
    let quoted = names.split('`').skip(1).step_by(2);
    quoted.map(str::to_owned).collect()
}

pub(crate) fn all_keys() -> BTreeSet<String> {
    [
        keys::<Manifest>(),
        keys::<JobSpec>(),
        keys::<ServiceSpec>(),
        keys::<TaskSpec>(),
        keys::<PodSpec>(),
        keys::<ExecutorSpec>(),
        keys::<ImageSpec>(),
        keys::<UriSpec>(),
        keys::<FileSpec>(),
        keys::<PortSpec>(),
        keys::<VolumeSpec>(),
        keys::<NetworkSpec>(),
        keys::<CheckSpec>(),
        keys::<HttpCheck>(),
        keys::<RetryPolicy>(),
        keys::<RestartPolicy>(),
        keys::<UpdatePolicy>(),
    ]
    .concat()
}

trait Concat {
    fn concat(self) -> BTreeSet<String>;
}

impl<const N: usize> Concat for [BTreeSet<String>; N] {
    fn concat(self) -> BTreeSet<String> {
        self.into_iter().flatten().collect()
    }
}

#[test]
fn the_test_file_uses_every_key() {
    let missing: Vec<String> = all_keys()
        .into_iter()
        .filter(|key| !YAML.contains(&format!("{key}:")))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_three_formats_mean_the_same() {
    let manifest = yaml(YAML);
    let json = serde_json::to_string(&manifest).unwrap();
    assert_eq!(Manifest::parse(&json, Format::Json).unwrap(), manifest);
    let toml = toml::to_string(&manifest).unwrap();
    assert_eq!(Manifest::parse(&toml, Format::Toml).unwrap(), manifest);
    let written = serde_saphyr::to_string(&manifest).unwrap();
    assert_eq!(yaml(&written), manifest);
}

#[test]
fn defaults_are_not_written() {
    let manifest = yaml("jobs: [{name: a, task: {command: 'true'}}]");
    let json = serde_json::to_string(&manifest).unwrap();
    let task = r#"{"name":"a","command":"true","resources":"cpus:0.1; mem:32"}"#;
    assert_eq!(
        json,
        format!(r#"{{"jobs":[{{"name":"a","task":{task}}}]}}"#)
    );
}

#[test]
fn a_file_with_every_key_has_no_errors() {
    let framework = Framework::ephemeral("test").role("web").role("*");
    let manifest = yaml(YAML);
    // Docker containers cannot have the volumes of the Mesos containerizer, but Mesos reports that
    // only when it starts one.
    let linter = Linter::new().framework(framework.info());
    let lints = manifest.lint(&linter);
    let errors = lints.iter().filter(|lint| lint.severity == Severity::Error);
    assert_eq!(
        errors.collect::<Vec<_>>(),
        Vec::<&mesos_core::lint::Lint>::new()
    );
    manifest.validate(&linter).unwrap();
}
