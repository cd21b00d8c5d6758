//! Where streams come from: topics in Kafka, or in a log inside the process.

pub mod embedded;
pub mod kafka;

mod metrics;
