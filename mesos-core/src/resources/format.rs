//! Printing, in Mesos' style (the `operator<<`s of src/v1/resources.cpp) and so that it can be read
//! back.
//!
//! `cpus:1; cpus(web):2; ports:[31000-31005]; disks:{a, b}`, and `{}` for nothing.
//!
//! What the text form can say is printed in that form, and reading it gives the same again. It
//! cannot say: dynamic or refined reservations, reservations with a principal or labels,
//! allocation, disks with a source or a volume, what is revocable, shared or of a resource
//! provider, and names, roles and items with brackets, blanks or separators in them. These are
//! printed as Mesos prints them, for people, and reading that is an error (unless a name or an item
//! itself looks like a part of the text form, as the item `a,b` does).
//!
//! Two differences from Mesos: a single static reservation is printed as it is written,
//! `cpus(web)`, and not as `cpus(reservations: [(STATIC,web)])`, which Mesos cannot read itself;
//! and the id of a resource provider is shown.

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
            let one = format!("{}:{}", Label(resource), Amount::of(resource));
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

/// As printed: `Resources("cpus:1; mem:32")`. The messages are pages long.
impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Resources").field(&self.to_string()).finish()
    }
}

/// A normalised resource without its amount: `cpus`, `cpus(web)`, `disk(allocated:
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

/// Whether `name(role)` says all of a reservation.
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
    if let Some(of) = &reservation.labels {
        text.push(',');
        text.push_str(&labels(of));
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
    if let Some(of) = &disk.volume {
        text.push(':');
        text.push_str(&volume_text(of));
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
    let of_a_vendor = source.id.is_some() || source.profile.is_some();
    let detail = match root {
        _ if of_a_vendor => format!("({},{},{})", source.vendor(), source.id(), source.profile()),
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
