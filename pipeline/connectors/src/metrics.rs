//! The metrics of the embedded log: names, units and help.

use metrics::{Unit, describe_counter, describe_histogram};

/// Seconds of one synced write of the embedded log, as a histogram.
pub(crate) const WRITE_SECONDS: &str = "embedded_write_seconds";
/// Bytes of records in one synced write of the embedded log, as a histogram.
pub(crate) const WRITE_BYTES: &str = "embedded_write_bytes";
/// Records that the embedded log has written.
pub(crate) const RECORDS_WRITTEN_TOTAL: &str = "embedded_records_written_total";
/// Records that retention has removed from the embedded log.
pub(crate) const RECORDS_TRIMMED_TOTAL: &str = "embedded_records_trimmed_total";
/// Times that a caller had to wait because too much waited before it.
pub(crate) const QUEUE_FULL_TOTAL: &str = "embedded_queue_full_total";
/// Seconds of a member's commit to the embedded log, waiting included, as a histogram.
pub(crate) const COMMIT_SECONDS: &str = "embedded_commit_seconds";

/// Tells the recorder what each of them means.
pub(crate) fn describe() {
    describe_histogram!(WRITE_SECONDS, Unit::Seconds, "duration of one synced write of the embedded log");
    describe_histogram!(WRITE_BYTES, Unit::Bytes, "records in one synced write of the embedded log");
    describe_counter!(RECORDS_WRITTEN_TOTAL, Unit::Count, "records that the embedded log has written");
    describe_counter!(
        RECORDS_TRIMMED_TOTAL,
        Unit::Count,
        "records that retention has removed from the embedded log"
    );
    describe_counter!(
        QUEUE_FULL_TOTAL,
        Unit::Count,
        "times that a caller waited because too much waited before it"
    );
    describe_histogram!(
        COMMIT_SECONDS,
        Unit::Seconds,
        "duration of a commit to the embedded log, waiting included"
    );
}
