//! The worker's metrics: names, units and help in one place.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Events that were evaluated.
pub(crate) const EVENTS: &str = "worker_events_total";
/// Pairs of event and rule that matched.
pub(crate) const MATCHES: &str = "worker_matches_total";
/// Alerts that were committed.
pub(crate) const ALERTS: &str = "worker_alerts_total";
/// Records that became dead letters, by reason.
pub(crate) const DEAD_LETTERS: &str = "worker_dead_letters_total";
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
/// Age of the last event of a batch when it was taken up.
pub(crate) const LAG_SECONDS: &str = "worker_lag_seconds";

/// Tells the recorder what each metric means. Call once, after the recorder is installed.
pub fn describe() {
    describe_counter!(EVENTS, Unit::Count, "events that were evaluated");
    describe_counter!(MATCHES, Unit::Count, "pairs of event and rule that matched");
    describe_counter!(ALERTS, Unit::Count, "alerts that were committed");
    describe_counter!(DEAD_LETTERS, Unit::Count, "records that became dead letters, by reason");
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
    describe_gauge!(LAG_SECONDS, Unit::Seconds, "age of the last event of a batch when it was taken up");
}
