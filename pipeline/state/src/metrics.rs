//! The metrics of the state backend: names, units and help.

use metrics::{Unit, describe_counter, describe_histogram};

/// Seconds of a batch of state changes, as a histogram.
pub(crate) const WRITE_SECONDS: &str = "state_write_seconds";
/// Changes of state that were written.
pub(crate) const WRITES_TOTAL: &str = "state_writes_total";
/// Seconds of a batch of reads, as a histogram.
pub(crate) const READ_SECONDS: &str = "state_read_seconds";
/// Keys that were read.
pub(crate) const READS_TOTAL: &str = "state_reads_total";

/// Tells the recorder what each of them means. Call once, after the recorder is installed.
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
}
