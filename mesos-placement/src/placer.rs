//! The placer: settings of all rounds.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Deref;

use mesos_core::resources::Resources;
use mesos_proto::v1::resource::AllocationInfo;
use mesos_proto::v1::{AgentInfo, Offer};

use crate::dimension::{Demand, dimensions};
use crate::executors::Executors;
use crate::explain::explain;
use crate::index::Index;
use crate::masks::Builder;
use crate::report::{Reason, Unplaced};
use crate::round::{Accept, Round};
use crate::run::{Plan, Run, Used};
use crate::tree::{Goal, Tree};
use crate::volumes::Volumes;
use crate::{Cluster, Constraint, InvalidRequest, Report, Request, Requirement, Strategy};

/// Places requests on offers.
///
/// A placer keeps no state between rounds. The same input and the same seed give the same result.
#[derive(Clone, Debug)]
pub struct Placer {
    strategy: Strategy,
    constraints: Vec<Constraint>,
    seed: Option<u64>,
}

impl Placer {
    /// A placer with the constraints [`Constraint::KeepGpus`] and [`Constraint::Available`] for
    /// every request.
    pub fn new(strategy: Strategy) -> Placer {
        Placer {
            strategy,
            constraints: vec![Constraint::KeepGpus, Constraint::Available],
            seed: None,
        }
    }

    /// Replaces the constraints that hold for every request.
    #[must_use]
    pub fn constraints(mut self, constraints: impl IntoIterator<Item = Constraint>) -> Placer {
        self.constraints = constraints.into_iter().collect();
        self
    }

    /// Shuffles the offers with this seed, so that several schedulers do not all prefer the same
    /// agents. Without a seed the order of the offers decides between equal agents.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Placer {
        self.seed = Some(seed);
        self
    }

    /// The strategy.
    pub fn strategy(&self) -> &Strategy {
        &self.strategy
    }

    /// Places the requests on the offers.
    ///
    /// Offers can be the offers of a driver, or references to messages. The offers of one agent for
    /// one role are used together. Resources of an offer that are not valid are not used.
    ///
    /// Requests with a higher priority come first, and of these the requests without
    /// [`Constraint::With`], whose tasks other requests may need. [`Strategy::BestFit`] then tries
    /// two orders, large requests first and small requests first, and keeps the better result. The
    /// other strategies keep the order of the requests.
    ///
    /// For the built-in strategies, the time grows a little faster than the number of offers and
    /// requests. For other strategies, and for requests that are not placed and differ from each
    /// other, the time grows with the product.
    pub fn place<O: Deref<Target = Offer>>(
        &self,
        offers: impl IntoIterator<Item = O>,
        requests: &[Request],
        cluster: &Cluster,
    ) -> Round<O> {
        let mut offers: Vec<Option<O>> = offers.into_iter().map(Some).collect();
        let views: Vec<&Offer> = offers.iter().flatten().map(|offer| &**offer).collect();
        let (chosen, report) = self.decide(views, requests, cluster);
        let accepts = chosen.into_iter().map(|(numbers, used)| Accept {
            offers: numbers
                .iter()
                .filter_map(|&number| offers[number].take())
                .collect(),
            operations: used.operations.into_messages(),
            placed: used.placed,
            left: used.free.resources,
        });
        Round {
            accepts: accepts.collect(),
            unused: offers.into_iter().flatten().collect(),
            report,
        }
    }

    /// Why one instance of the request would fit none of these agents, even if the agents were
    /// empty. `None` if the instance fits.
    ///
    /// The agents are those of the master, for example of GET_AGENTS. `role` is the role of the
    /// offers, which decides about the use of reserved resources.
    pub fn fits_never(
        &self,
        request: &Request,
        agents: &[AgentInfo],
        role: Option<&str>,
    ) -> Option<Report> {
        let offers: Vec<Offer> = agents
            .iter()
            .map(|agent| whole_offer(agent, role))
            .collect();
        let mut one = request.clone();
        one.instances = 1;
        // The task that it has to be near may be launched later.
        one.constraints.retain(|constraint| !is_with(constraint));
        let round = self.place(&offers, &[one], &Cluster::new());
        (!round.report.is_empty()).then_some(round.report)
    }

    /// The used slots with the numbers of their offers, and the report.
    fn decide(
        &self,
        views: Vec<&Offer>,
        requests: &[Request],
        cluster: &Cluster,
    ) -> (Vec<(Vec<usize>, Used)>, Report) {
        let checked = requests.iter().map(Request::check);
        let checked: Vec<Result<(), InvalidRequest>> = checked.collect();
        let valid = requests.iter().zip(&checked).enumerate();
        let valid: Vec<(usize, &Request)> = valid
            .filter(|(_, (_, check))| check.is_ok())
            .map(|(number, (request, _))| (number, request))
            .collect();
        let all: Vec<&Request> = valid.iter().map(|(_, request)| *request).collect();
        let dimensions = dimensions(&all);
        let index = Index::new(views, &dimensions, &self.strategy, self.seed);
        let mut classes = Builder::new(&index, cluster, &all);
        let plans: Vec<Plan<'_>> = valid
            .into_iter()
            .map(|(number, request)| {
                let demand = Demand::of(request, &dimensions);
                let shares = demand.amounts.iter().zip(&index.shares);
                Plan {
                    number,
                    request,
                    class: classes.class(request, &self.constraints),
                    size: shares
                        .map(|(amount, share)| *amount as f64 * share)
                        .fold(0.0, f64::max),
                    demand,
                }
            })
            .collect();
        let least = (0..dimensions.len())
            .map(|k| {
                plans
                    .iter()
                    .map(|plan| plan.demand.amounts[k])
                    .min()
                    .unwrap_or(0)
            })
            .collect();
        let tree = Tree::new(
            index.amounts.clone(),
            index.slots.len(),
            &index.shares,
            least,
            match self.strategy {
                Strategy::FirstFit => Goal::First,
                _ => Goal::Tightest,
            },
        );
        let executors = Executors::new(&index, cluster, &all);
        let volumes = Volumes::new(&index, &all);
        let masks = classes.finish();
        let start = Run::new(&index, &dimensions, tree, masks, executors, volumes);
        let run = self.best_run(start, &plans);

        let mut report = explain(&run, &plans, &dimensions);
        let invalid = requests.iter().zip(checked);
        let invalid = invalid.filter_map(|(request, check)| Some((request, check.err()?)));
        report
            .unplaced
            .extend(invalid.map(|(request, error)| never(request, error)));
        let used: BTreeMap<usize, Used> = run.used.into_iter().collect();
        let used = used.into_iter().filter(|(_, used)| !used.placed.is_empty());
        let used = used.map(|(slot, used)| (index.slots[slot].offers.clone(), used));
        (used.collect(), report)
    }

    fn best_run<'a, 'r>(&self, start: Run<'a, 'r>, plans: &[Plan<'_>]) -> Run<'a, 'r> {
        let mut order: Vec<usize> = (0..plans.len()).collect();
        let last = |at: usize| {
            let constraints = &plans[at].request.constraints;
            (
                Reverse(plans[at].request.priority),
                constraints.iter().any(is_with),
            )
        };
        order.sort_by_key(|&at| last(at));
        if !matches!(self.strategy, Strategy::BestFit) {
            let mut run = start;
            run.place(plans, &order, &self.strategy);
            return run;
        }
        let size = |at: usize| plans[at].size;
        order.sort_by(|&a, &b| last(a).cmp(&last(b)).then(size(b).total_cmp(&size(a))));
        let mut large_first = start.clone();
        large_first.place(plans, &order, &self.strategy);
        if large_first.left.is_empty() {
            return large_first;
        }
        order.sort_by(|&a, &b| last(a).cmp(&last(b)).then(size(a).total_cmp(&size(b))));
        let mut small_first = start;
        small_first.place(plans, &order, &self.strategy);
        if missing(&small_first, plans) < missing(&large_first, plans) {
            small_first
        } else {
            large_first
        }
    }
}

