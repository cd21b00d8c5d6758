//! Alerts from the alert topic: a `read_committed` consumer of all partitions, from their ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Message, Offset, TopicPartitionList};

use super::{Sighting, decode};
use crate::kafka;

/// How long a poll waits, and so how late a stop is noticed.
const POLL: Duration = Duration::from_millis(100);
const METADATA_PATIENCE: Duration = Duration::from_secs(10);

/// Starts the reader; it runs until `stop`.
pub(crate) fn spawn(broker: String, topic: String, stop: Arc<AtomicBool>, sightings: SyncSender<Sighting>) {
    thread::spawn(move || {
        if let Err(error) = read(&broker, &topic, &stop, &sightings) {
            // Nobody listening means the run is over, and its errors of no interest.
            _ = sightings.send(Sighting::Failed(error));
        }
    });
}

fn read(broker: &str, topic: &str, stop: &AtomicBool, sightings: &SyncSender<Sighting>) -> Result<()> {
    let consumer: BaseConsumer =
        kafka::consumer(broker).create().context("creating the consumer of alerts")?;
    let partitions = kafka::partitions(&consumer, broker, topic, METADATA_PATIENCE)?;
    let mut assignment = TopicPartitionList::new();
    for partition in partitions {
        // A number, not "the end": that would be looked up at the first fetch, after the first alerts perhaps.
        let (_, end) = consumer
            .fetch_watermarks(topic, partition, METADATA_PATIENCE)
            .with_context(|| format!("asking {broker} where {topic}/{partition} ends"))?;
        assignment
            .add_partition_offset(topic, partition, Offset::Offset(end))
            .context("a partition at its end")?;
    }
    consumer.assign(&assignment).with_context(|| format!("reading {topic}"))?;
    if sightings.send(Sighting::Open).is_err() {
        return Ok(());
    }
    while !stop.load(Ordering::Relaxed) {
        let Some(polled) = consumer.poll(POLL) else {
            continue;
        };
        let now = Instant::now();
        match polled {
            Ok(record) => {
                // A tombstone says nothing.
                let Some(bytes) = record.payload() else { continue };
                let alert = decode(bytes).with_context(|| format!("reading {topic}"))?;
                if sightings.send(Sighting::Alert(now, alert)).is_err() {
                    return Ok(());
                }
            },
            Err(error) if kafka::passing(&error) => {},
            Err(error) => return Err(error).with_context(|| format!("reading {topic} from {broker}")),
        }
    }
    Ok(())
}
