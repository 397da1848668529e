//! What is written is read back unchanged.

use std::time::Duration;

use mesos_core::lint::Linter;
use mesos_framework::{
    CheckSpec, Command, FileSpec, Format, JobSpec, Manifest, PodSpec, PortSpec, RestartPolicy,
    RetryPolicy, ServiceSpec, TaskSpec, UriSpec, VolumeSpec,
};
use mesos_placement::{Constraint, Field};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;

use super::everything::YAML;

fn time() -> impl Strategy<Value = Duration> {
    prop_oneof![
        any::<u64>().prop_map(Duration::from_nanos),
        (0u64..1 << 40).prop_map(Duration::from_secs),
    ]
}

fn check() -> impl Strategy<Value = CheckSpec> {
    let kind = prop_oneof![
        (any::<u16>(), ".*").prop_map(|(port, path)| CheckSpec::http(port, path)),
        ".*".prop_map(|port| CheckSpec::tcp(&*port)),
        ".*".prop_map(CheckSpec::command),
    ];
    (kind, time(), any::<u32>(), any::<bool>()).prop_map(|(check, time, failures, tls)| {
        let check = check.delay(time).interval(time).timeout(time).grace(time);
        check.failures(failures).tls(tls)
    })
}

prop_compose! {
    fn task()(
        name in any::<String>(),
        command in of(prop_oneof![
            any::<String>().prop_map(Command::Shell),
            vec(any::<String>(), 0..3).prop_map(Command::Argv),
        ]),
        texts in vec((any::<String>(), any::<String>()), 0..3),
        cpus in 0.001..1e6,
        ports in vec((of(any::<String>()), of(any::<u16>()), of((1u16..9, 9u16..))), 0..3),
        check in of(check()),
        health in of(check()),
        times in (of(time()), of(time())),
        flags in any::<(bool, bool, bool)>(),
        field in prop_oneof![Just(Field::Hostname), ".*".prop_map(Field::Attribute)],
    ) -> TaskSpec {
        let mut task = TaskSpec::new(name).cpus(cpus).mem(32.0);
        task.command = command;
        for (key, value) in &texts {
            let uri = UriSpec::new(value).extract(flags.0).executable(flags.1).cache(flags.2);
            let volume = VolumeSpec::host(key, value);
            task = task
                .env(key, value)
                .label(key, value)
                .file(key, FileSpec::new(value).executable(flags.0))
                .uri(uri.output(key))
                .volume(if flags.1 { volume.read_only() } else { volume })
                .image(&**value)
                .user(key)
                .role(value)
                .data(key)
                .constraint(Constraint::is(field.clone(), value));
        }
        for (name, number, range) in ports {
            let mut port = PortSpec::any();
            port.name = name;
            port.number = number;
            port.range = range.map(|(start, end)| start..=end);
            task = task.port(port);
        }
        task.check = check;
        task.health_check = health;
        (task.kill_grace, task.max_completion_time) = times;
        task
    }
}

prop_compose! {
    fn manifest()(
        tasks in vec(task(), 1..3),
        name in ".+",
        numbers in any::<(u32, u32, i32)>(),
        time in time(),
        factor in any::<f64>().prop_filter("not in JSON", |factor| factor.is_finite()),
        after in vec(any::<String>(), 0..2),
    ) -> Manifest {
        let retry = RetryPolicy::attempts(numbers.0).first_delay(time).factor(factor);
        let job = JobSpec::new(tasks[0].clone()).name(&name).retry(retry).timeout(time);
        let job = after.into_iter().fold(job.priority(numbers.2), JobSpec::after);
        let restart = RestartPolicy::default().stable_after(time).factor(factor);
        let service = ServiceSpec::new(PodSpec::new(&name, tasks)).instances(numbers.1);
        let mut manifest = Manifest::default();
        manifest.jobs.push(job);
        manifest.services.push(service.restart(restart).unreachable_after(time));
        // A task without a name has the name of its job.
        let json = serde_json::to_string(&manifest).unwrap();
        serde_json::from_str(&json).unwrap()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_manifest_is_read_as_it_was_written(manifest in manifest()) {
        let json = serde_json::to_string(&manifest).unwrap();
        prop_assert_eq!(&Manifest::parse(&json, Format::Json).unwrap(), &manifest);
        let toml = toml::to_string(&manifest).unwrap();
        prop_assert_eq!(&Manifest::parse(&toml, Format::Toml).unwrap(), &manifest, "{}", toml);
        let yaml = serde_saphyr::to_string(&manifest).unwrap();
        let read = Manifest::parse(&yaml, Format::Yaml);
        prop_assert_eq!(read.as_ref(), Ok(&manifest), "{}", yaml);
    }

    /// A file with a few changed characters, and any text.
    #[test]
    fn every_text_is_a_manifest_or_an_error(
        changes in vec((any::<prop::sample::Index>(), 0..20_usize, "\\PC{0,3}"), 1..4),
        text in any::<String>(),
    ) {
        let mut characters: Vec<char> = YAML.chars().collect();
        for (place, removed, inserted) in changes {
            let start = place.index(characters.len());
            let end = (start + removed).min(characters.len());
            characters.splice(start..end, inserted.chars());
        }
        let changed = String::from_iter(characters);
        for text in [&changed, &text] {
            for format in [Format::Yaml, Format::Toml, Format::Json] {
                match Manifest::parse(text, format) {
                    Ok(manifest) => drop(manifest.lint(&Linter::new())),
                    Err(error) => prop_assert!(!error.to_string().is_empty()),
                }
            }
        }
    }

    #[test]
    fn a_job_in_the_state_is_the_job_that_was_submitted(task in task()) {
        let mut task = task;
        if task.name.is_empty() {
            task.name = "a".to_owned();
        }
        let job = JobSpec::new(task);
        let json = serde_json::to_vec(&job).unwrap();
        prop_assert_eq!(serde_json::from_slice::<JobSpec>(&json).unwrap(), job);
    }
}
