//! How many tasks the strategies place, compared with the optimum of small instances.

use mesos_placement::Strategy;

use crate::make::{offer, place, request};

/// The free and the needed tenths of a CPU and megabytes.
type Size = (u32, u32);

/// The largest number of tasks that fit, found by trying every assignment.
fn optimum(free: &mut [Size], tasks: &[Size], placed: usize, best: &mut usize) {
    *best = (*best).max(placed);
    // Not even all remaining tasks are better than the best so far.
    let Some((task, rest)) = tasks.split_first() else {
        return;
    };
    if placed + tasks.len() <= *best {
        return;
    }
    for i in 0..free.len() {
        let before = free[i];
        // Agents with the same free resources are equal.
        if free[..i].contains(&before) || before.0 < task.0 || before.1 < task.1 {
            continue;
        }
        free[i] = (before.0 - task.0, before.1 - task.1);
        optimum(free, rest, placed + 1, best);
        free[i] = before;
    }
    optimum(free, rest, placed, best);
}

fn text((cpus, mem): Size) -> String {
    format!("cpus:{}.{};mem:{mem}", cpus / 10, cpus % 10)
}

#[test]
fn best_fit_places_at_least_95_percent_of_the_optimum() {
    let mut random = fastrand::Rng::with_seed(7);
    let strategies = [Strategy::BestFit, Strategy::FirstFit, Strategy::Spread];
    let mut sums = [0.0; 3];
    const INSTANCES: usize = 300;
    for _ in 0..INSTANCES {
        let agents: Vec<Size> = (0..random.usize(2..5))
            .map(|_| (random.u32(10..=80), random.u32(256..=4096)))
            .collect();
        let tasks: Vec<Size> = (0..random.usize(4..11))
            .map(|_| (random.u32(2..=40), random.u32(64..=2048)))
            .collect();
        let mut best = 0;
        optimum(&mut agents.clone(), &tasks, 0, &mut best);
        let numbered = agents.iter().enumerate();
        let offers: Vec<_> = numbered
            .map(|(i, size)| offer(i, &text(*size), &[]))
            .collect();
        let numbered = tasks.iter().enumerate();
        let requests: Vec<_> = numbered
            .map(|(i, size)| request(&format!("t{i}"), &text(*size)))
            .collect();
        for (strategy, sum) in strategies.iter().zip(&mut sums) {
            let round = place(strategy.clone(), &offers, &requests);
            let placed: usize = round.accepts.iter().map(|accept| accept.placed.len()).sum();
            assert!(placed <= best, "{strategy:?} places {placed} of {best}");
            *sum += if best == 0 {
                1.0
            } else {
                placed as f64 / best as f64
            };
        }
    }
    let [best_fit, first_fit, spread] = sums.map(|sum| 100.0 * sum / INSTANCES as f64);
    println!(
        "of the optimum: best fit {best_fit:.1} %, first fit {first_fit:.1} %, spread {spread:.1} %"
    );
    assert!(
        best_fit >= 95.0,
        "best fit places {best_fit:.1} % of the optimum"
    );
    assert!(best_fit >= first_fit && best_fit >= spread);
}
