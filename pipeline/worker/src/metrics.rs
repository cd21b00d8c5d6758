//! The worker's metrics: names, units and help in one place.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Events that were evaluated.
pub(crate) const EVENTS: &str = "worker_events_total";
/// Pairs of event and rule that matched.
pub(crate) const MATCHES: &str = "worker_matches_total";
/// Payloads in which half a surrogate pair was replaced.
pub(crate) const ALTERED: &str = "worker_altered_payloads_total";
/// Event times that could not be read.
pub(crate) const UNREADABLE_TIMES: &str = "worker_unreadable_event_times_total";
/// Event times too far ahead of their record.
pub(crate) const CLAMPED_TIMES: &str = "worker_clamped_event_times_total";
/// Repeats of an event's id.
pub(crate) const REPEATED: &str = "worker_repeated_events_total";
/// Pairs of event and rule that came too late.
pub(crate) const LATE: &str = "worker_late_events_total";
/// Pairs of event and rule with too many groups.
pub(crate) const GROUPS_CUT: &str = "worker_groups_cut_total";
/// Pairs of event and group that a rule had no room for.
pub(crate) const GROUPS_REFUSED: &str = "worker_groups_refused_total";
/// Those of them that were refused because the customer has too many groups over all rules.
pub(crate) const CUSTOMER_GROUPS_REFUSED: &str = "worker_customer_groups_refused_total";
/// Pairs of event and rule that could not be decided within the limit of nodes.
pub(crate) const RULES_CUT: &str = "worker_rules_cut_total";
/// Suspensions of rules that were asked for.
pub(crate) const RULES_SUSPENDED: &str = "worker_rules_suspended_total";
/// How long it took to merge compiled rules, beside the loop.
pub(crate) const MERGE_SECONDS: &str = "worker_rules_merge_seconds";
/// Timers that fired.
pub(crate) const TIMERS: &str = "worker_timers_total";
/// Alerts that were committed.
pub(crate) const ALERTS: &str = "worker_alerts_total";
/// Records that became dead letters, by reason.
pub(crate) const DEAD_LETTERS: &str = "worker_dead_letters_total";
/// Parts of savepoints that could not be taken.
pub(crate) const SAVEPOINT_FAILURES: &str = "worker_savepoint_failures_total";
/// Duration of an epoch's commit to the log.
pub(crate) const COMMIT_SECONDS: &str = "worker_commit_seconds";
/// Duration of an epoch's write to the local stores.
pub(crate) const STORE_WRITE_SECONDS: &str = "worker_store_write_seconds";
/// Commits that were aborted and tried again.
pub(crate) const COMMIT_ABORTS: &str = "worker_commit_aborts_total";
/// Partitions that this worker evaluates.
pub(crate) const PARTITIONS_LIVE: &str = "worker_partitions_live";
/// Rules in force.
pub(crate) const RULES: &str = "worker_rules";
/// Epochs that a recovery applied from the changelog.
pub(crate) const RECOVERED_EPOCHS: &str = "worker_recovered_epochs_total";
/// Epochs that a recovery still has to apply, by partition.
pub(crate) const RECOVERY_EPOCHS_LEFT: &str = "worker_recovery_epochs_left";
/// Duration of a partition's recovery.
pub(crate) const RECOVERY_SECONDS: &str = "worker_recovery_seconds";
/// Duration of closing an epoch: gathering what the partitions have decided.
pub(crate) const CLOSE_SECONDS: &str = "worker_close_seconds";
/// Duration of evaluating a batch of events.
pub(crate) const EVALUATE_SECONDS: &str = "worker_evaluate_seconds";
/// Bytes that wait for a commit.
pub(crate) const UNCOMMITTED_BYTES: &str = "worker_uncommitted_bytes";
/// How far the ingestion clock is behind the time of day, by partition.
pub(crate) const WATERMARK_DELAY_SECONDS: &str = "worker_watermark_delay_seconds";
/// Age of the last event of a batch when it was taken up, by partition.
pub(crate) const LAG_SECONDS: &str = "worker_lag_seconds";
/// Records that the router made events of.
pub(crate) const ROUTER_EVENTS: &str = "router_events_total";
/// Records that the router could not make events of, by reason.
pub(crate) const ROUTER_DEAD_LETTERS: &str = "router_dead_letters_total";
/// Duration of the router's commits.
pub(crate) const ROUTER_COMMIT_SECONDS: &str = "router_commit_seconds";
/// Commits of the router that were aborted and tried again.
pub(crate) const ROUTER_COMMIT_ABORTS: &str = "router_commit_aborts_total";

