//! The reports and their history.

use mesos_placement::{Constraint, Field, History, Report, Requirement};

use crate::make::{first_fit, offer, request};

/// Twelve offers without the rack r1, and three with it.
fn report() -> Report {
    let offers: Vec<_> = (0..15)
        .map(|i| {
            let rack = if i < 12 { "rack=r2" } else { "rack=r1" };
            let cpus = if i == 13 { "2.5" } else { "1" };
            offer(i, &format!("cpus:{cpus};mem:1024"), &[rack])
        })
        .collect();
    let rack = Constraint::is(Field::attribute("rack"), "r1");
    let big = |name| {
        request(name, "cpus:4;mem:64")
            .instances(2)
            .constraint(rack.clone())
    };
    first_fit(&offers, &[big("web"), big("api")]).report
}

#[test]
fn a_report_names_the_nearest_miss_and_the_failed_constraints() {
    assert_eq!(
        report().to_string(),
        "web, api: 4 of 4 instances not placed on 15 offers: needs cpus 4: the largest free is \
         2.5 on agent-13; 12 offers lack attribute rack=r1"
    );
}

#[test]
fn equal_requests_are_one_entry_with_numbers() {
    let report = report();
    assert_eq!(report.unplaced.len(), 1);
    let entry = &report.unplaced[0];
    assert_eq!((entry.missing, entry.requested, entry.offers), (4, 4, 15));
    let cpus = &entry.reasons[0];
    assert_eq!((cpus.failed, cpus.only_this), (15, 3));
    assert_eq!(cpus.nearest.as_ref().unwrap().missing, "1.5");
    assert!(matches!(
        entry.reasons[1].requirement,
        Requirement::Constraint(_)
    ));
    assert_eq!(
        (entry.reasons[1].failed, entry.reasons[1].only_this),
        (12, 0)
    );
}

#[test]
fn a_history_keeps_the_last_reports_of_each_request() {
    let mut history = History::new(2);
    for cpus in ["7", "8", "9"] {
        let offers = [offer(1, "cpus:1", &[])];
        history.record(&first_fit(&offers, &[request("web", &format!("cpus:{cpus}"))]).report);
    }
    let texts: Vec<_> = history.of("web").map(ToString::to_string).collect();
    assert_eq!(texts.len(), 2);
    assert!(
        texts[0].contains("needs cpus 9") && texts[1].contains("needs cpus 8"),
        "{texts:?}"
    );
    history.forget("web");
    assert_eq!(history.requests().count(), 0);
}
