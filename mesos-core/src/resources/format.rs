//! Printing, in the style of Mesos (the `operator<<`s of src/v1/resources.cpp) and readable by the
//! parser.
//!
//! `cpus:1; cpus(web):2; ports:[31000-31005]; disks:{a, b}`, and `{}` for no resources.
//!
//! Reading a printed text form gives the same resources. The text form cannot express: dynamic or
//! refined reservations, reservations with a principal or labels, allocation, disks with a source
//! or a volume, revocable or shared resources, resources of a resource provider, and names, roles
//! and items with brackets, blanks or separators. These are printed for people, as Mesos prints
//! them. Reading them is an error, unless a name or an item looks like a part of the text form, as
//! the item `a,b` does.
//!
//! There are two differences from Mesos. A single static reservation is printed as `cpus(web)`, not
//! as `cpus(reservations: [(STATIC,web)])`, which Mesos itself cannot read. The id of a resource
//! provider is printed.

use std::fmt;

use mesos_proto::v1::resource::disk_info::{Source, source};
use mesos_proto::v1::resource::{DiskInfo, ReservationInfo, reservation_info};
use mesos_proto::v1::{Labels, Resource, Volume, volume};

use super::Resources;
use super::amount::Amount;
use super::parse::is_role_in_text;

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("{}");
        }
        let mut separator = "";
        for entry in &self.entries {
            let resource = &entry.resource;
            let one = format!("{}:{}", Label(resource), Amount::from_resource(resource));
            if resource.shared.is_some() {
                write!(f, "{separator}{one}<{}>", entry.copies)?;
                separator = "; ";
                continue;
            }
            for _ in 0..entry.copies {
                write!(f, "{separator}{one}")?;
                separator = "; ";
            }
        }
        Ok(())
    }
}

/// The printed form: `Resources("cpus:1; mem:32")`. The derived form of the messages is several
/// pages long.
impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resources").field(&self.to_string()).finish()
    }
}

/// A normalized resource without its amount: `cpus`, `cpus(web)`, `disk(allocated:
/// web)[hadoop:/data]{REV}`.
pub(super) struct Label<'a>(pub(super) &'a Resource);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = self.0;
        f.write_str(&resource.name)?;
        if let Some(provider) = &resource.provider_id {
            write!(f, "(provider: {})", provider.value)?;
        }
        if let Some(allocation) = &resource.allocation_info {
            write!(f, "(allocated: {})", allocation.role())?;
        }
        match resource.reservations.as_slice() {
            [] => {}
            [one] if is_plain(one) => write!(f, "({})", one.role())?,
            stack => {
                let stack: Vec<String> = stack.iter().map(reservation).collect();
                write!(f, "(reservations: [{}])", stack.join(","))?;
            }
        }
        if let Some(disk) = &resource.disk {
            write!(f, "[{}]", disk_text(disk))?;
        }
        f.write_str(if resource.revocable.is_some() {
            "{REV}"
        } else {
            ""
        })?;
        f.write_str(if resource.shared.is_some() {
            "<SHARED>"
        } else {
            ""
        })
    }
}

/// Whether `name(role)` expresses the whole reservation.
fn is_plain(reservation: &ReservationInfo) -> bool {
    reservation.r#type() == reservation_info::Type::Static
        && reservation.principal.is_none()
        && reservation.labels.is_none()
        && is_role_in_text(reservation.role())
}

fn reservation(reservation: &ReservationInfo) -> String {
    let mut text = format!(
        "({},{}",
        reservation.r#type().as_str_name(),
        reservation.role()
    );
    if let Some(principal) = &reservation.principal {
        text.push(',');
        text.push_str(principal);
    }
    if let Some(pairs) = &reservation.labels {
        text.push(',');
        text.push_str(&labels(pairs));
    }
    text.push(')');
    text
}

fn labels(labels: &Labels) -> String {
    let each: Vec<String> = labels
        .labels
        .iter()
        .map(|label| match &label.value {
            Some(value) => format!("{}: {value}", label.key),
            None => label.key.clone(),
        })
        .collect();
    format!("{{{}}}", each.join(", "))
}

fn disk_text(disk: &DiskInfo) -> String {
    let mut text = disk.source.as_ref().map(source_text).unwrap_or_default();
    if let Some(persistence) = &disk.persistence {
        text.push_str(if disk.source.is_some() { "," } else { "" });
        text.push_str(&persistence.id);
    }
    if let Some(volume) = &disk.volume {
        text.push(':');
        text.push_str(&volume_text(volume));
    }
    text
}

fn source_text(source: &Source) -> String {
    let kind = source.r#type();
    let root = match kind {
        source::Type::Mount => source
            .mount
            .as_ref()
            .and_then(|mount| mount.root.as_deref()),
        source::Type::Path => source.path.as_ref().and_then(|path| path.root.as_deref()),
        source::Type::Block | source::Type::Raw | source::Type::Unknown => None,
    };
    let has_vendor = source.id.is_some() || source.profile.is_some();
    let detail = match root {
        _ if has_vendor => format!("({},{},{})", source.vendor(), source.id(), source.profile()),
        Some(root) => format!(":{root}"),
        None => String::new(),
    };
    format!("{}{detail}", kind.as_str_name())
}

fn volume_text(volume: &Volume) -> String {
    let Some(host) = &volume.host_path else {
        return volume.container_path.clone();
    };
    let mode = match volume.mode() {
        volume::Mode::Rw => "rw",
        volume::Mode::Ro => "ro",
    };
    format!("{host}:{}:{mode}", volume.container_path)
}
