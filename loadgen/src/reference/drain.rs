//! What a process costs at saturation: it works off a backlog, and its CPU time is divided by the events that its group has
//! committed meanwhile.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::{Offset, TopicPartitionList};
use serde::Serialize;

use crate::{kafka, process};

const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(100);

/// What is watched.
#[derive(Debug, clap::Args)]
pub(crate) struct Drain {
    /// The broker.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka: String,
    /// The consumer group that works off the backlog.
    #[arg(long)]
    pub(crate) group: String,
    /// The topic that it reads.
    #[arg(long, default_value = "events")]
    pub(crate) topic: String,
    /// Its process, on this machine.
    #[arg(long)]
    pub(crate) pid: u32,
    /// How long it may take.
    #[arg(long, default_value = "10m", value_parser = crate::arguments::duration)]
    pub(crate) patience: Duration,
}

/// What it took.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Drained {
    /// Events that were committed while it was watched.
    pub(crate) events: u64,
    /// How long that took.
    pub(crate) wall_seconds: f64,
    /// User and system time of the process.
    pub(crate) cpu_seconds: f64,
    /// Events per second of wall time.
    pub(crate) events_per_second: f64,
    /// CPU time per event in microseconds.
    pub(crate) cpu_micros_per_event: f64,
    /// The greatest resident set of the process.
    pub(crate) peak_rss_bytes: u64,
}

/// Watches until the group has come to the end of the topic.
pub(crate) fn measure(settings: &Drain) -> Result<Drained> {
    let mut config = kafka::consumer(&settings.kafka);
    // Only asks for the group's positions; it never joins. Of open transactions the positions before are told.
    config.set("group.id", &settings.group).set("isolation.level", "read_uncommitted");
    let consumer: BaseConsumer = config.create().context("creating the observer of the group")?;
    let partitions = kafka::partitions(&consumer, &settings.kafka, &settings.topic, PATIENCE)?;
    let mut end = 0;
    for partition in &partitions {
        end += consumer.fetch_watermarks(&settings.topic, *partition, PATIENCE)?.1;
    }
    let committed = || -> Result<i64> {
        let mut list = TopicPartitionList::new();
        for partition in &partitions {
            list.add_partition(&settings.topic, *partition);
        }
        let found = consumer.committed_offsets(list, PATIENCE).context("asking for the group's positions")?;
        let next = |offset: Offset| if let Offset::Offset(next) = offset { next } else { 0 };
        Ok(found.elements().iter().map(|element| next(element.offset())).sum())
    };
    let first = committed()?;
    let (began, before) = (Instant::now(), process::other(settings.pid)?);
    let last = loop {
        thread::sleep(PAUSE);
        let now = committed()?;
        if now >= end {
            break now;
        }
        if began.elapsed() > settings.patience {
            bail!(
                "group {} has come from {first} to {now} of {end} events and no further in time",
                settings.group
            );
        }
    };
    let (wall, after) = (began.elapsed().as_secs_f64(), process::other(settings.pid)?);
    let cpu = (after.cpu - before.cpu).as_secs_f64();
    let events = u64::try_from(last - first).context("the group went backwards")?;
    if events == 0 {
        bail!("group {} was at the end already", settings.group);
    }
    // Counts of events are far below 2^52, where floating point is exact.
    let count = events as f64;
    Ok(Drained {
        events,
        wall_seconds: wall,
        cpu_seconds: cpu,
        events_per_second: count / wall,
        cpu_micros_per_event: cpu * 1e6 / count,
        peak_rss_bytes: after.peak_rss_bytes,
    })
}
