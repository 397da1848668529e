//! Services against the model of Mesos.

use proptest::prelude::*;

use super::world::World;
use crate::engine::service::Service;
use crate::engine::{Engine, LIVE};
use crate::{InstanceState, Workload};

impl Engine {
    /// How many instances of the service the last plan allows.
    pub(super) fn most(&self, service: &Service) -> u32 {
        self.queue.max(&service.limit)
    }

    /// Whether the instance runs a specification that always fails.
    pub(super) fn is_bad(&self, unit: &str) -> bool {
        let unit = self.units.get(unit);
        let instance = unit.and_then(|unit| unit.instance());
        instance.is_some_and(|instance| is_bad(&instance.spec.workload))
    }

    /// Whether the service has a specification that always fails: it had no instances during the
    /// update.
    fn always_fails(&self, service: &str) -> bool {
        let service = self.service(service);
        service.is_some_and(|service| is_bad(&service.record.spec().workload))
    }
}

fn is_bad(workload: &Workload) -> bool {
    match workload {
        Workload::Task(task) => format!("{:?}", task.command).contains("bad"),
        Workload::Pod(_) => false,
    }
}

/// `PROPTEST_CASES` is the number of cases.
fn cases() -> u32 {
    let cases = std::env::var("PROPTEST_CASES");
    cases
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(60)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn each_service_ends_up_with_its_instances_and_never_has_more_than_allowed(
        inputs in prop::collection::vec((0u8..18, any::<u8>()), 1..300),
    ) {
        let mut world = World::new();
        for (input, n) in inputs {
            match input {
                0 => world.keep(n),
                1 => world.request(n),
                2 | 3 => world.place(usize::from(n % 4) + 1),
                4..=7 => world.commit(n),
                8 => world.answer(),
                9 | 10 => world.change(n),
                11 | 12 => world.report(),
                13 => world.pass(n % 16),
                14 => world.judge(),
                15 if n % 4 == 0 => world.crash(),
                15 => world.maintenance(n),
                16 => world.submit(n),
                _ => {
                    // A round that is not disturbed.
                    world.judge();
                    world.place(4);
                    world.commit_all();
                    world.answer();
                    world.report();
                }
            }
        }
        world.settle();
        let mut wanted = 0;
        let names: Vec<_> = world.engine.service_names().cloned().collect();
        for name in names {
            let status = world.engine.service_status(&name).unwrap();
            prop_assert!(!status.removing, "{name} was not removed: {status:?}");
            if let Some(update) = &status.update {
                prop_assert!(update.paused, "the update is not complete: {status:?}");
            } else if !world.engine.always_fails(&name) {
                prop_assert!(status.is_ready(), "{status:#?}");
                let newest = status.instances.iter().all(|one| one.generation == status.generation);
                prop_assert!(newest, "{status:#?}");
            }
            let stopping = status.instances.iter().filter(|one| one.state == InstanceState::Stopping);
            prop_assert_eq!(stopping.count(), 0);
            wanted += status.instances.len();
            prop_assert!(status.instances.len() >= status.wanted as usize, "{status:#?}");
        }
        // No task of Mesos is in no record, and no record is of a service that does not exist.
        let alive = world.tasks.values().filter(|task| task.is_alive());
        let alive = alive.filter(|task| task.unit.contains('/')).count();
        prop_assert!(alive <= wanted, "{alive} tasks, {wanted} instances");
        prop_assert!(world.tasks.values().all(|task| !task.unacknowledged || task.is_alive()));
        let keys = world.store.keys().filter(|key| key.starts_with(LIVE)).count();
        prop_assert_eq!(keys, wanted + world.engine.service_names().count());
    }
}
