//! The reference for latency: a transactional echo. It evaluates nothing, and commits as often and as much as the product
//! does: every so many events an output, a record beside it for each partition touched, and the input positions, in one
//! transaction. What an alert takes longer than that is the product's own.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use rdkafka::{ClientConfig, ClientContext, Message, Offset, TopicPartitionList};
use uuid::Uuid;

use crate::kafka;
use crate::latency::{Latencies, Summary};
use crate::schedule::Schedule;
use crate::splitmix::SplitMix;

const PATIENCE: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(1);
/// An output in bytes, about an alert.
const OUTPUT_BYTES: usize = 300;

/// What is echoed, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Echo {
    /// The broker.
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) kafka: String,
    /// The topic that events are sent to and read from, empty or of no further use.
    #[arg(long)]
    pub(crate) input: String,
    /// The topic that outputs are written to, with as many partitions.
    #[arg(long)]
    pub(crate) output: String,
    /// Events per second.
    #[arg(long, default_value = "10000")]
    pub(crate) rate: NonZeroU64,
    /// How long to send.
    #[arg(long, default_value = "30s", value_parser = crate::arguments::duration)]
    pub(crate) duration: Duration,
    /// Outputs of this time are left out of the figures.
    #[arg(long, default_value = "5s", value_parser = crate::arguments::duration)]
    pub(crate) warmup: Duration,
    /// How long the first output waits for its commit.
    #[arg(long, default_value = "20ms", value_parser = crate::arguments::duration)]
    pub(crate) commit_every: Duration,
    /// One event in this many makes an output.
    #[arg(long, default_value = "100")]
    pub(crate) outputs_every: NonZeroU64,
    /// Bytes of an event.
    #[arg(long, default_value_t = 780, value_parser = clap::value_parser!(u64).range(64..=100_000))]
    pub(crate) event_bytes: u64,
    /// Bytes of the record beside the outputs, for each partition and commit.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(16..=500_000))]
    pub(crate) changelog_bytes: u64,
}

/// Runs the echo; the latency of its outputs, from the moment at which their event was due.
pub(crate) fn run(settings: &Echo) -> Result<Summary> {
    let schedule = Schedule::new(settings.rate, settings.duration);
    let stop = AtomicBool::new(false);
    let reader = at_end(&settings.kafka, &settings.output)?;
    let echo = Echoer::join(settings)?;
    let start = Instant::now();
    thread::scope(|scope| {
        let echoing = scope.spawn(|| {
            let result = echo.run(&stop);
            stop.store(true, Ordering::Relaxed);
            result
        });
        let reading = scope.spawn(|| read(&reader, settings, &schedule, start, &stop));
        let sent = send(settings, &schedule, start, &stop);
        // The last outputs are committed and read.
        thread::sleep(Duration::from_secs(2));
        stop.store(true, Ordering::Relaxed);
        sent?;
        echoing.join().map_err(|_| anyhow::anyhow!("the echo has panicked"))??;
        let latencies = reading.join().map_err(|_| anyhow::anyhow!("the reader has panicked"))??;
        latencies.summary().context("no output came back")
    })
}

/// A reader of all partitions from their ends.
fn at_end(broker: &str, topic: &str) -> Result<BaseConsumer> {
    let consumer: BaseConsumer =
        kafka::consumer(broker).create().context("creating the reader of outputs")?;
    let mut assignment = TopicPartitionList::new();
    for partition in kafka::partitions(&consumer, broker, topic, PATIENCE)? {
        let (_, end) = consumer.fetch_watermarks(topic, partition, PATIENCE)?;
        assignment.add_partition_offset(topic, partition, Offset::Offset(end))?;
    }
    consumer.assign(&assignment)?;
    Ok(consumer)
}

fn read(
    reader: &BaseConsumer,
    settings: &Echo,
    schedule: &Schedule,
    start: Instant,
    stop: &AtomicBool,
) -> Result<Latencies> {
    let mut latencies = Latencies::new();
    while !stop.load(Ordering::Relaxed) {
        match reader.poll(Duration::from_millis(100)) {
            Some(Ok(record)) => {
                let now = start.elapsed();
                // Without a key it is the record beside the outputs.
                let output = record.key().and_then(|_| record.payload());
                let Some(sequence) = output.and_then(sequence) else { continue };
                let due = schedule.due(sequence);
                if due >= settings.warmup {
                    latencies.record(now.saturating_sub(due));
                }
            },
            Some(Err(error)) if !kafka::passing(&error) => return Err(error).context("reading outputs"),
            _ => {},
        }
    }
    Ok(latencies)
}

/// Sends events when they are due.
fn send(settings: &Echo, schedule: &Schedule, start: Instant, stop: &AtomicBool) -> Result<()> {
    let producer: ThreadedProducer<Delivered> = ClientConfig::new()
        .set("bootstrap.servers", &settings.kafka)
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("linger.ms", "1")
        .set("batch.size", "262144")
        .set("queue.buffering.max.messages", "1000000")
        .create_with_context(Delivered::default())?;
    let mut chance = SplitMix::new(1);
    let size = usize::try_from(settings.event_bytes)?;
    let mut body = Vec::new();
    while body.len() < size {
        body.extend_from_slice(format!("{:016x}", chance.next()).as_bytes());
    }
    body.truncate(size);
    let mut next = 0;
    while next < schedule.count() && !stop.load(Ordering::Relaxed) {
        let due = schedule.due_by(start.elapsed());
        while next < due {
            body.splice(..16, format!("{next:016}").into_bytes());
            let key = (next % 50).to_string();
            let sent = producer.send(BaseRecord::to(&settings.input).key(&key).payload(&body));
            sent.map_err(|(error, _)| error).context("sending an event")?;
            next += 1;
        }
        thread::sleep(POLL);
    }
    producer.flush(PATIENCE).context("sending events")
}