fn is_with(constraint: &Constraint) -> bool {
    matches!(constraint, Constraint::With { .. }) || constraint.parts().iter().any(is_with)
}

/// The number of instances that were not placed, by priority, the highest first.
fn missing(run: &Run<'_, '_>, plans: &[Plan<'_>]) -> Vec<u64> {
    let mut missing: BTreeMap<Reverse<i32>, u64> = BTreeMap::new();
    for (at, plan) in plans.iter().enumerate() {
        let left = run
            .left
            .get(&at)
            .map_or(0, |left| u64::from(left.instances));
        *missing.entry(Reverse(plan.request.priority)).or_default() += left;
    }
    missing.into_values().collect()
}

/// All resources of an agent that a role can get, as an offer.
fn whole_offer(agent: &AgentInfo, role: Option<&str>) -> Offer {
    let (mut resources, _) = Resources::from_valid(agent.resources.iter().cloned());
    if let Some(role) = role {
        resources = resources.allocatable_to(role);
        resources.allocate(role);
    }
    Offer {
        agent_id: agent.id.clone().unwrap_or_default(),
        hostname: agent.hostname.clone(),
        domain: agent.domain.clone(),
        attributes: agent.attributes.clone(),
        resources: resources.into(),
        allocation_info: role.map(|role| AllocationInfo {
            role: Some(role.to_owned()),
        }),
        ..Offer::default()
    }
}

fn never(request: &Request, error: InvalidRequest) -> Unplaced {
    Unplaced {
        requests: vec![request.name.clone()],
        missing: u64::from(request.instances),
        requested: u64::from(request.instances),
        offers: 0,
        reasons: vec![Reason {
            requirement: Requirement::Valid(error),
            failed: 0,
            only_this: 0,
            nearest: None,
            hint: None,
        }],
    }
}