/// Tells the recorder what each metric means. Call once, after the recorder is installed.
pub fn describe() {
    describe_counter!(EVENTS, Unit::Count, "events that were evaluated");
    describe_counter!(MATCHES, Unit::Count, "pairs of event and rule that matched");
    describe_counter!(ALTERED, Unit::Count, "payloads in which half a surrogate pair was replaced");
    describe_counter!(
        UNREADABLE_TIMES,
        Unit::Count,
        "event times that could not be read; the record's timestamp was taken"
    );
    describe_counter!(
        CLAMPED_TIMES,
        Unit::Count,
        "event times over an hour ahead of their record; the record's timestamp was taken"
    );
    describe_counter!(REPEATED, Unit::Count, "events that a rule had seen before, by their id");
    describe_counter!(
        LATE,
        Unit::Count,
        "pairs of event and rule that came too late; see the topic of late events"
    );
    describe_counter!(GROUPS_CUT, Unit::Count, "pairs of event and rule with more groups than are looked at");
    describe_counter!(
        GROUPS_REFUSED,
        Unit::Count,
        "pairs of event and group refused because of maxGroups or customer-groups-max"
    );
    describe_counter!(
        CUSTOMER_GROUPS_REFUSED,
        Unit::Count,
        "those of them that were refused because of customer-groups-max"
    );
    describe_counter!(
        RULES_CUT,
        Unit::Count,
        "pairs of event and rule that were not decided: the rule looks at too many nodes"
    );
    describe_counter!(
        RULES_SUSPENDED,
        Unit::Count,
        "suspensions of rules that look at too many nodes, each for one customer"
    );
    describe_histogram!(
        MERGE_SECONDS,
        Unit::Seconds,
        "duration of a merge of compiled rules, beside the loop"
    );
    describe_counter!(TIMERS, Unit::Count, "timers that fired");
    describe_counter!(ALERTS, Unit::Count, "alerts that were committed");
    describe_counter!(DEAD_LETTERS, Unit::Count, "records that became dead letters, by reason");
    describe_counter!(SAVEPOINT_FAILURES, Unit::Count, "parts of savepoints that could not be taken");
    describe_epochs();
}

/// Those of commits, of recovery, of time, and of the router.
fn describe_epochs() {
    describe_histogram!(COMMIT_SECONDS, Unit::Seconds, "duration of an epoch's commit to the log");
    describe_histogram!(
        STORE_WRITE_SECONDS,
        Unit::Seconds,
        "duration of an epoch's write to the local stores"
    );
    describe_counter!(COMMIT_ABORTS, Unit::Count, "commits that were aborted and tried again");
    describe_gauge!(PARTITIONS_LIVE, Unit::Count, "partitions that this worker evaluates");
    describe_gauge!(RULES, Unit::Count, "rules in force");
    describe_counter!(RECOVERED_EPOCHS, Unit::Count, "epochs that a recovery applied from the changelog");
    describe_gauge!(
        LAG_SECONDS,
        Unit::Seconds,
        "age of the last event of a batch when it was taken up, by partition"
    );
    describe_gauge!(
        WATERMARK_DELAY_SECONDS,
        Unit::Seconds,
        "how far a partition's ingestion clock is behind the time of day"
    );
    describe_gauge!(UNCOMMITTED_BYTES, Unit::Bytes, "output and state that wait for a commit");
    describe_histogram!(EVALUATE_SECONDS, Unit::Seconds, "duration of evaluating a batch of events");
    describe_histogram!(CLOSE_SECONDS, Unit::Seconds, "duration of closing an epoch, before its commit");
    describe_gauge!(
        RECOVERY_EPOCHS_LEFT,
        Unit::Count,
        "epochs that a partition's recovery still has to apply"
    );
    describe_histogram!(RECOVERY_SECONDS, Unit::Seconds, "duration of a partition's recovery");
    describe_counter!(ROUTER_EVENTS, Unit::Count, "records that the router made events of");
    describe_counter!(
        ROUTER_DEAD_LETTERS,
        Unit::Count,
        "records that the router could not make events of, by reason"
    );
    describe_histogram!(ROUTER_COMMIT_SECONDS, Unit::Seconds, "duration of the router's commits");
    describe_counter!(
        ROUTER_COMMIT_ABORTS,
        Unit::Count,
        "commits of the router that were aborted and tried again"
    );
}
