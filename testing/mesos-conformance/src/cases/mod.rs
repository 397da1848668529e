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
/// After a case's name comes what limits where it can run: its requirements, the first release
/// of Mesos that has the feature, and the only world for it.
macro_rules! cases {
    ($dollar:tt $($topic:ident {
        $($id:ident $(($($requirement:ident)+))? $(>= $since:literal)?
            $($only:ident $reason:literal)?,)*
    })*) => {
        /// All cases.
        pub const CASES: &[Case] = &[
            $($(Case {
                id: stringify!($id),
                topic: stringify!($topic),
                runs_on: runs_on!($($only $reason)?),
                requires: &[$($(Requirement::$requirement),+)?],
                since: since!($($since)?),
                run: |stage| Box::pin($topic::$id(stage)),
            },)*)*
        ];

        /// Makes a `#[test]` of every case that can run on a fake master, in a module of its topic.
        ///
        /// The argument is an expression of the type [`Harness`]($crate::Harness).
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
        records_are_decoded_across_any_chunk_boundaries (Relay),
        an_invalid_record_length_ends_the_subscription (Relay),
        a_stream_cut_within_a_record_ends_the_subscription_without_an_event (Relay),
        the_end_of_the_stream_ends_the_subscription_on_an_open_connection (Relay),
        requests_name_one_media_type_without_parameters (Relay),
        calls_use_another_connection_than_the_subscription (Relay),
        json_follows_the_mapping_of_mesos
            fake "a real Mesos cannot be made to send these numbers and bytes",
        a_record_over_the_limit_ends_the_subscription_and_names_the_limit (Relay),
        an_invalid_http_response_fails_its_call_and_ends_the_subscription (Relay),
        a_slow_network_loses_no_events (Relay),
    }
    detection {
        a_redirect_is_followed_with_the_same_body_and_without_a_stream_id (Relay),
        a_redirect_loop_is_retried_after_a_delay
            fake "a local cluster has one master, so it never redirects",
        a_master_that_is_not_ready_is_retried
            fake "a real master cannot be held in the moment before it is ready",
        an_unreachable_master_is_retried,
    }
    subscription {
        later_calls_carry_the_framework_id (Relay),
        an_error_as_the_first_event_stops_the_driver (Credentials),
        calls_carry_the_newest_stream_id_and_subscribe_carries_none (Relay),
        events_of_an_old_stream_are_ignored (Relay),
        a_takeover_by_another_instance_stops_the_driver,
        a_removed_framework_stops_the_driver >= "1.5",
        a_resubscription_repeats_suppressed_roles_and_offer_constraints (Relay) >= "1.11",
        a_framework_update_succeeds_or_fails_with_the_masters_reason (Answers Credentials) >= "1.9",
        every_request_carries_the_credentials_and_wrong_credentials_stop_the_driver (Credentials),
        the_principal_of_the_credentials_is_filled_in_and_another_one_is_refused (Credentials),
        a_program_can_request_another_subscription,
        a_master_that_is_older_than_required_stops_the_driver,
    }
    liveness {
        missed_heartbeats_end_the_subscription (Relay),
        any_event_counts_as_a_heartbeat (Relay),
        the_driver_resubscribes_after_mesos_was_paused (Heartbeats),
        an_unanswered_subscribe_is_retried (Relay),
        a_delayed_subscribe_is_not_a_takeover (Relay),
        a_stream_without_a_first_event_is_retried (Relay),
        an_unanswered_call_has_unknown_delivery_and_ends_the_subscription (Relay),
        tasks_of_an_unanswered_accept_are_reconciled_after_the_resubscription (Relay),
    }
    calls {
        a_call_on_a_stale_stream_fails_as_not_subscribed
            fake "needs three exact responses; a_call_detects_a_stream_that_the_master_has_forgotten covers a real one",
        the_driver_resubscribes_when_the_master_rejects_its_stream
            fake "needs two exact responses; a_call_detects_a_stream_that_the_master_has_forgotten covers a real one",
        a_call_detects_a_stream_that_the_master_has_forgotten (Relay),
        a_call_without_a_subscription_fails_at_once_and_is_never_sent,
        a_call_with_a_wait_is_sent_on_the_next_subscription,
        calls_reach_the_master_in_order,
        a_refused_call_fails_with_the_reason_and_keeps_the_subscription (Answers),
        a_call_on_a_broken_connection_has_unknown_delivery (Relay),
        a_request_for_resources_is_accepted_and_ignored,
        safe_calls_are_repeated_if_the_program_wants_that (Relay),
    }
    events {
        unknown_events_and_fields_do_not_end_the_stream
            fake "there is no newer Mesos",
        invalid_utf_8_does_not_block_an_update
            fake "no executor here writes such text",
        agent_and_executor_failures_are_distinguished
            fake "needs both on one stream; the next cases cover real ones",
        the_end_of_an_executor_is_reported_with_its_tasks
            real "a fake agent has no executor that could exit",
        shutdown_ends_an_executor_with_its_tasks,
        a_removed_agent_is_reported_with_its_tasks >= "1.5",
        messages_arrive_unchanged_in_both_directions,
        inverse_offers_can_be_accepted_and_declined,
        the_end_of_a_maintenance_rescinds_its_inverse_offers,
    }
    updates {
        an_update_without_a_uuid_is_delivered_but_not_acknowledged,
        a_repeated_update_is_acknowledged_again
            fake "an agent repeats only what was not acknowledged, as in the next case",
        an_update_is_acknowledged_again_after_a_lost_acknowledgement (Relay),
        all_states_of_a_task_are_delivered_in_order,
        a_killed_task_is_reported_as_killed,
        a_kill_that_names_the_agent_reaches_the_task,
        a_kill_policy_reaches_the_executor
            real "a fake agent starts no executor, which would receive the policy",
        an_invalid_task_is_reported_as_an_error_and_not_acknowledged,
        a_framework_without_partition_awareness_receives_task_lost >= "1.5",
        an_unreachable_task_can_run_again
            fake "master and agents of a local cluster are one process, so no agent is unreachable alone",
        updates_stay_in_order_across_a_reconnect (Relay),
        reconciliation_without_tasks_does_not_hang,
        reconciliation_reports_a_running_task_by_id_and_among_all,
        reconciliation_is_retried_until_it_is_answered (Relay),
    }
    offers {
        all_offers_become_invalid_when_the_subscription_ends,
        accepting_a_rescinded_offer_drops_the_task_and_the_other_offers (Relay) >= "1.9",
        a_rescinded_offer_cannot_be_accepted >= "1.9",
        offers_of_two_agents_cannot_be_accepted_together,
        offers_of_two_roles_cannot_be_accepted_together
            fake "a real allocator decides by itself which roles receive offers of an agent",
        a_rescind_of_a_used_offer_is_ignored
            fake "a real master does not rescind offers that are not outstanding",
        a_decline_without_filters_lasts_five_seconds_or_until_revive,
        a_dropped_offer_is_declined,
        no_offer_is_lost_through_failed_calls (Relay),
        revive_ends_the_suppression_of_a_role (SingleRoles),
        each_role_receives_its_own_offers (SingleRoles),
        an_unsubscribed_role_cannot_be_revived_or_suppressed (SingleRoles),
        offer_constraints_exclude_agents >= "1.11",
    }
    operations {
        reserve_create_destroy_and_unreserve_report_their_status >= "1.8",
        an_operation_update_without_a_uuid_is_not_acknowledged >= "1.8",
        an_unknown_operation_is_reported_as_unknown >= "1.8",
        invalid_operations_are_refused_before_they_are_sent >= "1.9",
        a_task_group_is_launched_together,
        one_accept_takes_several_offers_and_operations >= "1.9",
        a_persistent_volume_grows_and_shrinks >= "1.8",
        disk_operations_without_a_resource_provider_are_refused >= "1.8",
    }
    handlers {
        an_update_is_redelivered_after_its_handler_failed,
        a_deferred_update_is_acknowledged_by_its_token,
        a_panic_in_a_handler_stops_the_driver,
        a_slow_handler_does_not_end_the_subscription,
        stop_tears_the_framework_down_and_stop_for_failover_keeps_it,
        stop_for_failover_waits_for_the_calls_that_were_made_before,
        abort_sends_nothing_even_if_stop_follows,
        a_handler_can_call_stop_and_drop_its_driver,
    }
    survival {
        tasks_survive_a_crash_of_the_whole_cluster,
        a_fully_used_cluster_recovers_with_its_tasks,
        tasks_that_a_replaced_cluster_does_not_know_can_be_launched_again >= "1.5"
            real "the fake master keeps its registry over a failover",
        without_partition_awareness_tasks_of_a_replaced_cluster_are_lost
            real "the fake master keeps its registry over a failover",
        a_restarted_scheduler_finds_its_tasks,
        a_framework_past_its_failover_timeout_is_removed,
        tls_connects_only_to_a_trusted_master (Tls)
            real "the fake master does not speak TLS",
    }
    executor_updates {
        an_update_is_completed_with_the_fields_that_agents_require
            fake "an agent does not show the fields; the scheduler's cases receive such updates",
        unacknowledged_updates_and_tasks_are_repeated_when_subscribing
            fake "a real agent acknowledges at once",
        updates_stay_in_order_through_failures
            fake "no proxy can stand between a real agent and its executor",
        an_invalid_update_is_refused_before_it_is_sent
            fake "a real agent is not involved",
        join_reports_updates_that_the_agent_refused
            fake "a real agent has no reason to refuse the driver's updates",
        stop_waits_for_acknowledgements_and_reports_missing_ones
            fake "a real agent acknowledges at once",
        unacknowledged_updates_survive_a_restart_of_the_executor
            fake "a real agent acknowledges at once",
    }
    executor_subscription {
        a_recovering_agent_is_retried_within_its_reregistration_window
            fake "a real agent cannot be held in that moment; executor_survival has one that restarts",
        an_unreachable_agent_is_retried
            fake "a real executor is started by its agent",
        shutdown_as_the_first_event_ends_the_executor_normally
            fake "on a real agent the moment is too short",
        every_request_carries_the_token_and_a_wrong_token_ends_the_executor
            fake "a real agent does not give out wrong tokens; mesos-local tests right ones",
        an_agents_unix_socket_is_used_with_the_libprocess_path
            fake "the agents of a local cluster have no unix socket",
        the_environment_is_parsed_as_mesos_writes_it
            fake "executor_survival uses the environment of a real agent",
        a_refused_subscription_ends_the_executor_with_the_agents_reason
            fake "a real agent does not refuse its executors",
        an_error_event_ends_the_executor_with_its_message
            fake "a real agent does not send ERROR",
        a_server_that_is_not_an_agent_never_hangs_the_executor
            fake "a real agent is an agent",
        an_unreadable_stream_ends_the_subscription
            fake "no proxy can stand between a real agent and its executor",
        executor_events_are_decoded_across_any_chunk_boundaries
            fake "no proxy can stand between a real agent and its executor",
        silence_of_the_agent_does_not_end_the_subscription
            fake "the heartbeat interval of a real agent is 30 minutes; the executors of executor_survival see no heartbeat",
        the_driver_resubscribes_when_the_agent_rejects_the_executor
            fake "a real agent does not forget a running executor",
        a_message_without_a_subscription_fails_at_once
            fake "a real executor is started by its agent",
    }
    executor_lifetime {
        with_checkpointing_tasks_survive_a_crash_of_the_agent
            fake "executor_survival has a real agent",
        without_checkpointing_an_executor_ends_with_its_agent
            fake "executor_survival has a real agent",
        the_executor_ends_after_the_recovery_timeout
            fake "executor_survival has a real agent",
        the_executor_ends_when_the_recovered_agent_rejects_its_token
            fake "a local cluster keeps its key",
        a_shutdown_completes_when_every_task_has_ended
            fake "the scheduler's case shutdown_ends_an_executor_with_its_tasks has a real agent",
        a_shutdown_ends_after_the_grace_period
            fake "executor_survival has a real process",
    }
    executor_events {
        queued_tasks_and_groups_are_launched
            fake "the scheduler's cases launch both on a real agent",
        a_failed_launch_handler_reports_its_tasks_as_failed
            fake "a real agent is not involved",
        a_failed_handler_does_not_stop_the_driver
            fake "a real agent is not involved",
        a_panic_in_an_executor_handler_stops_the_driver
            fake "a real agent is not involved",
        every_kill_is_delivered_with_its_policy
            fake "the executor decides what a kill does; mesos-launcher tests the command executor",
        executor_messages_arrive_unchanged_in_both_directions
            fake "the scheduler's case of messages has a real agent",
        an_unknown_executor_event_does_not_end_the_stream
            fake "there is no newer Mesos",
    }
    executor_survival {
        an_executor_survives_a_crash_without_losing_updates
            real "a fake agent starts no processes",
        without_checkpointing_a_crash_ends_the_executor
            real "a fake agent starts no processes",
        an_executor_process_ends_after_the_recovery_timeout
            real "a fake agent starts no processes",
        an_executor_waits_for_a_paused_agent
            real "a fake agent starts no processes",
        the_tasks_of_a_killed_executor_are_reported_as_failed
            real "a fake agent starts no processes",
        a_hanging_executor_exits_after_its_grace_period
            real "a fake agent starts no processes",
    }
}

#[cfg(test)]
mod tests {
    use super::CASES;

    #[test]
    fn every_case_has_its_own_name() {
        let mut ids: Vec<_> = CASES.iter().map(|case| case.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), CASES.len());
    }

    #[test]
    fn the_documentation_lists_every_case_in_order_and_explains_it() {
        let text = include_str!("../../../../docs/conformance.md");
        let mut topic = "";
        let mut cases = CASES.iter();
        let mut listed = 0;
        for line in text.lines() {
            if let Some((_, name)) = line.split_once(" (`") {
                topic = name.trim_end_matches("`)");
            }
            let Some((number, rest)) = line.split_once(". ") else {
                continue;
            };
            if number.parse() != Ok(listed + 1) {
                continue;
            }
            listed += 1;
            let case = cases.next().expect("a case for each number");
            let (sentence, id) = rest.split_once(" `").map_or((rest, ""), |_| {
                rest.trim_end_matches('`')
                    .rsplit_once(" `")
                    .expect("a name")
            });
            assert_eq!((topic, id), (case.topic, case.id), "number {number}");
            assert!(sentence.ends_with('.'), "number {number}: {sentence}");
        }
        assert_eq!(listed, CASES.len(), "docs/conformance.md misses cases");
    }
}
