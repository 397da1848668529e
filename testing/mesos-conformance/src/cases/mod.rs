//! The cases, and the registry that lists them.

mod calls;
mod detection;
mod events;
mod executor;
mod handlers;
mod liveness;
mod offers;
mod operations;
mod subscription;
mod survival;
mod transport;
mod updates;

use executor::{
    events as executor_events, lifetime as executor_lifetime,
    subscription as executor_subscription, survival as executor_survival,
    updates as executor_updates,
};

use crate::case::{Case, RunsOn};
use crate::requirement::Requirement;

/// Lists the cases once: for the registry, and for the macro that makes tests.
/// After a case's rows comes what keeps it from being played everywhere: what it
/// needs of a backend, the release that brought it, and the only world for it.
macro_rules! cases {
    ($dollar:tt $($topic:ident {
        $($id:ident [$($row:literal)*] $(($($means:ident)+))? $(>= $since:literal)?
            $($only:ident $reason:literal)?,)*
    })*) => {
        /// All cases.
        pub const CASES: &[Case] = &[
            $($(Case {
                id: stringify!($id),
                topic: stringify!($topic),
                rows: &[$($row),*],
                runs_on: runs_on!($($only $reason)?),
                requires: &[$($(Requirement::$means),+)?],
                since: since!($($since)?),
                run: |stage| Box::pin($topic::$id(stage)),
            },)*)*
        ];

        /// Makes a `#[test]` of every case that can be played on a fake master,
        /// in a module of its topic.
        ///
        /// The argument is an expression of the type
        /// [`Harness`]($crate::Harness).
        ///
        /// ```
        /// use mesos_conformance::Harness;
        ///
        /// fn my_backend() -> Harness {
        ///     todo!("Harness::new(…)")
        /// }
        ///
        /// mesos_conformance::conformance_tests!(super::my_backend());
        /// # fn main() {}
        /// ```
        #[macro_export]
        macro_rules! conformance_tests {
            ($dollar harness:expr) => {
                $(mod $topic {
                    $($crate::conformance_test!($($only)? $id, $dollar harness);)*
                })*
            };
        }
    };
}

macro_rules! since {
    () => {
        None
    };
    ($release:literal) => {
        Some($release)
    };
}

macro_rules! runs_on {
    () => {
        RunsOn::Both
    };
    (fake $reason:literal) => {
        RunsOn::FakeOnly($reason)
    };
    (real $reason:literal) => {
        RunsOn::RealOnly($reason)
    };
}

