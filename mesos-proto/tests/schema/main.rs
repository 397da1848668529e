//! Compares our .proto files with the descriptors in a real libmesos: every message, field and enum
//! value, in both directions. An element that only our files have must be marked `Since:
//! unreleased.`, and a marked element must not be in libmesos.

mod compare;
mod embedded;

use std::collections::BTreeMap;
use std::path::Path;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};

use compare::{differences, facts};

const FILES: [&str; 9] = [
    "mesos/v1/agent/agent.proto",
    "mesos/v1/allocator/allocator.proto",
    "mesos/v1/executor/executor.proto",
    "mesos/v1/maintenance/maintenance.proto",
    "mesos/v1/master/master.proto",
    "mesos/v1/mesos.proto",
    "mesos/v1/quota/quota.proto",
    "mesos/v1/resource_provider/resource_provider.proto",
    "mesos/v1/scheduler/scheduler.proto",
];

fn ours() -> BTreeMap<String, FileDescriptorProto> {
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let set = protox::compile(FILES.map(|file| include.join(file)), [&include])
        .expect("the schema compiles");
    let files = set
        .file
        .into_iter()
        .map(|file| (file.name().to_owned(), file));
    files
        .filter(|(name, _)| FILES.contains(&name.as_str()))
        .collect()
}

#[test]
fn the_schema_equals_the_one_in_libmesos() {
    let library = mesos_local::libmesos_blocking(mesos_local::DEFAULT_VERSION);
    let Some(library) = mesos_local::testing::require_real(library) else {
        return;
    };
    let bytes = std::fs::read(&library)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", library.display()));
    let theirs = embedded::descriptors(&bytes);

    let mut wrong = Vec::new();
    for (name, ours) in ours() {
        match theirs.get(&name) {
            Some(theirs) => wrong.extend(differences(&facts(&ours), &facts(theirs))),
            None => wrong.push(format!("{name} is not in {}", library.display())),
        }
    }
    assert!(
        wrong.is_empty(),
        "the schema differs from {}:\n{}",
        library.display(),
        wrong.join("\n")
    );
}

#[test]
fn descriptors_are_found_among_other_bytes() {
    let mut bytes = b"\x7fELF mesos/v1/mesos.proto\0 \x0a\x06.proto\0.proto".to_vec();
    let mut files = Vec::new();
    for file in ours().into_values() {
        let file = FileDescriptorProto {
            source_code_info: None,
            ..file
        };
        bytes.extend(file.encode_to_vec());
        bytes.extend(b"\0some text, and half a descriptor: \x0a\x07b.proto\x12");
        files.push(file);
    }
    let mut found = embedded::descriptors(&bytes);
    for file in files {
        assert_eq!(found.remove(file.name()), Some(file));
    }
}

fn mesos_proto() -> FileDescriptorProto {
    ours()
        .remove("mesos/v1/mesos.proto")
        .expect("is one of them")
}

/// The differences between a file and a changed copy, both without marks.
fn after(change: impl FnOnce(&mut FileDescriptorProto)) -> Vec<String> {
    let ours = FileDescriptorProto {
        source_code_info: None,
        ..mesos_proto()
    };
    let mut theirs = ours.clone();
    change(&mut theirs);
    differences(&facts(&ours), &facts(&theirs))
}

fn message<'a>(file: &'a mut FileDescriptorProto, name: &str) -> &'a mut DescriptorProto {
    file.message_type
        .iter_mut()
        .find(|message| message.name() == name)
        .expect("is there")
}

/// An optional double with the number 4 and a default.
fn timeout(file: &mut FileDescriptorProto) -> &mut FieldDescriptorProto {
    let mut fields = message(file, "FrameworkInfo").field.iter_mut();
    fields
        .find(|field| field.name() == "failover_timeout")
        .expect("is there")
}

#[test]
fn a_file_does_not_differ_from_itself() {
    assert_eq!(after(|_| ()), [""; 0]);
}

#[test]
fn every_change_of_a_field_is_a_difference() {
    let changes: [fn(&mut FileDescriptorProto); 6] = [
        |file| timeout(file).number = Some(99),
        |file| timeout(file).set_label(Label::Required),
        |file| timeout(file).set_type(Type::Float),
        |file| timeout(file).default_value = Some("1".to_owned()),
        |file| timeout(file).options.get_or_insert_default().deprecated = Some(true),
        |file| {
            message(file, "FrameworkInfo")
                .oneof_decl
                .push(Default::default());
            timeout(file).oneof_index = Some(0);
        },
    ];
    for (index, change) in changes.into_iter().enumerate() {
        let found = after(change);
        let expected = "mesos.v1.FrameworkInfo.failover_timeout: ours ";
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "change {index}: {found:?}"
        );
    }
}

#[test]
fn every_change_of_an_enum_value_is_a_difference() {
    let changes: [fn(&mut EnumValueDescriptorProto); 2] = [
        |value| value.number = Some(77),
        |value| value.options.get_or_insert_default().deprecated = Some(true),
    ];
    for change in changes {
        let found = after(|file| change(&mut file.enum_type[0].value[0]));
        assert!(
            found.len() == 1 && found[0].starts_with("mesos.v1.Status.DRIVER_NOT_STARTED: "),
            "{found:?}"
        );
    }
}

#[test]
fn an_element_of_only_one_side_is_a_difference() {
    let gone = after(|file| {
        file.message_type
            .retain(|message| message.name() != "Filters")
    });
    assert_eq!(
        gone,
        [
            "mesos.v1.Filters: ours only",
            "mesos.v1.Filters.refuse_seconds: ours only"
        ]
    );
    let new = after(|file| {
        let field = FieldDescriptorProto {
            name: Some("new".to_owned()),
            ..Default::default()
        };
        message(file, "Filters").field.push(field);
    });
    assert_eq!(new, ["mesos.v1.Filters.new: theirs only"]);
}

#[test]
fn another_order_is_a_difference() {
    let fields = after(|file| message(file, "ContainerID").field.reverse());
    assert_eq!(
        fields,
        ["order in mesos.v1.ContainerID: ours value parent, theirs parent value"]
    );
}

#[test]
fn only_elements_marked_as_unreleased_are_ours_only() {
    let ours = mesos_proto();
    let released = differences(&facts(&ours), &facts(&ours));
    let marked = "mesos.v1.CapabilityInfo.Capability.BPF";
    assert!(
        released.contains(&format!("{marked}: marked as unreleased, but released")),
        "{released:?}"
    );

    let mut theirs = ours.clone();
    message(&mut theirs, "CapabilityInfo").enum_type[0]
        .value
        .retain(|value| value.name() != "BPF");
    let unreleased = differences(&facts(&ours), &facts(&theirs));
    assert_eq!(unreleased.len(), released.len() - 1);
    assert!(
        !unreleased
            .iter()
            .any(|difference| difference.starts_with(marked)),
        "{unreleased:?}"
    );
}
