//! Helpers for the tests: short constructors of resources.

mod arithmetic;
mod parsing;
mod ports;
mod properties;
mod ranges;
mod scalars;
mod taking;
mod validation;

use mesos_proto::v1::resource::disk_info::{Persistence, Source, source};
use mesos_proto::v1::resource::{DiskInfo, ReservationInfo, SharedInfo, reservation_info};
use mesos_proto::v1::{Resource, value};

use super::Resources;

/// The resources of a valid text.
fn resources(text: &str) -> Resources {
    text.parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn single(resource: Resource) -> Resources {
    Resources::try_from(resource).expect("a valid resource")
}

fn scalar(name: &str, value: f64) -> Resource {
    Resource {
        name: name.to_owned(),
        r#type: value::Type::Scalar.into(),
        scalar: Some(value::Scalar { value }),
        ..Resource::default()
    }
}

fn ranges(name: &str, ranges: &[(u64, u64)]) -> Resource {
    let range = ranges
        .iter()
        .map(|&(begin, end)| value::Range { begin, end })
        .collect();
    Resource {
        name: name.to_owned(),
        r#type: value::Type::Ranges.into(),
        ranges: Some(value::Ranges { range }),
        ..Resource::default()
    }
}

fn dynamic(role: &str, principal: &str) -> ReservationInfo {
    ReservationInfo {
        r#type: Some(reservation_info::Type::Dynamic.into()),
        role: Some(role.to_owned()),
        principal: Some(principal.to_owned()),
        ..ReservationInfo::default()
    }
}

fn fixed(role: &str) -> ReservationInfo {
    ReservationInfo {
        r#type: Some(reservation_info::Type::Static.into()),
        role: Some(role.to_owned()),
        ..ReservationInfo::default()
    }
}

/// A disk of 100 MB with a source of this type, mounted or rooted at `root`.
fn disk(kind: source::Type, root: &str) -> Resource {
    let mut source = Source {
        r#type: kind.into(),
        ..Source::default()
    };
    let root = Some(root.to_owned());
    match kind {
        source::Type::Mount => source.mount = Some(source::Mount { root }),
        source::Type::Path => source.path = Some(source::Path { root }),
        _ => {}
    }
    let disk = DiskInfo {
        source: Some(source),
        ..DiskInfo::default()
    };
    Resource {
        disk: Some(Box::new(disk)),
        ..scalar("disk", 100.0)
    }
}

/// A persistent volume of 64 MB, reserved for `web`.
fn volume(id: &str) -> Resource {
    let persistence = Some(Persistence {
        id: id.to_owned(),
        principal: None,
    });
    Resource {
        disk: Some(Box::new(DiskInfo {
            persistence,
            ..DiskInfo::default()
        })),
        reservations: vec![fixed("web")],
        ..scalar("disk", 64.0)
    }
}

fn shared_volume(id: &str) -> Resource {
    Resource {
        shared: Some(SharedInfo {}),
        ..volume(id)
    }
}
