//! Flattens a .proto file into facts by full name, and compares two such files.

use std::collections::{BTreeMap, HashSet};

use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
};

/// The field numbers of descriptor.proto in the path from a file to a commented element.
const MESSAGES_OF_FILE: i32 = 4;
const ENUMS_OF_FILE: i32 = 5;
const FIELDS: i32 = 2;
const NESTED: i32 = 3;
const ENUMS: i32 = 4;
const VALUES: i32 = 2;

/// The mark in our .proto files for elements that are not in any release.
const UNRELEASED: &str = "Since: unreleased.";

/// The properties of a message, field, enum or value.
pub(crate) struct Fact {
    what: String,
    unreleased: bool,
}

#[derive(Default)]
pub(crate) struct Facts {
    by_name: BTreeMap<String, Fact>,
    /// The fields of each message and the values of each enum in the order of their declaration.
    /// The order decides the order in JSON and the default of an enum.
    order: BTreeMap<String, Vec<String>>,
    marked: HashSet<Vec<i32>>,
}

/// All facts about `file`.
pub(crate) fn facts(file: &FileDescriptorProto) -> Facts {
    let locations = file.source_code_info.iter().flat_map(|info| &info.location);
    let marked = locations.filter(|location| location.leading_comments().contains(UNRELEASED));
    let mut facts = Facts {
        marked: marked.map(|location| location.path.clone()).collect(),
        ..Facts::default()
    };
    for (index, message) in (0..).zip(&file.message_type) {
        facts.message(file.package(), message, &[MESSAGES_OF_FILE, index]);
    }
    for (index, item) in (0..).zip(&file.enum_type) {
        facts.enumeration(file.package(), item, &[ENUMS_OF_FILE, index]);
    }
    facts
}

impl Facts {
    fn add(&mut self, name: String, what: String, path: &[i32]) {
        let unreleased = (0..=path.len()).any(|length| self.marked.contains(&path[..length]));
        self.by_name.insert(name, Fact { what, unreleased });
    }

    fn message(&mut self, scope: &str, message: &DescriptorProto, path: &[i32]) {
        let name = format!("{scope}.{}", message.name());
        let of_map = message
            .options
            .as_ref()
            .is_some_and(|options| options.map_entry());
        self.add(
            name.clone(),
            format!("message, entry of a map: {of_map}"),
            path,
        );
        let fields = message.field.iter().map(|field| field.name().to_owned());
        self.order.insert(name.clone(), fields.collect());
        for (index, field) in (0..).zip(&message.field) {
            let path = [path, &[FIELDS, index]].concat();
            self.add(
                format!("{name}.{}", field.name()),
                describe(message, field),
                &path,
            );
        }
        for (index, nested) in (0..).zip(&message.nested_type) {
            self.message(&name, nested, &[path, &[NESTED, index]].concat());
        }
        for (index, item) in (0..).zip(&message.enum_type) {
            self.enumeration(&name, item, &[path, &[ENUMS, index]].concat());
        }
    }

    fn enumeration(&mut self, scope: &str, item: &EnumDescriptorProto, path: &[i32]) {
        let name = format!("{scope}.{}", item.name());
        self.add(name.clone(), "enum".to_owned(), path);
        self.order.insert(
            name.clone(),
            item.value
                .iter()
                .map(|value| value.name().to_owned())
                .collect(),
        );
        for (index, value) in (0..).zip(&item.value) {
            let deprecated = value
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated());
            let what = format!("value {}, deprecated: {deprecated}", value.number());
            self.add(
                format!("{name}.{}", value.name()),
                what,
                &[path, &[VALUES, index]].concat(),
            );
        }
    }
}

fn describe(message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
    let options = field.options.as_ref();
    let oneof = field
        .oneof_index
        .and_then(|index| message.oneof_decl.get(index as usize));
    format!(
        "number {}, {} {}{}, default {:?}, deprecated: {}, packed: {}, in the oneof {:?}",
        field.number(),
        field.label().as_str_name(),
        field.r#type().as_str_name(),
        field.type_name(),
        field.default_value,
        options.is_some_and(|options| options.deprecated()),
        options.is_some_and(|options| options.packed()),
        oneof.map(|oneof| oneof.name()),
    )
}

/// Each difference, as a line of text.
pub(crate) fn differences(ours: &Facts, theirs: &Facts) -> Vec<String> {
    let mut found = Vec::new();
    for (name, our) in &ours.by_name {
        match theirs.by_name.get(name) {
            None if our.unreleased => {}
            None => found.push(format!("{name}: ours only")),
            Some(_) if our.unreleased => {
                found.push(format!("{name}: marked as unreleased, but released"))
            }
            Some(their) if our.what != their.what => {
                found.push(format!("{name}: ours {}; theirs {}", our.what, their.what));
            }
            Some(_) => {}
        }
    }
    let new = theirs
        .by_name
        .keys()
        .filter(|name| !ours.by_name.contains_key(*name));
    found.extend(new.map(|name| format!("{name}: theirs only")));

    for (name, our) in &ours.order {
        let their = theirs
            .order
            .get(name)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let common = |names: &[String], others: &[String]| -> Vec<String> {
            names
                .iter()
                .filter(|name| others.contains(name))
                .cloned()
                .collect()
        };
        let (our, their) = (common(our, their), common(their, our));
        if our != their {
            found.push(format!(
                "order in {name}: ours {}, theirs {}",
                our.join(" "),
                their.join(" ")
            ));
        }
    }
    found
}
