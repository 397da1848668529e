//! Ports as numbers: building, choosing and taking them.

use std::ops::RangeInclusive;

use mesos_proto::v1::Resource;
use mesos_proto::v1::value::{self, Type};

use super::amount;
use super::identity::Entry;
use super::take::{Missing, Shortfall};
use super::{Ranges, Resources};

/// The numbers that a program can listen on. Mesos accepts any 64-bit number in the resource
/// `ports`; the methods of this file ignore the other numbers.
const USABLE: RangeInclusive<u64> = 1..=65535;

impl Resources {
    /// Unreserved `ports`, both ends of each range included. Overlapping ranges are joined.
    ///
    /// ```
    /// use mesos::resources::Resources;
    ///
    /// let ports = Resources::from_ports([31000..=31001, 31005..=31005]);
    /// assert_eq!(ports.to_string(), "ports:[31000-31001, 31005-31005]");
    /// assert_eq!(ports.port_numbers().collect::<Vec<_>>(), [31000, 31001, 31005]);
    /// ```
    pub fn from_ports(ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Resources {
        let ranges = ranges.into_iter().map(|range| {
            // An empty range stays empty: its end is below its start.
            u64::from(*range.start())..=u64::from(*range.end())
        });
        let mut ports = Resources::new();
        ports.insert(Entry::new(Resource::ports(
            Ranges::from_iter(ranges).iter(),
        )));
        ports
    }

    /// The numbers of all `ports`, over all roles and kinds, in rising order. Only the numbers 1
    /// to 65535 are ports.
    ///
    /// ```
    /// use mesos::resources::Resources;
    ///
    /// let taken: Resources = "cpus:1;ports:[31005-31005];ports(web):[31000-31001]".parse()?;
    /// assert_eq!(taken.port_numbers().collect::<Vec<_>>(), [31000, 31001, 31005]);
    /// # Ok::<(), mesos::resources::ParseError>(())
    /// ```
    pub fn port_numbers(&self) -> impl Iterator<Item = u16> + use<> {
        let usable = Ranges::from_iter([USABLE]);
        let ports = self.ports().unwrap_or_default().intersection(&usable);
        let ranges: Vec<_> = ports.iter().collect();
        let numbers = ranges.into_iter().flatten();
        numbers.filter_map(|number| u16::try_from(number).ok())
    }

    /// Removes `n` ports, and returns them as resources and as numbers.
    ///
    /// The ports are those that [`pick_ports`](Resources::pick_ports) chooses. The resources carry
    /// the reservations and the allocation of the offer, so the task can use them as they are.
    ///
    /// ```
    /// use mesos::resources::Resources;
    /// use mesos::v1::{CommandInfo, TaskInfo};
    ///
    /// let mut offered: Resources = "cpus:2;mem:512;ports:[31000-31005]".parse()?;
    /// let (ports, numbers) = offered.take_ports(1)?;
    /// let task = TaskInfo::builder("web")
    ///     .command(CommandInfo::sh("exec ./serve").with_env("PORT", numbers[0]))
    ///     .resources(offered.take(&"cpus:1;mem:64".parse()?)?)
    ///     .resources(ports)
    ///     .build();
    /// assert_eq!(numbers, [31000]);
    /// assert_eq!(offered.to_string(), "cpus:1; mem:448; ports:[31001-31005]");
    /// # assert_eq!(task.resources.len(), 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Missing`] if there are fewer than `n` ports. Then nothing is removed.
    pub fn take_ports(&mut self, n: usize) -> Result<(Resources, Vec<u16>), Missing> {
        self.take_ports_except(n, [])
    }

    /// Removes `n` ports as [`take_ports`](Resources::take_ports) does, but never one of `except`.
    ///
    /// For ports that are in use although they are offered. An example is several agents on one
    /// machine that all offer the same ports.
    ///
    /// # Errors
    /// [`Missing`] if there are fewer than `n` ports outside `except`. Then nothing is removed.
    pub fn take_ports_except(
        &mut self,
        n: usize,
        except: impl IntoIterator<Item = u16>,
    ) -> Result<(Resources, Vec<u16>), Missing> {
        let picked = self.pick_ports_except(n, except)?;
        *self -= &picked;
        let numbers = picked.port_numbers().collect();
        Ok((picked, numbers))
    }

    /// Chooses `n` ports and leaves them in place: first the lowest of the reserved ports, then
    /// the lowest of the unreserved ports. Revocable ports are never chosen, nor numbers outside 1
    /// to 65535.
    ///
    /// Use it to take ports together with the other resources of a task, so that either all are
    /// taken or nothing: `offered.take(&(request + offered.pick_ports(2)?))`. Two calls in a row
    /// choose the same ports. [`take_ports`](Resources::take_ports) chooses and removes.
    ///
    /// # Errors
    /// [`Missing`] if there are fewer than `n` ports.
    pub fn pick_ports(&self, n: usize) -> Result<Resources, Missing> {
        self.pick_ports_except(n, [])
    }

    /// Chooses `n` ports as [`pick_ports`](Resources::pick_ports) does, but never one of `except`.
    ///
    /// ```
    /// use mesos::resources::Resources;
    ///
    /// let offered = Resources::from_ports([31000..=31005]);
    /// let picked = offered.pick_ports_except(2, [31000, 31002])?;
    /// assert_eq!(picked.port_numbers().collect::<Vec<_>>(), [31001, 31003]);
    /// # Ok::<(), mesos::resources::Missing>(())
    /// ```
    ///
    /// # Errors
    /// [`Missing`] if there are fewer than `n` ports outside `except`.
    pub fn pick_ports_except(
        &self,
        n: usize,
        except: impl IntoIterator<Item = u16>,
    ) -> Result<Resources, Missing> {
        let except = except.into_iter().map(u64::from);
        let except = Ranges::from_iter(except.map(|number| number..=number));
        self.pick_ports_within(n, &Ranges::from_iter([USABLE]).difference(&except))
    }

    /// Chooses `n` ports as [`pick_ports`](Resources::pick_ports) does, but only ports in `within`.
    ///
    /// ```
    /// use mesos::resources::{Ranges, Resources};
    ///
    /// let offered = Resources::from_ports([31000..=31005]);
    /// let picked = offered.pick_ports_within(2, &Ranges::from_iter([31004..=40000]))?;
    /// assert_eq!(picked.port_numbers().collect::<Vec<_>>(), [31004, 31005]);
    /// # Ok::<(), mesos::resources::Missing>(())
    /// ```
    ///
    /// # Errors
    /// [`Missing`] if there are fewer than `n` ports in `within`.
    pub fn pick_ports_within(&self, n: usize, within: &Ranges) -> Result<Resources, Missing> {
        let mut candidates: Vec<&Resource> = self
            .entries
            .iter()
            .map(|entry| &entry.resource)
            .filter(|resource| resource.name == "ports" && resource.r#type() == Type::Ranges)
            .filter(|resource| resource.revocable.is_none())
            .collect();
        candidates.sort_by_key(|resource| resource.reservations.is_empty());
        let mut usable = Ranges::from_iter([USABLE]).intersection(within);
        let mut picked = Resources::new();
        let mut missing = n as u128;
        for resource in candidates {
            let free = Ranges::from_normalized(amount::ranges(resource)).intersection(&usable);
            let part = free.lowest(u64::try_from(missing).unwrap_or(u64::MAX));
            missing -= part.count();
            usable = usable.difference(&part);
            let ranges = Some(value::Ranges::from(part));
            picked.insert(Entry::new(Resource {
                ranges,
                ..resource.clone()
            }));
        }
        if missing > 0 {
            let needed = n as u128;
            return Err(Shortfall::counted("ports", needed, needed - missing).into());
        }
        Ok(picked)
    }
}
