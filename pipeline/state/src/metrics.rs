//! The metrics of the state backend: names, units and help.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Seconds of a batch of state changes, as a histogram.
pub(crate) const WRITE_SECONDS: &str = "state_write_seconds";
/// Changes of state that were written.
pub(crate) const WRITES_TOTAL: &str = "state_writes_total";
/// Seconds of a batch of reads, as a histogram.
pub(crate) const READ_SECONDS: &str = "state_read_seconds";
/// Keys that were read.
pub(crate) const READS_TOTAL: &str = "state_reads_total";
/// Seconds since the newest checkpoint of a partition was taken.
pub(crate) const CHECKPOINT_AGE_SECONDS: &str = "state_checkpoint_age_seconds";
/// Bytes that the newest checkpoint of a partition consists of.
pub(crate) const CHECKPOINT_BYTES: &str = "state_checkpoint_bytes";
/// Seconds of a checkpoint, copy and upload, as a histogram.
pub(crate) const CHECKPOINT_SECONDS: &str = "state_checkpoint_seconds";
/// Bytes that were sent for checkpoints.
pub(crate) const CHECKPOINT_SENT_BYTES: &str = "state_checkpoint_sent_bytes_total";
/// Checkpoints that could not be taken.
pub(crate) const CHECKPOINT_FAILURES: &str = "state_checkpoint_failures_total";
/// Bytes that were fetched from checkpoints.
pub(crate) const RESTORED_BYTES: &str = "state_restored_bytes_total";

/// Tells the recorder what each metric means. Call once, after the recorder is installed.
pub fn describe() {
    describe_histogram!(
        WRITE_SECONDS,
        Unit::Seconds,
        "duration of writing a batch of changes to a local store"
    );
    describe_counter!(WRITES_TOTAL, Unit::Count, "changes of state that were written");
    describe_histogram!(
        READ_SECONDS,
        Unit::Seconds,
        "duration of reading a batch of keys from a local store"
    );
    describe_counter!(READS_TOTAL, Unit::Count, "keys that were read");
    describe_gauge!(
        CHECKPOINT_AGE_SECONDS,
        Unit::Seconds,
        "time since the newest checkpoint of a partition was taken"
    );
    describe_gauge!(CHECKPOINT_BYTES, Unit::Bytes, "size of the newest checkpoint of a partition");
    describe_histogram!(CHECKPOINT_SECONDS, Unit::Seconds, "duration of a checkpoint, copy and upload");
    describe_counter!(CHECKPOINT_SENT_BYTES, Unit::Bytes, "bytes that were sent for checkpoints");
    describe_counter!(CHECKPOINT_FAILURES, Unit::Count, "checkpoints that could not be taken");
    describe_counter!(RESTORED_BYTES, Unit::Bytes, "bytes that were fetched from checkpoints");
}