fn sequence(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value.get(..16)?).ok()?.parse().ok()
}

/// Counts records that were delivered.
#[derive(Clone, Default)]
struct Delivered(Arc<AtomicU64>);

impl ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        // A failure is seen in what the transaction then answers.
        if result.is_ok() {
            self.0.fetch_add(1, Ordering::Release);
        }
    }
}

/// The echo itself.
struct Echoer<'s> {
    settings: &'s Echo,
    consumer: BaseConsumer,
    producer: ThreadedProducer<Delivered>,
    delivered: Delivered,
}

impl<'s> Echoer<'s> {
    /// Joins a group of its own and waits until it has its partitions.
    fn join(settings: &'s Echo) -> Result<Self> {
        let name = format!("loadgen-echo-{}", Uuid::new_v4().simple());
        let mut config = kafka::consumer(&settings.kafka);
        config.set("group.id", &name).set("auto.offset.reset", "latest").set("fetch.queue.backoff.ms", "5");
        let consumer: BaseConsumer = config.create().context("creating the echo's consumer")?;
        kafka::partitions(&consumer, &settings.kafka, &settings.input, PATIENCE)?;
        consumer.subscribe(&[&settings.input])?;
        let deadline = Instant::now() + PATIENCE;
        while consumer.assignment()?.count() == 0 {
            ensure!(Instant::now() < deadline, "the echo was not given any partition of {}", settings.input);
            drop(consumer.poll(POLL));
        }
        // Until positions are known, records that come now would be missed.
        thread::sleep(Duration::from_secs(1));
        drop(consumer.poll(POLL));
        let delivered = Delivered::default();
        let producer: ThreadedProducer<Delivered> = ClientConfig::new()
            .set("bootstrap.servers", &settings.kafka)
            .set("transactional.id", &name)
            .set("compression.type", "lz4")
            .set("linger.ms", "0")
            .set("retry.backoff.ms", "5")
            .create_with_context(delivered.clone())?;
        producer.init_transactions(PATIENCE).context("starting the echo's producer")?;
        Ok(Self { settings, consumer, producer, delivered })
    }

    fn run(&self, stop: &AtomicBool) -> Result<()> {
        let mut positions: BTreeMap<i32, i64> = BTreeMap::new();
        let mut outputs: Vec<(i32, u64)> = Vec::new();
        let mut since: Option<Instant> = None;
        while !stop.load(Ordering::Relaxed) {
            match self.consumer.poll(POLL) {
                Some(Ok(record)) => {
                    positions.insert(record.partition(), record.offset() + 1);
                    let sequence = record.payload().and_then(sequence);
                    if let Some(sequence) =
                        sequence.filter(|it| it.is_multiple_of(self.settings.outputs_every.get()))
                    {
                        outputs.push((record.partition(), sequence));
                        since.get_or_insert_with(Instant::now);
                    }
                },
                Some(Err(error)) if !kafka::passing(&error) => return Err(error).context("reading events"),
                _ => {},
            }
            if since.is_some_and(|since| since.elapsed() >= self.settings.commit_every) {
                self.commit(&positions, &outputs)?;
                positions.clear();
                outputs.clear();
                since = None;
            }
        }
        Ok(())
    }

    fn commit(&self, positions: &BTreeMap<i32, i64>, outputs: &[(i32, u64)]) -> Result<()> {
        let topic = &self.settings.output;
        let filler = vec![b'x'; usize::try_from(self.settings.changelog_bytes)?];
        let before = self.delivered.0.load(Ordering::Acquire);
        let send = |record: BaseRecord<'_, str, [u8]>| {
            self.producer.send(record).map_err(|(error, _)| error).context("sending an output")
        };
        self.producer.begin_transaction()?;
        for (partition, sequence) in outputs {
            let mut value = format!("{sequence:016}").into_bytes();
            value.resize(OUTPUT_BYTES, b'x');
            send(BaseRecord::to(topic).partition(*partition).key("output").payload(value.as_slice()))?;
        }
        let mut list = TopicPartitionList::new();
        for (partition, next) in positions {
            send(BaseRecord::to(topic).partition(*partition).payload(filler.as_slice()))?;
            list.add_partition_offset(&self.settings.input, *partition, Offset::Offset(*next))?;
        }
        let group = self.consumer.group_metadata().context("the echo is in no group")?;
        self.producer.send_offsets_to_transaction(&list, &group, PATIENCE)?;
        // The client's own commit sleeps for 100 ms while a record counts as in flight.
        let wanted = before + (outputs.len() + positions.len()) as u64;
        let deadline = Instant::now() + PATIENCE;
        while self.delivered.0.load(Ordering::Acquire) < wanted || self.producer.in_flight_count() > 0 {
            if Instant::now() > deadline {
                bail!("outputs were not delivered in time");
            }
            thread::sleep(Duration::from_micros(100));
        }
        self.producer.commit_transaction(PATIENCE).context("committing outputs")
    }
}
