//! The archive's metrics: names, units and help in one place. Whoever drives the archiver writes them.

use metrics::{Unit, describe_counter, describe_gauge};

/// Rows that became visible.
pub const ROWS: &str = "archive_rows_total";
/// Records of the log that are not in the archive yet.
pub const LAG: &str = "archive_lag_records";
/// Commits that another archiver made first.
pub const COMMITS_LOST: &str = "archive_commits_lost_total";
/// Times that the archiver had to begin again.
pub const FAILURES: &str = "archive_failures_total";
/// Times that the archive's files could not be looked after.
pub const UPKEEP_FAILURES: &str = "archive_upkeep_failures_total";

/// Describes every metric; called once at the start.
pub fn describe() {
    describe_counter!(ROWS, Unit::Count, "records that were archived");
    describe_gauge!(LAG, Unit::Count, "records of the log that are not archived yet");
    describe_counter!(COMMITS_LOST, Unit::Count, "commits to the archive that another archiver made first");
    describe_counter!(FAILURES, Unit::Count, "times that the archiver had to begin again");
    describe_counter!(
        UPKEEP_FAILURES,
        Unit::Count,
        "times that the archive's files could not be looked after"
    );
}
