//! The metrics of the Kafka connector, all of them.

use std::time::Duration;

const RECORDS_APPENDED: &str = "kafka_records_appended_total";
const COMMIT_SECONDS: &str = "kafka_commit_step_seconds";
const ABORTS: &str = "kafka_commits_not_done_total";
const REBALANCES: &str = "kafka_rebalances_total";
const PRODUCERS_RECREATED: &str = "kafka_producers_recreated_total";

/// Tells the recorder what each of them means.
pub(crate) fn describe() {
    use metrics::{Unit, describe_counter, describe_histogram};
    describe_counter!(RECORDS_APPENDED, Unit::Count, "records written to Kafka outside of transactions");
    describe_histogram!(
        COMMIT_SECONDS,
        Unit::Seconds,
        "duration of a transaction by step: deliver, positions, commit"
    );
    describe_counter!(
        ABORTS,
        Unit::Count,
        "transactions that did not happen, by result: aborted, lost, fatal"
    );
    describe_counter!(
        REBALANCES,
        Unit::Count,
        "changes of the group's assignment, by what: assign, revoke, lose"
    );
    describe_counter!(PRODUCERS_RECREATED, Unit::Count, "transactional producers replaced after a doubt");
}

/// A step of a commit.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// From the first record until the last one's delivery report.
    Deliver,
    /// Putting the positions into the transaction.
    Positions,
    /// Ending the transaction.
    Commit,
}

/// What a rebalance did.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rebalance {
    /// It gave partitions.
    Assign,
    /// It asked for partitions.
    Revoke,
    /// It took partitions.
    Lose,
}

/// Records were written outside of transactions.
pub(super) fn appended(records: usize) {
    metrics::counter!(RECORDS_APPENDED).increment(records as u64);
}

/// A step of a commit took this long.
pub(super) fn commit_step(step: Step, took: Duration) {
    let step = match step {
        Step::Deliver => "deliver",
        Step::Positions => "positions",
        Step::Commit => "commit",
    };
    metrics::histogram!(COMMIT_SECONDS, "step" => step).record(took.as_secs_f64());
}

/// A commit did not happen.
pub(super) fn not_committed(result: &'static str) {
    metrics::counter!(ABORTS, "result" => result).increment(1);
}

/// The group was rebalanced.
pub(super) fn rebalanced(what: Rebalance) {
    let what = match what {
        Rebalance::Assign => "assign",
        Rebalance::Revoke => "revoke",
        Rebalance::Lose => "lose",
    };
    metrics::counter!(REBALANCES, "what" => what).increment(1);
}

/// A transactional producer was replaced after a doubt.
pub(super) fn producer_recreated() {
    metrics::counter!(PRODUCERS_RECREATED).increment(1);
}