cases! { $
    transport {
        records_are_read_however_the_stream_is_cut [1] (Relay),
        a_length_that_is_no_number_is_a_disconnect [2] (Relay),
        a_stream_that_is_cut_within_a_record_is_a_disconnect_and_no_event [2] (Relay),
        a_stream_that_ends_in_order_while_the_connection_stays_is_a_disconnect [3] (Relay),
        requests_name_one_media_type_without_parameters [4] (Relay),
        calls_go_on_another_connection_than_the_subscription [5] (Relay),
        json_is_written_and_read_as_mesos_writes_and_reads_it [10]
            fake "a real Mesos cannot be made to choose such numbers and bytes",
        a_record_above_the_limit_is_a_disconnect_that_names_the_limit [] (Relay),
        an_answer_that_is_no_http_fails_the_call_alone [] (Relay),
        a_slow_and_halting_network_loses_nothing [1] (Relay),
    }
    detection {
        a_redirect_is_followed_with_the_same_body_and_no_stream_id [6] (Relay),
        masters_that_redirect_to_each_other_are_asked_again_after_a_wait [7]
            fake "a local cluster has one master, so it never redirects",
        a_master_that_is_not_ready_is_asked_again [8]
            fake "a real master cannot be held in the moment before it is ready",
        a_master_that_is_not_there_is_asked_again [8],
    }
    subscription {
        the_framework_id_is_in_both_places_from_then_on [15] (Relay),
        an_error_as_first_event_is_no_subscription_and_is_not_retried [16] (Credentials),
        calls_carry_the_stream_id_of_the_newest_subscription_and_subscribe_none [17] (Relay),
        events_of_a_superseded_stream_are_ignored [21] (Relay),
        being_taken_over_is_the_end_and_no_resubscription [22],
        a_framework_that_was_removed_stops [23] >= "1.5",
        a_resubscription_repeats_what_was_suppressed_and_constrained [25] (Relay) >= "1.11",
        an_update_of_the_framework_is_answered_by_its_effect_or_the_reason [26] (Answers Credentials) >= "1.9",
        credentials_go_with_every_request_and_wrong_ones_are_the_end [] (Credentials),
    }
    liveness {
        silence_for_some_heartbeats_is_a_disconnect [19] (Relay),
        any_event_is_a_sign_of_life [19] (Relay),
        a_mesos_that_was_stopped_and_goes_on_is_subscribed_to_again [19 20] (Heartbeats),
        a_subscribe_that_is_not_answered_is_tried_again [20] (Relay),
        a_subscribe_that_arrives_after_all_does_not_end_its_driver [20 22] (Relay),
        a_stream_that_stays_empty_is_tried_again [20] (Relay),
        a_call_that_is_not_answered_has_an_unknown_fate_and_ends_the_subscription [20] (Relay),
        tasks_of_an_accept_that_is_not_answered_are_asked_for_on_the_next_subscription [20] (Relay),
    }
    calls {
        a_call_on_a_stale_stream_fails_as_not_subscribed [18]
            fake "three answers, word by word; the case after the next has a real one",
        a_master_that_disowns_the_stream_is_subscribed_to_again [18]
            fake "two answers, word by word; the next case has a real one",
        a_stream_of_which_the_master_knows_no_more_is_found_out_by_a_call [18] (Relay),
        a_call_without_subscription_fails_at_once_and_is_never_sent [27],
        a_call_that_may_wait_is_made_on_the_next_subscription [27],
        calls_reach_the_master_in_the_order_in_which_they_were_made [],
        a_refused_call_says_why_and_does_not_hurt_the_subscription [] (Answers),
        a_connection_that_breaks_under_a_call_leaves_its_fate_unknown [] (Relay),
    }
    events {
        what_a_newer_mesos_sends_does_not_end_the_stream [9]
            fake "there is no newer Mesos",
        text_that_is_not_utf_8_holds_nothing_up []
            fake "no executor here writes such text",
        a_lost_agent_and_an_ended_executor_are_told_apart [40]
            fake "both on one stream; the next cases have real ones",
        an_executor_that_ends_takes_its_tasks_along [40]
            real "a fake agent has no executor that could end",
        an_executor_is_shut_down_with_its_tasks [],
        an_agent_that_is_gone_for_good_takes_its_tasks_along [40] >= "1.5",
        messages_go_both_ways_byte_for_byte [],
        inverse_offers_arrive_and_are_answered [],
    }
    updates {
        an_update_without_uuid_is_delivered_and_not_acknowledged [28],
        the_same_update_twice_is_acknowledged_twice [29]
            fake "an agent repeats only what was not acknowledged, as in the next case",
        an_update_whose_acknowledgement_was_lost_is_acknowledged_again [29 30] (Relay),
        a_task_tells_its_whole_life_in_order [],
        a_task_is_killed_and_says_so [],
        a_task_that_cannot_be_is_an_error_without_acknowledgement [28],
        tasks_are_lost_to_a_framework_that_knows_no_partitions [31] >= "1.5",
        a_task_that_was_unreachable_can_run_again [31]
            fake "master and agents of a local cluster are one process: none is lost alone",
        all_updates_of_a_task_come_in_order_across_a_reconnect [] (Relay),
        reconciling_no_tasks_is_answered_by_nothing_and_does_not_hang [33],
        a_running_task_is_found_by_asking_for_it_and_by_asking_for_all [28],
        tasks_are_asked_for_until_there_is_an_answer [32] (Relay),
    }
    offers {
        all_offers_are_forgotten_when_the_subscription_is_lost [24 54],
        accepting_a_rescinded_offer_uses_up_the_others_and_drops_the_task [34] (Relay) >= "1.9",
        an_offer_that_was_rescinded_is_not_accepted [34] >= "1.9",
        offers_of_two_agents_are_refused_locally [35],
        offers_of_two_roles_are_refused_locally [35]
            fake "which roles a real allocator offers one agent to is its own affair",
        a_rescind_of_an_offer_that_is_gone_is_ignored [36]
            fake "no real master rescinds what it does not have outstanding",
        a_decline_without_filters_means_five_seconds_and_revive_clears_it [37],
        an_offer_that_is_dropped_is_declined [],
        a_suppressed_role_gets_offers_again_after_revive [] (SingleRoles),
        every_role_of_a_framework_gets_offers_of_its_own [] (SingleRoles),
        reviving_a_role_that_is_not_subscribed_to_is_refused_locally [38] (SingleRoles),
        agents_that_offer_constraints_exclude_are_not_offered [] >= "1.11",
    }
    operations {
        resources_are_reserved_used_and_given_back_with_feedback [39] >= "1.8",
        an_operation_update_without_uuid_is_not_acknowledged [39] >= "1.8",
        an_operation_that_nobody_knows_is_answered_as_unknown [] >= "1.8",
        what_mesos_would_abort_on_or_drop_is_refused_locally [57] >= "1.9",
        a_group_of_tasks_is_launched_as_one [],
    }
    handlers {
        an_update_whose_handler_failed_comes_again [],
        a_deferred_update_is_acknowledged_when_its_token_is_used [],
        a_handler_that_panics_ends_the_driver [],
        a_slow_handler_is_not_taken_for_silence_of_the_master [],
        stop_tears_the_framework_down_and_stop_for_failover_does_not [],
        abort_sends_nothing_and_a_later_stop_changes_nothing [58],
        a_handler_can_make_calls_stop_its_driver_and_drop_it [56],
    }
    survival {
        tasks_run_on_while_the_whole_cluster_crashes [15 32 54],
        a_cluster_that_is_full_comes_back_full [],
        a_scheduler_that_comes_back_has_its_tasks [15],
        a_framework_that_stays_away_too_long_is_told_so [23],
        a_framework_is_subscribed_over_tls_and_only_to_whom_it_believes [] (Tls)
            real "the fake master speaks no TLS",
    }
    executor_updates {
        an_update_gets_what_the_agent_insists_on [41]
            fake "an agent shows nobody what it got; the scheduler's cases have updates of ours",
        what_was_not_acknowledged_is_repeated_with_its_tasks [42 43]
            fake "a real agent acknowledges at once",
        updates_stay_in_order_whatever_happens_to_them [42]
            fake "nothing stands between a real agent and its executor",
        an_update_that_no_agent_takes_is_refused_before_it_is_sent [41]
            fake "a real agent has nothing to do with it",
        an_update_that_the_agent_refuses_is_told_at_the_end []
            fake "a real agent has no reason to refuse what we send",
        stop_waits_for_the_last_acknowledgement_and_says_what_is_missing [48]
            fake "a real agent acknowledges at once",
        what_is_unacknowledged_survives_the_executors_own_restart []
            fake "a real agent acknowledges at once",
    }
    executor_subscription {
        an_agent_that_is_not_ready_is_asked_again_within_its_window [45]
            fake "a real agent cannot be held in that moment; survival has one that restarts",
        an_agent_that_is_not_there_is_asked_again [45]
            fake "a real executor is started by its agent",
        shutdown_as_the_first_event_is_a_clean_end [44]
            fake "the moment for it on a real agent is too short to be hit",
        the_token_goes_with_every_request_and_a_wrong_one_is_the_end [49]
            fake "a real agent gives no wrong tokens; mesos-local has tests with right ones",
        an_agent_with_a_unix_socket_is_asked_there_by_its_long_path [50]
            fake "a local cluster's agents have none",
        the_environment_is_read_as_mesos_writes_it [47]
            fake "the real one is what all executors of survival live by",
        an_agent_that_refuses_the_executor_is_told_with_its_words []
            fake "a real agent takes its executors",
        an_error_event_ends_the_executor_with_its_text []
            fake "no real agent sends ERROR",
        what_answers_and_is_no_agent_never_hangs_the_executor []
            fake "a real agent is one",
        a_stream_that_cannot_be_read_is_a_disconnect [2]
            fake "nothing stands between a real agent and its executor",
        events_are_read_however_the_stream_is_cut [1]
            fake "nothing stands between a real agent and its executor",
        silence_of_an_agent_is_no_disconnect [52]
            fake "a real agent's interval is 30 minutes; its executors in survival see no other",
        an_agent_that_disowns_the_executor_is_subscribed_to_again []
            fake "a real agent does not disown a running executor",
        a_message_without_subscription_fails_at_once []
            fake "a real executor is started by its agent",
    }
    executor_lifetime {
        with_checkpointing_tasks_outlive_their_agent [42 46]
            fake "survival has the real one",
        without_checkpointing_an_executor_ends_with_its_agent [46]
            fake "survival has the real one",
        an_agent_that_stays_away_too_long_is_given_up [46]
            fake "survival has the real one",
        an_agent_that_is_back_with_another_token_is_given_up [49]
            fake "a local cluster keeps its key",
        a_shutdown_ends_when_every_task_has_ended []
            fake "the scheduler's case of an executor that is shut down has the real one",
        a_shutdown_does_not_wait_longer_than_the_grace_period [53]
            fake "survival has the real one, with the whole process",
    }
    executor_events {
        tasks_and_groups_that_were_waiting_are_launched []
            fake "the scheduler's cases launch both on a real agent",
        a_launch_that_fails_ends_its_tasks_as_failed []
            fake "it is between the executor and its driver",
        a_handler_that_fails_does_not_stop_the_driver []
            fake "it is between the executor and its driver",
        a_handler_that_panics_ends_the_driver_with_its_words []
            fake "it is between the executor and its driver",
        every_kill_is_told_with_its_policy [51]
            fake "what becomes of it is the executor's; mesos-local has the command executor's",
        bytes_arrive_as_they_are_both_ways []
            fake "the scheduler's case of messages has the real one",
        an_event_of_a_newer_mesos_is_told_and_does_not_end_the_stream [9]
            fake "there is no newer Mesos",
    }
    executor_survival {
        an_executor_outlives_a_crash_and_loses_no_update [42 45 46]
            real "a fake agent starts no processes",
        without_checkpointing_an_executor_ends_with_a_crash [46]
            real "a fake agent starts no processes",
        an_executor_ends_when_its_agent_stays_away_too_long [46]
            real "a fake agent starts no processes",
        an_executor_waits_for_an_agent_that_is_stopped [42 52]
            real "a fake agent starts no processes",
        an_executor_that_is_killed_takes_its_tasks_along [40]
            real "a fake agent starts no processes",
        an_executor_that_hangs_kills_itself_when_its_grace_is_over [53]
            real "a fake agent starts no processes",
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
