//! What a scheduler's driver promises, whatever the backend: one function for
//! each promise.
//!
//! A case is run with a [`Harness`], which knows how to start a driver and
//! names no backend. A backend outside this workspace proves itself with one
//! line; see [`conformance_tests!`](crate::conformance_tests).
//!
//! The rows that a case covers are those of the checklist of behaviours that
//! clients get wrong, in the project's protocol notes.

mod calls;
mod detection;
mod events;
mod handlers;
mod liveness;
mod offers;
mod operations;
mod subscription;
mod transport;
mod updates;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use mesos_core::{BackoffPolicy, Framework, SchedulerDriver};

use crate::{Encoding, FakeMaster, Recorder};

type Start = dyn Fn(&str, &Tuning, Framework, Recorder) -> SchedulerDriver + Send + Sync;

/// What a backend is told by a case. A backend that cannot follow one of them
/// says so by a panic.
#[derive(Clone)]
#[non_exhaustive]
pub struct Tuning {
    /// How messages are encoded.
    pub encoding: Encoding,
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// The longest event that is taken, in bytes.
    pub record_limit: u64,
    /// Principal and secret for HTTP basic authentication.
    pub credential: Option<(String, String)>,
}

/// Without the secret.
impl fmt::Debug for Tuning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tuning")
            .field("encoding", &self.encoding)
            .field("response_timeout", &self.response_timeout)
            .field("record_limit", &self.record_limit)
            .field(
                "principal",
                &self.credential.as_ref().map(|(principal, _)| principal),
            )
            .finish()
    }
}

/// How a case starts a driver, and on what.
#[derive(Clone)]
pub struct Harness {
    start: Arc<Start>,
    tuning: Tuning,
}

impl Harness {
    /// `start` starts a driver for the master at a URL.
    pub fn new(
        encoding: Encoding,
        start: impl Fn(&str, &Tuning, Framework, Recorder) -> SchedulerDriver + Send + Sync + 'static,
    ) -> Self {
        Self {
            start: Arc::new(start),
            tuning: Tuning {
                encoding,
                response_timeout: Duration::from_secs(10),
                record_limit: 1 << 20,
                credential: None,
            },
        }
    }

    pub(crate) fn tuned(mut self, change: impl FnOnce(&mut Tuning)) -> Self {
        change(&mut self.tuning);
        self
    }

    /// Whether events come in JSON.
    pub(crate) fn json(&self) -> bool {
        self.tuning.encoding == Encoding::Json
    }

    /// A framework that survives the loss of its subscription and does not
    /// wait long.
    pub(crate) fn framework(&self) -> Framework {
        let backoff = BackoffPolicy::new(Duration::from_millis(2), Duration::from_millis(20));
        Framework::surviving("conformance", Duration::from_secs(3600)).backoff(backoff)
    }

    /// A driver for that framework.
    pub(crate) fn start(&self, master: &FakeMaster, recorder: &Recorder) -> SchedulerDriver {
        self.start_as(self.framework(), &master.url(), recorder)
    }

    pub(crate) fn start_as(
        &self,
        framework: Framework,
        url: &str,
        recorder: &Recorder,
    ) -> SchedulerDriver {
        (self.start)(url, &self.tuning, framework, recorder.clone())
    }

    /// A driver that has subscribed to a scripted master.
    pub(crate) async fn subscribed(&self) -> Subscribed {
        let master = must(FakeMaster::scripted().await);
        self.subscribed_to(master).await
    }

    /// A driver that has subscribed to this master.
    pub(crate) async fn subscribed_to(&self, master: FakeMaster) -> Subscribed {
        let recorder = Recorder::new();
        let driver = self.start(&master, &recorder);
        let stream = master.expect_stream().await;
        recorder.subscribed().await;
        Subscribed {
            master,
            recorder,
            driver,
            stream,
        }
    }
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness")
            .field("tuning", &self.tuning)
            .finish_non_exhaustive()
    }
}

/// A driver with a subscription.
pub(crate) struct Subscribed {
    pub(crate) master: FakeMaster,
    pub(crate) recorder: Recorder,
    pub(crate) driver: SchedulerDriver,
    pub(crate) stream: crate::Stream,
}

/// A failed step of a case is a failed test.
#[track_caller]
pub(crate) fn must<T, E: fmt::Debug>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error:?}"),
    }
}

/// A promise, and how it is proven.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise, as a sentence in snake case.
    pub id: &'static str,
    /// What it is about: the name of its file.
    pub topic: &'static str,
    /// The rows of the checklist that it covers.
    pub rows: &'static [u8],
    run: fn(Harness) -> Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Case {
    /// Runs it in a tokio runtime of its own.
    ///
    /// # Panics
    /// If the promise is broken.
    pub fn run(&self, harness: Harness) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        must(runtime).block_on((self.run)(harness));
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("id", &self.id)
            .field("topic", &self.topic)
            .field("rows", &self.rows)
            .finish()
    }
}

/// The case of this name.
pub fn case(id: &str) -> Option<&'static Case> {
    CASES.iter().find(|case| case.id == id)
}

