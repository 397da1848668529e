//! Strategies: which of the suitable offers a task gets.

use std::fmt;
use std::sync::Arc;

use mesos_core::resources::Resources;

use crate::{Agent, Request};

/// Which of the suitable agents a task gets.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// The first suitable agent, in the order of the offers.
    #[default]
    FirstFit,
    /// The agent on which the smallest share of resources stays unused. Large free parts stay for
    /// large tasks. The share is the dominant share: the largest of the shares of all resources.
    BestFit,
    /// The agent on which the largest share of resources stays unused. The tasks are spread over
    /// the agents.
    Spread,
    /// The agent with the largest value of a function.
    Fitness(Fitness),
    /// The agent with the largest weighted sum of strategies.
    Weighted(Vec<(f64, Strategy)>),
}

impl Strategy {
    /// The agent with the largest value of `fitness`. An agent whose value is NaN is not used.
    pub fn fitness(fitness: impl Fn(&Candidate<'_>) -> f64 + Send + Sync + 'static) -> Strategy {
        Strategy::Fitness(Fitness(Arc::new(fitness)))
    }
}

/// A function that rates candidates.
#[derive(Clone)]
pub struct Fitness(pub(crate) Arc<dyn Fn(&Candidate<'_>) -> f64 + Send + Sync>);

impl fmt::Debug for Fitness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fitness(..)")
    }
}

/// An agent that is suitable for an instance of a request.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Candidate<'a> {
    /// What is placed.
    pub request: &'a Request,
    /// The agent.
    pub agent: &'a Agent,
    /// The resources of its offers at the start of the round.
    pub offered: &'a Resources,
    /// The resources that are still free.
    pub free: &'a Resources,
}
