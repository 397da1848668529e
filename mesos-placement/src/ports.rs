//! Requested ports.

use std::fmt;
use std::ops::RangeInclusive;

use mesos_core::resources::Ranges;

/// Ports of a task.
///
/// The ports are passed to the command of the task in its environment: all ports in their order in
/// `PORT0`, `PORT1` and so on, and in addition the port with the name `http` in `PORT_HTTP`. If the
/// template of the task has a `discovery`, the named ports are added to it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ports {
    pub(crate) choice: Choice,
    pub(crate) names: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Choice {
    /// Exactly these ports, in this order.
    Fixed(Vec<u16>),
    /// The lowest free ports within the ranges.
    Within(u32, Ranges),
}

/// The numbers that a program can listen on.
pub(crate) const USABLE: RangeInclusive<u64> = 1..=65535;

impl Ports {
    /// Any `count` ports: the lowest that are free, reserved ports first.
    pub fn any(count: u32) -> Ports {
        Ports::new(Choice::Within(count, Ranges::from_iter([USABLE])))
    }

    /// Exactly this port.
    pub fn fixed(port: u16) -> Ports {
        Ports::new(Choice::Fixed(vec![port]))
    }

    /// Exactly these ports.
    pub fn all_of(ports: impl IntoIterator<Item = u16>) -> Ports {
        Ports::new(Choice::Fixed(ports.into_iter().collect()))
    }

    /// `count` ports of these ranges, both ends included. Ranges may overlap.
    pub fn within(count: u32, ranges: impl IntoIterator<Item = RangeInclusive<u16>>) -> Ports {
        let wide = |range: RangeInclusive<u16>| u64::from(*range.start())..=u64::from(*range.end());
        let ranges = ranges.into_iter().map(wide).collect::<Ranges>();
        let usable = Ranges::from_iter([USABLE]);
        Ports::new(Choice::Within(count, ranges.intersection(&usable)))
    }

    fn new(choice: Choice) -> Ports {
        Ports {
            choice,
            names: Vec::new(),
        }
    }

    /// Names the ports, in order. Further ports have no name.
    #[must_use]
    pub fn named<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Ports {
        self.names = names.into_iter().map(Into::into).collect();
        self
    }

    /// Whether the ports can be any ports.
    pub(crate) fn is_any(&self) -> bool {
        match &self.choice {
            Choice::Fixed(ports) => ports.is_empty(),
            Choice::Within(_, ranges) => *ranges == Ranges::from_iter([USABLE]),
        }
    }

    /// The number of ports.
    pub fn count(&self) -> u32 {
        match &self.choice {
            Choice::Fixed(ports) => u32::try_from(ports.len()).unwrap_or(u32::MAX),
            Choice::Within(count, _) => *count,
        }
    }
}

/// `port 8080`, `2 ports in [31000-31999]`.
impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.count() == 1 { "" } else { "s" };
        match &self.choice {
            Choice::Fixed(ports) => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                write!(f, "port{plural} {}", ports.join(", "))
            }
            Choice::Within(count, ranges) if *ranges == Ranges::from_iter([USABLE]) => {
                write!(f, "{count} port{plural}")
            }
            Choice::Within(count, ranges) => write!(f, "{count} port{plural} in {ranges}"),
        }
    }
}