/// Lists the cases once: for the registry, and for the macro that makes tests.
macro_rules! cases {
    ($dollar:tt $($topic:ident { $($id:ident [$($row:literal)*],)* })*) => {
        /// All cases.
        pub const CASES: &[Case] = &[
            $($(Case {
                id: stringify!($id),
                topic: stringify!($topic),
                rows: &[$($row),*],
                run: |harness| Box::pin($topic::$id(harness)),
            },)*)*
        ];

        /// Makes a `#[test]` of every case, in a module of its topic.
        ///
        /// The argument is an expression of the type
        /// [`Harness`]($crate::conformance::Harness).
        ///
        /// ```
        /// use mesos_testing::conformance::Harness;
        ///
        /// fn my_backend() -> Harness {
        ///     todo!("Harness::new(…)")
        /// }
        ///
        /// mesos_testing::conformance_tests!(super::my_backend());
        /// # fn main() {}
        /// ```
        #[macro_export]
        macro_rules! conformance_tests {
            ($dollar harness:expr) => {
                $(mod $topic {
                    $(#[test]
                    fn $id() {
                        let case = $crate::conformance::case(stringify!($id));
                        case.expect("it is in the registry").run($dollar harness);
                    })*
                })*
            };
        }
    };
}

cases! { $
    transport {
        records_are_read_however_the_stream_is_cut [1],
        a_length_that_is_no_number_is_a_disconnect [2],
        a_stream_that_is_cut_within_a_record_is_a_disconnect_and_no_event [2],
        a_stream_that_ends_in_order_while_the_connection_stays_is_a_disconnect [3],
        requests_name_one_media_type_without_parameters [4],
        calls_go_on_another_connection_than_the_subscription [5],
        json_is_written_and_read_as_mesos_writes_and_reads_it [10],
        a_record_above_the_limit_is_a_disconnect_that_names_the_limit [],
        an_answer_that_is_no_http_fails_the_call_alone [],
    }
    detection {
        a_redirect_is_followed_with_the_same_body_and_no_stream_id [6],
        masters_that_redirect_to_each_other_are_asked_again_after_a_wait [7],
        a_master_that_is_not_ready_is_asked_again [8],
        a_master_that_is_not_there_is_asked_again [8],
    }
    subscription {
        the_framework_id_is_in_both_places_from_then_on [15],
        an_error_as_first_event_is_no_subscription_and_is_not_retried [16],
        calls_carry_the_stream_id_of_the_newest_subscription_and_subscribe_none [17],
        events_of_a_superseded_stream_are_ignored [21],
        being_taken_over_is_the_end_and_no_resubscription [22],
        a_framework_that_was_removed_stops [23],
        a_resubscription_repeats_what_was_suppressed_and_constrained [25],
        an_update_of_the_framework_is_answered_by_its_effect_or_the_reason [26],
        credentials_go_with_every_request_and_wrong_ones_are_the_end [],
    }
    liveness {
        silence_for_five_heartbeats_is_a_disconnect [19],
        any_event_is_a_sign_of_life [19],
        a_subscribe_that_is_not_answered_is_tried_again [20],
        a_stream_that_stays_empty_is_tried_again [20],
        a_call_that_is_not_answered_has_an_unknown_fate_and_ends_the_subscription [20],
        tasks_of_an_accept_that_is_not_answered_are_asked_for_on_the_next_subscription [20],
    }
    calls {
        a_call_on_a_stale_stream_fails_as_not_subscribed [18],
        a_master_that_disowns_the_stream_is_subscribed_to_again [18],
        a_call_without_subscription_fails_at_once_and_is_never_sent [27],
        calls_reach_the_master_in_the_order_in_which_they_were_made [],
        a_refused_call_says_why_and_does_not_hurt_the_subscription [],
        a_connection_that_breaks_under_a_call_leaves_its_fate_unknown [],
    }
    events {
        what_a_newer_mesos_sends_does_not_end_the_stream [9],
        text_that_is_not_utf_8_holds_nothing_up [],
        a_lost_agent_and_an_ended_executor_are_told_apart [40],
        a_message_arrives_byte_for_byte [],
        inverse_offers_arrive_and_are_answered [],
    }
    updates {
        an_update_without_uuid_is_delivered_and_not_acknowledged [28],
        the_same_update_twice_is_acknowledged_twice [29],
        an_update_whose_acknowledgement_was_lost_is_acknowledged_again [30],
        a_task_that_was_unreachable_can_run_again [31],
        all_updates_of_a_task_come_in_order_across_a_reconnect [],
        reconciling_no_tasks_is_answered_by_nothing_and_does_not_hang [33],
    }
    offers {
        all_offers_are_forgotten_when_the_subscription_is_lost [24],
        accepting_a_rescinded_offer_uses_up_the_others_and_drops_the_task [34],
        offers_of_two_agents_or_two_roles_are_refused_locally [35],
        a_rescind_of_an_offer_that_is_gone_is_ignored [36],
        a_decline_without_filters_means_five_seconds_and_revive_clears_it [37],
        an_offer_that_is_dropped_is_declined [],
        a_suppressed_role_gets_offers_again_after_revive [],
        reviving_a_role_that_is_not_subscribed_to_is_refused_locally [38],
    }
    operations {
        an_operation_update_with_uuid_is_acknowledged_with_all_that_names_it [39],
        an_operation_update_without_uuid_is_not_acknowledged [39],
    }
    handlers {
        an_update_whose_handler_failed_comes_again [],
        a_deferred_update_is_acknowledged_when_its_token_is_used [],
        a_handler_that_panics_ends_the_driver [],
        a_slow_handler_is_not_taken_for_silence_of_the_master [],
        stop_tears_the_framework_down_and_stop_for_failover_does_not [],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CASES;

    #[test]
    fn no_two_cases_have_the_same_name() {
        let ids: BTreeSet<_> = CASES.iter().map(|case| case.id).collect();
        assert_eq!(ids.len(), CASES.len());
    }
}
