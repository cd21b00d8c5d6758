//! Names of this crate's metrics.

/// Seconds of a batch of state changes, as a histogram.
pub(crate) const WRITE_SECONDS: &str = "state_write_seconds";
/// Changes of state that were written.
pub(crate) const WRITES_TOTAL: &str = "state_writes_total";
/// Seconds of a batch of reads, as a histogram.
pub(crate) const READ_SECONDS: &str = "state_read_seconds";
/// Keys that were read.
pub(crate) const READS_TOTAL: &str = "state_reads_total";
