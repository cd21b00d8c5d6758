//! Where streams come from: topics in Kafka, or in a log inside the process.

pub mod embedded;
pub mod kafka;

mod metrics;

/// Tells the recorder what each metric of the connectors means. Call once, after the recorder is installed.
pub fn describe_metrics() {
    metrics::describe();
    kafka::describe_metrics();
}
