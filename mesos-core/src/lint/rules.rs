//! The list of rules.

use super::Severity;

/// What a lint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rule {
    /// The name, in lower case with dashes.
    pub name: &'static str,
    /// The severity, unless a [`Linter`](super::Linter) changes it.
    pub severity: Severity,
    /// What the rule finds, in one sentence.
    pub summary: &'static str,
}

macro_rules! rules {
    ($($name:ident $severity:ident $text:literal $summary:literal)*) => {
        $(
            pub(super) static $name: Rule = Rule {
                name: $text,
                severity: Severity::$severity,
                summary: $summary,
            };
        )*

        /// All rules: first the rules about frameworks, then those about tasks and executors.
        pub static RULES: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    FAILOVER_WITHOUT_CHECKPOINT Warning "failover-without-checkpoint"
        "A framework has a failover timeout, and its tasks end with a restart of their agent."
    INVALID_FAILOVER_TIMEOUT Error "invalid-failover-timeout"
        "The failover timeout is not a number, or does not fit into 64 bits of nanoseconds."
    INVALID_FILTER Error "invalid-filter"
        "An offer filter has an amount that is not a number of 0 or more."
    INVALID_ROLES Error "invalid-roles"
        "The roles of a framework have invalid names, are repeated, or are in the wrong field."
    NOT_PARTITION_AWARE Warning "not-partition-aware"
        "Mesos reports an unreachable task to the framework as TASK_LOST, which is terminal."
    NO_FAILOVER_TIMEOUT Warning "no-failover-timeout"
        "A framework checkpoints, but all of its tasks end when its scheduler disconnects."
    NO_ROLES Warning "no-roles"
        "A framework without roles does not receive offers."
    PRINCIPAL_DIFFERS Error "principal-differs"
        "The principal of the framework is not the principal of its credential."
    SECRET_WITHOUT_PRINCIPAL Error "secret-without-principal"
        "A credential has a secret and no principal."

    ARGUMENT_ZERO Warning "argument-zero"
        "The first argument of a command looks like an option, but becomes the program's name."
    CHECK_PORT Warning "check-port"
        "A check connects to a port that the task does not have."
    COMMAND_OR_EXECUTOR Error "command-or-executor"
        "A task has both a command and an executor, or neither."
    COMMAND_WITHOUT_VALUE Error "command-without-value"
        "A command has nothing to run."
    DISCOVERY_PORT Warning "discovery-port"
        "A task announces a port that the task does not have."
    DUPLICATE_TASK_ID Error "duplicate-task-id"
        "Two tasks that are launched together have the same id."
    DUPLICATE_VARIABLE Warning "duplicate-variable"
        "An environment has two variables with the same name."
    EXECUTOR_RESOURCES Warning "executor-resources"
        "An executor has less than 0.01 cpus or less than 32 MB of memory."
    FRACTIONAL_GPUS Error "fractional-gpus"
        "The number of gpus is not a whole number."
    IGNORED_FIELD Warning "ignored-field"
        "Mesos ignores a field because of another field."
    INVALID_CHECK Error "invalid-check"
        "A check or a health check is incomplete or contradictory."
    INVALID_CONTAINER Error "invalid-container"
        "A container is incomplete or contradictory."
    INVALID_EXECUTOR Error "invalid-executor"
        "An executor does not have the fields of its type."
    INVALID_GROUP Error "invalid-group"
        "A task of a task group has something that is only possible outside of a group."
    INVALID_ID Error "invalid-id"
        "An id is empty, too long, or not usable as the name of a directory."
    INVALID_LIMIT Error "invalid-limit"
        "A limit is below the request, or is not of cpus or mem."
    INVALID_PORT Error "invalid-port"
        "A number is not a port from 1 to 65535."
    INVALID_RESOURCE Error "invalid-resource"
        "Mesos does not accept a resource."
    INVALID_VARIABLE Error "invalid-variable"
        "A variable of an environment does not have the fields of its type."
    KILL_GRACE_TOO_LONG Warning "kill-grace-too-long"
        "A task has more time to end than its executor."
    KILL_POLICY_WITHOUT_EFFECT Warning "kill-policy-without-effect"
        "A kill policy has no grace period."
    MISSING_AMOUNT Warning "missing-amount"
        "A task has no cpus or no mem, so it has only what an agent adds for the executor."
    MISSING_CAPABILITY Error "missing-capability"
        "A task has a resource that is only offered to frameworks with a certain capability."
    MIXED_RESOURCES Error "mixed-resources"
        "Resources cannot be used together: revocable and not, for two roles, or one of them twice."
    MORE_THAN_OFFERED Error "more-than-offered"
        "The tasks have more resources than the offer."
    NEGATIVE_DURATION Error "negative-duration"
        "A duration is negative."
    NO_RESOURCES Error "no-resources"
        "A task has no resources."
    PORT_OUTSIDE_OFFER Error "port-outside-offer"
        "A task has a port that is outside of every range of the offer."
    RELATIVE_FILE_IN_IMAGE Warning "relative-file-in-image"
        "A command in an image runs a fetched file by a path relative to the working directory."
    ROLE_NOT_SUBSCRIBED Error "role-not-subscribed"
        "A resource is reserved for or allocated to a role that the framework does not have."
    SHARE_CGROUPS Error "share-cgroups"
        "The field share_cgroups is used where Mesos does not accept it."
    ZERO_AMOUNT Warning "zero-amount"
        "An amount is zero, so Mesos removes the resource."
}
