//! References: what it costs to read the same topic and do nothing useful, so that a system's cost can be given as a
//! ratio to it. Each is measured in a process of its own, which makes CPU time and peak memory its own too.

mod batch;
pub(crate) mod drain;
pub(crate) mod echo;

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{kafka, process};
use batch::{Batches, Item};

const METADATA_PATIENCE: Duration = Duration::from_secs(10);
/// A batch call returns as soon as its batch is full, so this matters at the end only.
const BATCH_PATIENCE: Duration = Duration::from_millis(5);
/// A reference that takes longer than this is broken.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a reference does with each record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Work {
    /// Nothing.
    Consume,
    /// Parses the envelope and the payload in it into `serde_json::Value`s, and drops them.
    Parse,
}

/// What a reference took.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    /// What it did.
    pub(crate) work: Work,
    /// Records read.
    pub(crate) events: u64,
    /// Of these, records whose envelope is not JSON, or has no payload that is.
    pub(crate) not_json: u64,
    /// Bytes of keys and values.
    pub(crate) bytes: u64,
    /// From the first record to the last.
    pub(crate) wall_seconds: f64,
    /// User and system time of the whole client, from its creation on.
    pub(crate) cpu_seconds: f64,
    /// Records per second of wall time.
    pub(crate) events_per_second: f64,
    /// Records per second of CPU time.
    pub(crate) events_per_cpu_second: f64,
    /// CPU time per record in microseconds.
    pub(crate) cpu_micros_per_event: f64,
    /// The greatest resident set of its process.
    pub(crate) peak_rss_bytes: u64,
}

/// Reads the topic from its beginning to where it ends now.
pub(crate) fn measure(work: Work, broker: &str, topic: &str, events_max: u64) -> Result<Cost> {
    let cpu_before = process::own()?.cpu;
    let mut config = kafka::consumer(broker);
    config
        .set("enable.partition.eof", "true")
        .set("queued.max.messages.kbytes", "65536")
        .set("fetch.queue.backoff.ms", "5");
    let consumer: BaseConsumer = config.create().context("creating the reference consumer")?;
    let partitions = kafka::partitions(&consumer, broker, topic, METADATA_PATIENCE)?;
    let mut open = partitions.len();
    let mut assignment = TopicPartitionList::new();
    for partition in partitions {
        assignment
            .add_partition_offset(topic, partition, Offset::Beginning)
            .context("a partition from its beginning")?;
    }
    consumer.assign(&assignment).with_context(|| format!("reading {topic}"))?;

    let mut batches = Batches::new(consumer)?;
    let deadline = Instant::now() + PATIENCE;
    let (mut first, mut last) = (None, Instant::now());
    let (mut events, mut not_json, mut bytes) = (0_u64, 0_u64, 0_u64);
    let mut trouble = None;
    while open > 0 && events < events_max {
        let before = events;
        batches.next(BATCH_PATIENCE, |item| match item {
            Item::Record { value, key_bytes } => {
                events += 1;
                bytes += u64::try_from(value.len() + key_bytes).expect("a record fits 64 bits");
                not_json += u64::from(work == Work::Parse && !parses(value));
            },
            Item::End => open = open.saturating_sub(1),
            Item::Error(error) => trouble = Some(error),
        })?;
        if events > before {
            last = Instant::now();
            first.get_or_insert(last);
        }
        if Instant::now() > deadline {
            let trouble = trouble.map_or_else(String::new, |error| format!("; the last error was {error}"));
            bail!("{topic} at {broker} could not be read in {} s{trouble}", PATIENCE.as_secs());
        }
    }
    let Some(first) = first else { bail!("the topic {topic} at {broker} has no records to measure with") };
    let usage = process::own()?;
    let wall = (last - first).as_secs_f64().max(1e-9);
    let cpu = (usage.cpu - cpu_before).as_secs_f64().max(1e-9);
    // Counts of events are far below 2^52, where floating point is exact.
    let count = events as f64;
    Ok(Cost {
        work,
        events,
        not_json,
        bytes,
        wall_seconds: wall,
        cpu_seconds: cpu,
        events_per_second: count / wall,
        events_per_cpu_second: count / cpu,
        cpu_micros_per_event: cpu * 1e6 / count,
        peak_rss_bytes: usage.peak_rss_bytes,
    })
}

/// Measures in a process of its own.
pub(crate) fn measure_apart(work: Work, broker: &str, topic: &str, events_max: u64) -> Result<Cost> {
    let name = match work {
        Work::Consume => "consume",
        Work::Parse => "parse",
    };
    let this = std::env::current_exe().context("finding this program")?;
    let output = Command::new(this)
        .args([
            "reference",
            name,
            "--kafka",
            broker,
            "--topic",
            topic,
            "--json",
            "--events-max",
            &events_max.to_string(),
        ])
        .output()
        .context("starting the reference")?;
    if !output.status.success() {
        bail!("the reference `{name}` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    serde_json::from_slice(&output.stdout).context("the reference printed something else than its result")
}

/// Whether envelope and payload are there and JSON; both are parsed into values. A payload may also be a plain object.
fn parses(value: &[u8]) -> bool {
    let Ok(envelope) = serde_json::from_slice::<Value>(value) else {
        return false;
    };
    match black_box(&envelope).get("payload") {
        Some(Value::String(text)) => black_box(serde_json::from_str::<Value>(text)).is_ok(),
        other => other.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::parses;

    #[test]
    fn envelope_and_payload_have_to_be_json() {
        assert!(parses(br#"{"customerId":"c","payload":"{\"a\":1}"}"#));
        assert!(parses(br#"{"customerId":"c","payload":{"a":1}}"#));
        assert!(!parses(br#"{"customerId":"c","payload":"{\"a\":"}"#));
        assert!(!parses(br#"{"customerId":"c"}"#));
        assert!(!parses(b"nothing"));
    }
}
