//! Dimensions: the amounts that are compared as numbers before anything is carved.
//!
//! A dimension is an amount of one resource in one pool, in thousandths, or a number of ports. The
//! dimensions of a round come from its requests. A request fits an offer only if it fits in every
//! dimension. Whether that is also sufficient is in [`Demand::exact`].

use mesos_core::resources::Scalar;
use mesos_proto::v1::value::Type;
use mesos_proto::v1::{ExecutorInfo, Resource};

use crate::pool::{Pool, Reserved, owner};
use crate::request::{Request, Revocable};

/// The largest number of dimensions. Further resources are compared by carving only, so that
/// requests with many names do not need much memory.
const MOST: usize = 8;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Dimension {
    pub(crate) name: String,
    pool: Pool,
}

/// What an instance of a request needs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Demand {
    /// The amount in each dimension, without the executor.
    pub(crate) amounts: Vec<i64>,
    /// The amount of the executor in each dimension.
    pub(crate) executor: Vec<i64>,
    /// Whether an offer that is sufficient in every dimension is always sufficient.
    pub(crate) exact: bool,
}

/// The dimensions that `requests` use.
pub(crate) fn dimensions(requests: &[&Request]) -> Vec<Dimension> {
    let mut dimensions = Vec::new();
    for request in requests {
        for (dimension, _) in needs(request) {
            if dimensions.len() < MOST && !dimensions.contains(&dimension) {
                dimensions.push(dimension);
            }
        }
    }
    dimensions
}

/// The needs of one instance, without the executor.
fn needs(request: &Request) -> Vec<(Dimension, i64)> {
    let mut needs = Vec::new();
    for task in &request.tasks {
        needs.extend(task.resources.iter().filter_map(|one| need(request, one)));
        let ports: i64 = task
            .ports
            .iter()
            .map(|ports| i64::from(ports.count()))
            .sum();
        if ports > 0 {
            let pool = Pool::of_ports(request);
            let name = "ports".to_owned();
            needs.push((Dimension { name, pool }, ports));
        }
    }
    needs
}

/// The need of a scalar that is not a special disk. For an exact role, the amount over all roles
/// is a necessary condition.
fn need(request: &Request, wanted: &Resource) -> Option<(Dimension, i64)> {
    if wanted.r#type() != Type::Scalar || wanted.disk.is_some() {
        return None;
    }
    let mut pool = Pool::of(request, wanted);
    if let Reserved::For(_) = pool.reserved {
        pool.reserved = Reserved::Any;
    }
    let name = wanted.name.clone();
    Some((Dimension { name, pool }, thousandths(wanted)))
}

pub(crate) fn thousandths(resource: &Resource) -> i64 {
    let value = resource.scalar.map_or(0.0, |scalar| scalar.value);
    Scalar::from_f64(value).map_or(0, Scalar::thousandths)
}

impl Demand {
    pub(crate) fn of(request: &Request, dimensions: &[Dimension]) -> Demand {
        let mut amounts = vec![0; dimensions.len()];
        let mut known = 0;
        let all = needs(request);
        for (dimension, amount) in &all {
            if let Some(at) = dimensions.iter().position(|one| one == dimension) {
                amounts[at] = i64::saturating_add(amounts[at], *amount);
                known += 1;
            }
        }
        let mut executor = vec![0; dimensions.len()];
        let mut exact_executor = true;
        for wanted in request
            .executor
            .iter()
            .flat_map(|executor: &ExecutorInfo| &executor.resources)
        {
            let need = need(request, wanted);
            let at = need.and_then(|(need, amount)| {
                Some((dimensions.iter().position(|one| *one == need)?, amount))
            });
            match at {
                Some((at, amount)) => executor[at] = i64::saturating_add(executor[at], amount),
                None => exact_executor = false,
            }
        }
        let simple = |task: &crate::TaskTemplate| {
            task.volumes.is_empty()
                && task.ports.iter().all(crate::Ports::is_any)
                && task.resources.iter().all(|one| {
                    one.r#type() == Type::Scalar
                        && one.disk.is_none()
                        && one.reservations.is_empty()
                        && one.allocation_info.is_none()
                        && request.revocability(&one.name) != Revocable::Allowed
                })
        };
        Demand {
            amounts,
            executor,
            exact: known == all.len() && exact_executor && request.tasks.iter().all(simple),
        }
    }
}

impl Dimension {
    /// The amount of an offered resource in this dimension.
    pub(crate) fn amount(&self, offered: &Resource) -> i64 {
        if offered.name != self.name || !self.pool.permits_owner(owner(offered)) {
            return 0;
        }
        match self.pool.revocable {
            Revocable::Never if offered.revocable.is_some() => return 0,
            Revocable::Only if offered.revocable.is_none() => return 0,
            _ => {}
        }
        match offered.r#type() {
            Type::Scalar if offered.disk.is_none() && offered.shared.is_none() => {
                thousandths(offered)
            }
            Type::Ranges if self.name == "ports" => count(offered),
            _ => 0,
        }
    }

    /// The amount as text.
    pub(crate) fn print(&self, amount: i64) -> String {
        if self.name == "ports" {
            return amount.to_string();
        }
        Scalar::from_f64(amount as f64 / 1000.0)
            .unwrap_or_default()
            .to_string()
    }

    /// The name with the pool, as a report names it.
    pub(crate) fn label(&self) -> String {
        let reserved = match self.pool.reserved {
            Reserved::Yes => "reserved ",
            Reserved::No => "unreserved ",
            Reserved::Any | Reserved::For(_) => "",
        };
        let revocable = match self.pool.revocable {
            Revocable::Only => "revocable ",
            Revocable::Never | Revocable::Allowed => "",
        };
        format!("{reserved}{revocable}{}", self.name)
    }
}

/// The number of usable ports.
fn count(offered: &Resource) -> i64 {
    let ranges = offered.ranges.iter().flat_map(|ranges| &ranges.range);
    ranges
        .map(|range| {
            let (first, last) = (range.begin.max(1), range.end.min(65535));
            i64::try_from((last + 1).saturating_sub(first)).unwrap_or(0)
        })
        .sum()
}
